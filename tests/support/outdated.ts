/**
 * Custom resources of older releases: their schemas know less.
 *
 * @module
 */
import { parse, stringify } from "yaml";
import type { Kube } from "./kube.ts";
import { eventually } from "./process.ts";

const CRDS = new URL("../../install/manifests/crds/", import.meta.url);
const KINDS = ["ippools", "overlappingrangeipreservations"] as const;

/** Members that a schema knows of an IPPool, of an entry, and of a reservation. */
export interface Schema {
  readonly pool: readonly string[];
  readonly entry: readonly string[];
  readonly reservation: readonly string[];
}

/** The original's of today. */
export const NEWEST: Schema = {
  pool: ["range", "allocations"],
  entry: ["id", "podref", "ifname"],
  reservation: ["podref", "ifname", "containerid"],
};
/** Entries and reservations without an interface. */
export const BEFORE_0_8: Schema = { ...NEWEST, entry: ["id", "podref"], reservation: ["podref", "containerid"] };
/** Reservations without a pod. */
export const FIRST: Schema = { ...NEWEST, reservation: ["containerid"] };

/** Our CRDs with nothing but these members. */
export async function downgrade(kube: Kube, { pool, entry, reservation }: Schema): Promise<void> {
  const only = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, { type: "string" } as Record<string, unknown>]));
  const specs = {
    ippools: {
      type: "object",
      properties: {
        ...only(pool),
        allocations: { type: "object", additionalProperties: { type: "object", properties: only(entry) } },
      },
    },
    overlappingrangeipreservations: { type: "object", properties: only(reservation) },
  };
  for (const kind of KINDS) {
    const crd = parse(await Deno.readTextFile(new URL(`${kind}.yaml`, CRDS)));
    crd.spec.versions[0].schema.openAPIV3Schema.properties.spec = specs[kind];
    const file = `${kube.folder}/${kind}.yaml`;
    await Deno.writeTextFile(file, stringify(crd));
    await kube.kubectl("apply", "-f", file);
  }
  const unknown = [
    ...["x"].map((name) => `spec.${name}`),
    ...["ifname", "x"].filter((name) => !entry.includes(name)).map((name) => `spec.allocations.1.${name}`),
    ...["podref", "ifname", "x"].filter((name) => !reservation.includes(name)).map((name) => `spec.${name}`),
  ];
  await eventually("the schemas", async () => (await unknownTo(kube)).sort().join() === unknown.sort().join());
}

/** The fields that the API server does not know at this moment, as it tells kubectl, which asks to be strict. */
async function unknownTo(kube: Kube): Promise<string[]> {
  const owner = { podref: "a/b", ifname: "n", x: "x" };
  const spec = { range: "10.0.0.0/24", allocations: { "1": { ...owner, id: "i" } }, x: "x" };
  const refused = [create(kube, "IPPool", spec), create(kube, "OverlappingRangeIPReservation", owner)];
  const answers = await Promise.all(refused.map((one) => one.then(() => "", String)));
  return answers.flatMap((answer) =>
    Array.from(answer.matchAll(/unknown field "([^"]+)"/g), ([, field]) => field ?? "")
  );
}

async function create(kube: Kube, kind: string, spec: unknown): Promise<void> {
  const file = `${kube.folder}/${kind}.json`;
  const object = { apiVersion: "whereabouts.cni.cncf.io/v1alpha1", kind, metadata: { name: "probe" }, spec };
  await Deno.writeTextFile(file, JSON.stringify(object));
  await kube.kubectl("create", "--dry-run=server", "-f", file);
}
