/**
 * Virtual machines as KubeVirt and its IPAM extensions handle them, without KubeVirt: the pods of a machine have the names, labels and
 * annotations of its launchers, and its IPAMClaim the name, owner and finalizer that the extensions give it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { eventually } from "../tests/support/process.ts";
import type { Cluster } from "./cluster.ts";
import { podTemplate, reported } from "./objects.ts";

/** The definition of virtual machines: what owns the claims must be an object that the garbage collector can read. */
export const MACHINES = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "virtualmachines.kubevirt.io" },
  spec: {
    group: "kubevirt.io",
    names: { kind: "VirtualMachine", plural: "virtualmachines", singular: "virtualmachine" },
    scope: "Namespaced",
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
  },
};

const FINALIZER = "kubevirt.io/persistent-ipam";
/** KubeVirt names an interface by a hash of its network: `pod` and 11 hexadecimal digits. */
const INTERFACE = "pod0f4a31c79de";
/** Ends with 0 when the guest shuts down, and with 1 when a migration fails. */
const LAUNCHER = ["sh", "-c", "trap 'exit 0' TERM; trap 'exit 1' USR1; sleep 100000 & wait"];

/** The status of a claim, as stored. */
interface ClaimStatus {
  readonly ips?: readonly string[];
  readonly ownerPod?: { readonly name: string };
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

/** A machine with one interface. */
export class Machine {
  /** The name of its claim. */
  readonly claim: string;
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #net: string;
  /** The uid of its instance, which lives from a start to a stop. */
  #instance = "";

  private constructor(cluster: Cluster, name: string, net: string) {
    this.#cluster = cluster;
    this.#name = name;
    this.#net = net;
    this.claim = `${name}.${net}`;
  }

  /** Creates a stopped machine, and its claim. */
  static async create(cluster: Cluster, name: string, net: string): Promise<Machine> {
    const machine = new Machine(cluster, name, net);
    await cluster.apply({
      apiVersion: "kubevirt.io/v1",
      kind: "VirtualMachine",
      metadata: { name, namespace: "default" },
    });
    const uid = await cluster.kubectl("get", "virtualmachine", name, "-o", "jsonpath={.metadata.uid}");
    const owner = { apiVersion: "kubevirt.io/v1", kind: "VirtualMachine", name, uid };
    await cluster.apply({
      apiVersion: "k8s.cni.cncf.io/v1alpha1",
      kind: "IPAMClaim",
      metadata: {
        name: machine.claim,
        namespace: "default",
        labels: { "kubevirt.io/vm": name },
        finalizers: [FINALIZER],
        ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
      },
      spec: { network: net, interface: "" },
    });
    return machine;
  }

  /** Starts it on a node, and waits for its launcher. @returns the launcher's name */
  async start(node: string): Promise<string> {
    this.#instance = crypto.randomUUID();
    return await this.#launch(node, {});
  }

  /** Begins to move it to a node, and waits for the target's launcher. @returns the launcher's name */
  async migrate(node: string): Promise<string> {
    return await this.#launch(node, { "kubevirt.io/migrationJobUID": crypto.randomUUID() });
  }

  /** Ends the program of a launcher, whose pod stays, and waits until its network is gone. */
  async end(launcher: string, phase: "Succeeded" | "Failed"): Promise<void> {
    await this.#cluster.kubectl("exec", launcher, "--", "kill", phase === "Succeeded" ? "-TERM" : "-USR1", "1");
    const wait = (what: string) => this.#cluster.kubectl("wait", `--for=${what}`, "--timeout=60s", `pod/${launcher}`);
    await wait(`jsonpath={.status.phase}=${phase}`);
    await wait("condition=PodReadyToStartContainers=False");
  }

  /** Deletes a launcher, and waits until it is gone. */
  async remove(launcher: string): Promise<void> {
    await this.#cluster.kubectl("delete", "pod", launcher, "--timeout=90s");
  }

  /** Deletes the machine, and waits until its claim is being deleted; the claim stays until {@linkcode forget}. */
  async delete(): Promise<void> {
    await this.#cluster.kubectl("delete", "virtualmachine", this.#name, "--cascade=foreground", "--wait=false");
    const deleted = `--for=jsonpath={.metadata.deletionTimestamp}`;
    await this.#cluster.kubectl("wait", deleted, "--timeout=60s", `ipamclaim/${this.claim}`);
  }

  /** Lets the claim go, as the extensions do when a deleted machine has no launcher any more. */
  async forget(): Promise<void> {
    const patch = '--patch={"metadata":{"finalizers":null}}';
    await this.#cluster.kubectl("patch", "ipamclaim", this.claim, "--type=merge", patch);
    const gone = [`ipamclaim/${this.claim}`, `virtualmachine/${this.#name}`];
    await this.#cluster.kubectl("wait", "--for=delete", "--timeout=60s", ...gone);
  }

  /** The address on the interface of a launcher, after it was compared with the one that Multus reports. */
  async addressOf(launcher: string): Promise<string | undefined> {
    const options = { ifName: INTERFACE, label: "vm.kubevirt.io/name" };
    const ips = (await reported(this.#cluster, this.#name, options)).get(launcher);
    const shown = await this.#cluster.kubectl("exec", launcher, "--", "ip", "-4", "address", "show", "dev", INTERFACE);
    const [, address = ""] = /inet (\S+)/.exec(shown) ?? [];
    assert.deepEqual(ips, [address.split("/")[0]], `Multus reports another address for ${launcher}`);
    return address;
  }

  /** Waits until the status of its claim is that of an address and of the launcher that uses it. */
  async reports(ip: string, launcher?: string): Promise<void> {
    const wanted = JSON.stringify([[ip], launcher ?? "", "True", "SuccessfulAllocation"]);
    let seen = "";
    const isWritten = async () => {
      const text = await this.#cluster.kubectl("get", "ipamclaim", this.claim, "-o", "jsonpath={.status}");
      const { ips = [], ownerPod, conditions = [] }: ClaimStatus = JSON.parse(text || "{}");
      const { status, reason } = conditions.find(({ type }) => type === "IPsAllocated") ?? {};
      seen = JSON.stringify([ips, ownerPod?.name ?? "", status, reason]);
      return seen === wanted;
    };
    await eventually(`status ${wanted} of IPAMClaim ${this.claim}`, isWritten, 60_000).catch((cause) => {
      throw new Error(`The status of IPAMClaim ${this.claim} is ${seen}`, { cause });
    });
  }

  async #launch(nodeName: string, more: Record<string, string>): Promise<string> {
    const name = `virt-launcher-${this.#name}-${crypto.randomUUID().slice(0, 5)}`;
    const element = { name: this.#net, namespace: "default", interface: INTERFACE, "ipam-claim-reference": this.claim };
    const { spec } = podTemplate(this.#net, { nodeName, restartPolicy: "Never" });
    const [container] = (spec as { containers: readonly Record<string, unknown>[] }).containers;
    await this.#cluster.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        namespace: "default",
        labels: {
          "kubevirt.io": "virt-launcher",
          "kubevirt.io/created-by": this.#instance,
          "vm.kubevirt.io/name": this.#name,
          ...more,
        },
        annotations: { "kubevirt.io/domain": this.#name, "k8s.v1.cni.cncf.io/networks": JSON.stringify([element]) },
      },
      spec: { ...spec as object, containers: [{ ...container, name: "compute", command: LAUNCHER }] },
    });
    await this.#cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", `pod/${name}`);
    return name;
  }
}
