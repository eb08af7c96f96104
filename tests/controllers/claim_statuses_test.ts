import assert from "node:assert/strict";
import { writeClaimStatuses } from "../../src/controllers/claim_statuses.ts";
import type { ClaimFacts, ClaimStatus } from "../../src/pool/claim_status.ts";
import type { PoolFacts } from "../../src/pool/orphans.ts";
import type { Allocation, Keeper } from "../../src/pool/types.ts";
import { ConflictError, RefusedError } from "../../src/storage/driver.ts";
import { SILENT } from "../../src/world/log.ts";
import { cidr, NEVER } from "./lab.ts";

const key = { network: "", cidr: cidr("10.0.0.0/24") };

function pool(...names: string[]): PoolFacts {
  const allocations = names.map((name, i): Allocation => {
    const keeper: Keeper = { kind: "IPAMClaim", name, uid: `uid-${name}` };
    return { address: key.cidr.base + BigInt(i + 1), podRef: "default/vm", ifName: "net1", containerId: "c", keeper };
  });
  return { key, allocations: new Map(allocations.map((one) => [one.address, one])) };
}

/** Claims of a cluster; a write fails with the error of its name. */
function claims(errors: Record<string, Error> = {}, failed: (name: string) => unknown = () => {}) {
  const written: Record<string, ClaimStatus> = {};
  const asked: string[] = [];
  const facts = ["a", "b", "c"].map((name): ClaimFacts => ({
    namespace: "default",
    name,
    uid: `uid-${name}`,
    version: "1",
    ips: [],
    conditions: [],
  }));
  return {
    written,
    asked,
    list: () => Promise.resolve((asked.push("list"), facts)),
    saveStatus: ({ name }: ClaimFacts, status: ClaimStatus) => {
      const error = errors[name];
      if (error) {
        failed(name);
        return Promise.reject(error);
      }
      written[name] = status;
      return Promise.resolve();
    },
  };
}

const write = (of: ReturnType<typeof claims>, ...pools: PoolFacts[]) =>
  writeClaimStatuses({ claims: of, world: { now: () => 0 }, log: SILENT }, pools, () => undefined, NEVER);

Deno.test("writeClaimStatuses writes each differing status, and sends no request without claims", async () => {
  const cluster = claims();
  assert.deepEqual(await write(cluster), []);
  assert.deepEqual(cluster.asked, []);
  assert.deepEqual(await write(cluster, pool("a", "b")), []);
  assert.deepEqual(Object.entries(cluster.written).map(([name, { ips }]) => [name, ips]), [
    ["a", ["10.0.0.1/24"]],
    ["b", ["10.0.0.2/24"]],
  ]);
});

Deno.test("writeClaimStatuses continues after a claim that it cannot write", async () => {
  const refused = new RefusedError("status 403");
  const cluster = claims({ a: refused });
  assert.deepEqual(await write(cluster, pool("a", "b", "c")), [refused]);
  assert.deepEqual(Object.keys(cluster.written), ["b", "c"]);
  assert.equal(cluster.asked.length, 1);
});

Deno.test("writeClaimStatuses lists again after a conflict, and writes what differs then", async () => {
  const errors: Record<string, Error> = { a: new RefusedError("status 403"), b: new ConflictError("changed") };
  const cluster = claims(errors, (name) => name === "b" && delete errors.b);
  assert.deepEqual(await write(cluster, pool("a", "b", "c")), [errors.a]);
  assert.deepEqual(Object.keys(cluster.written).sort(), ["b", "c"]);
  assert.deepEqual(cluster.asked, ["list", "list"]);
  const conflict = new ConflictError("changed");
  const always = claims({ b: conflict });
  assert.deepEqual(await write(always, pool("a", "b")), [conflict], "it fails after some attempts");
  assert.deepEqual(always.asked.length, 5);
});
