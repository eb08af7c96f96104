/**
 * A namespace of a real API server in which the plugin keeps addresses: called in this process, with one journal for each node.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openKubernetes } from "../../drivers/kubernetes/driver.ts";
import { makeCall } from "../../src/call/call.ts";
import { directHost } from "../../src/cni/host.ts";
import { runPlugin } from "../../src/cni/plugin.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { applyIpamClaims } from "../support/ipam_claims.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";

/** The answer of a call: the address, or code and message of the error. */
export interface Result {
  readonly ip?: string;
  readonly code?: number;
  readonly msg?: string;
  /** The whole answer, for CHECK. */
  readonly prevResult?: unknown;
}

/** An attachment, or what a call names of it. */
export interface Attachment {
  readonly containerId: string;
  readonly pod: string;
  readonly ifName?: string;
  readonly prevResult?: unknown;
  readonly claim?: string;
}

/** A pod as an API server has it. */
export interface PodOptions {
  /** Claims by interface. */
  readonly claims?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner?: { readonly name: string; readonly uid: string };
}

/** Labels of the launcher of a virtual machine, and of the target of its migration. */
export const SOURCE = { "kubevirt.io": "virt-launcher", "kubevirt.io/created-by": "vmi-1" };
export const TARGET = { ...SOURCE, "kubevirt.io/migrationJobUID": "job-1" };

/** One namespace. */
export class KeeperLab implements AsyncDisposable {
  readonly objects: Objects;
  readonly #kube: Kube & AsyncDisposable;
  readonly #folder = Deno.makeTempDirSync();

  constructor(kube: Kube & AsyncDisposable) {
    this.#kube = kube;
    this.objects = new Objects(kube);
  }

  get kube(): Kube {
    return this.#kube;
  }

  /** The network `net`. */
  conf(ipam: Record<string, unknown> = {}, kubeconfig = this.#kube.kubeconfig): Record<string, unknown> {
    const settings = { allow_persistent_ips: true, ...ipam };
    return {
      cniVersion: "1.1.0",
      name: "net",
      ipam: { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig }, range: "10.81.0.0/24", ...settings },
    };
  }

  /** Calls the plugin on a node, in this process. */
  async call(verb: string, conf: Record<string, unknown>, one: Attachment, node = "node1"): Promise<Result> {
    const { containerId, pod, ifName = "net1", prevResult, claim } = one;
    const variables: Record<string, string> = {
      WHEREABOUTS_JOURNAL: `${this.#folder}/${node}`,
      WHEREABOUTS_ALLOW_PATHS: this.#kube.folder,
      NODENAME: node,
    };
    const world = { ...denoWorld(), env: (name: string) => variables[name], stderr: () => {} };
    const env = {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: containerId,
      CNI_IFNAME: ifName,
      CNI_NETNS: "/run/netns/none",
      CNI_PATH: "/opt/cni/bin",
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${this.#kube.namespace};K8S_POD_NAME=${pod}`,
    };
    const more = { ...(prevResult !== undefined && { prevResult }), ...(claim && { args: { cni: reference(claim) } }) };
    const load = () => Promise.resolve(openKubernetes);
    const answer = await runPlugin(makeCall(env, JSON.stringify({ ...conf, ...more })), directHost(world, load));
    const parsed = answer.stdout === "" ? {} : JSON.parse(answer.stdout);
    if (answer.exitCode !== 0) return { code: parsed.code, msg: parsed.msg };
    return { ip: parsed.ips?.[0]?.address, prevResult: parsed };
  }

  /** The address of an ADD that succeeds. */
  async add(one: Attachment, node = "node1", conf = this.conf()): Promise<string | undefined> {
    const { ip, code, msg } = await this.call("ADD", conf, one, node);
    assert.equal(code, undefined, msg);
    return ip;
  }

  async del(one: Attachment, node = "node1", conf = this.conf()): Promise<void> {
    const { code, msg } = await this.call("DEL", conf, one, node);
    assert.equal(code, undefined, msg);
  }

  /** CHECK of an address. */
  check(one: Attachment, address: string | undefined, node = "node1"): Promise<Result> {
    return this.call("CHECK", this.conf(), { ...one, prevResult: { cniVersion: "1.1.0", ips: [{ address }] } }, node);
  }

  /** Makes a running pod. */
  async pod(name: string, { claims = {}, labels = {}, annotations = {}, owner }: PodOptions = {}): Promise<void> {
    const networks = Object.entries(claims).map(([ifName, claim]) => ({
      name: "net",
      interface: ifName,
      ...reference(claim),
    }));
    await this.objects.pod(name, {
      annotations: { ...annotations, "k8s.v1.cni.cncf.io/networks": JSON.stringify(networks) },
    });
    const references = owner && [{ apiVersion: "apps/v1", kind: "StatefulSet", controller: true, ...owner }];
    const metadata = { labels, ...(references && { ownerReferences: references }) };
    await this.#kube.kubectl("patch", "pod", name, "--type=merge", `--patch=${JSON.stringify({ metadata })}`);
  }

  /** The entry and the reservation of an address of the range. */
  async stored(octet: number): Promise<Record<string, string | undefined>> {
    const get = async (...what: string[]) => JSON.parse(await this.#kube.kubectl("get", ...what, "-o", "json")).spec;
    const entry = (await get("ippool", "10.81.0.0-24")).allocations[String(octet)];
    const reservation = await get("overlappingrangeipreservations", `10.81.0.${octet}`);
    const name = (ref: string | undefined) => ref?.split("/")[1];
    return {
      pod: name(entry.podref),
      id: entry.id,
      keeper: entry.keeper,
      former: entry.former || undefined,
      reservedBy: name(reservation.podref),
      reservedId: reservation.containerid,
      reservedKeeper: reservation.keeper,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.objects[Symbol.dispose]();
    await Deno.remove(this.#folder, { recursive: true });
    await this.#kube[Symbol.asyncDispose]();
  }
}

/** Makes one. */
export async function keeperLab(): Promise<KeeperLab> {
  const made = new KeeperLab(await makeKube());
  await applyIpamClaims(made.kube);
  return made;
}

function reference(claim: string): Record<string, string> {
  return { "ipam-claim-reference": claim };
}

/** Attachments of three launchers. */
export const A: Attachment = { containerId: "aaaa", pod: "launcher-a" };
export const B: Attachment = { containerId: "bbbb", pod: "launcher-b" };
export const C: Attachment = { containerId: "cccc", pod: "launcher-c" };
/** A pod whose second interface has the claim `vm.net`. */
export const CLAIMS = { claims: { net1: "vm.net" } };
