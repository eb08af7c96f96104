/**
 * What the tests of node slices on a real API server share.
 *
 * @module
 */
import assert from "node:assert/strict";
import { eventually } from "../support/process.ts";
import { Lab } from "./live.ts";

/** A lab with helpers for slices. */
export interface Sliced extends AsyncDisposable {
  readonly lab: Lab;
  readonly objects: Lab["objects"];
  /** A node's name in the cluster. */
  readonly real: (name: string) => string;
  /** Creates or changes a network. */
  readonly define: (name: string, ipam: Record<string, unknown>) => Promise<void>;
  /** Waits until the nodes have these slices. */
  readonly become: (pool: string, wanted: readonly string[]) => Promise<void>;
}

/** A lab with nodes of these names, made unique in the cluster. */
export async function sliced(...names: string[]): Promise<Sliced> {
  const lab = await Lab.make();
  const { objects } = lab;
  const real = (name: string) => `${lab.kube.namespace}-${name}`;
  for (const name of names) await objects.node(real(name));
  const ours = async (pool: string) =>
    (await objects.slices(pool)).filter((one) => one.includes(` ${lab.kube.namespace}-`))
      .map((one) => one.replace(`${lab.kube.namespace}-`, ""));
  return {
    lab,
    objects,
    real,
    define: (name: string, ipam: Record<string, unknown>) =>
      objects.attachment(name, { name, type: "macvlan", ipam: { type: "whereabouts", ...ipam } }),
    become: async (pool: string, wanted: readonly string[]) => {
      let seen: unknown;
      await eventually(`slices of ${pool}`, async () => {
        seen = await ours(pool);
        return JSON.stringify(seen) === JSON.stringify(wanted);
      }, 60_000).catch(() => assert.deepEqual(seen, wanted, pool));
    },
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}
