/**
 * A cluster for a single test, and commands on a namespace of it: commands then report nothing of other tests.
 *
 * @module
 */
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { ControlPlane, type Kube, namespaceOf } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { call, type Ran } from "./lab.ts";

/** A cluster with NetworkAttachmentDefinitions. */
export interface TestCluster extends AsyncDisposable {
  /** The control plane. */
  readonly plane: ControlPlane;
  /** A namespace of it. */
  readonly kube: Kube;
  /** Objects of that namespace. */
  readonly objects: Objects;
  /** Runs a command on that namespace. */
  ask(...args: string[]): Promise<Ran>;
  /** Defines a network with these IPAM fields. */
  define(name: string, ipam: Record<string, unknown>, more?: Record<string, unknown>): Promise<void>;
}

/** Starts a cluster. */
export async function makeCluster(): Promise<TestCluster> {
  const plane = await ControlPlane.start();
  const kube = await namespaceOf(plane.facts);
  const objects = new Objects(kube);
  await objects.installAttachments();
  return {
    plane,
    kube,
    objects,
    ask: (...args) => call({ openCluster }, ...args, "--kubeconfig", kube.kubeconfig),
    define: (name, ipam, more) =>
      objects.attachment(name, {
        cniVersion: "0.3.1",
        name,
        type: "macvlan",
        ...more,
        ipam: { type: "whereabouts", ...ipam },
      }),
    [Symbol.asyncDispose]: async () => {
      objects[Symbol.dispose]();
      await plane[Symbol.asyncDispose]();
    },
  };
}

/** The findings of `check --json`. */
export function findingsOf({ out }: Ran): Record<string, string>[] {
  return JSON.parse(out).findings;
}
