/**
 * Reads keepers of addresses: IPAMClaims and StatefulSets.
 *
 * @module
 */
import type { KeeperFacts } from "../../src/pool/pod_facts.ts";
import type { Keeper } from "../../src/pool/types.ts";
import { RefusedError } from "../../src/storage/driver.ts";
import type { ApiServer } from "./api_server.ts";
import { type KeeperObject, toKeeperFacts } from "./facts.ts";

/**
 * Reads the object of a keeper's kind and name.
 *
 * @returns undefined if the API server answered NotFound for this object
 * @throws {RefusedError} the resource is not served, may not be read, or the object has no uid
 */
export async function findKeeper(
  api: ApiServer,
  { kind, name }: Pick<Keeper, "kind" | "name">,
  namespace: string,
  signal: AbortSignal,
): Promise<KeeperFacts | undefined> {
  const resource = kind === "IPAMClaim" ? "ipamclaims" : "statefulsets";
  const target = { resource, namespace, name } as const;
  const object = await api.request<KeeperObject>({ ...target, verb: "get" }, signal);
  if (!object) return undefined;
  const facts = toKeeperFacts(kind, object);
  if (facts) return facts;
  throw new RefusedError(`Cannot read ${api.what(target)}: it has no uid`);
}
