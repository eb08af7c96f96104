import assert from "node:assert/strict";
import { findReuseProblems } from "../../src/controllers/reuse_settings.ts";
import { networkRules } from "../../src/controllers/networks.ts";
import { network } from "./lab.ts";

const RANGE = { range: "10.63.0.0/24" };

async function networks(...settings: readonly (readonly [name: string, ipam: Record<string, unknown>])[]) {
  return await Promise.all(settings.map(([name, ipam]) => network(name, ipam)));
}

Deno.test("findReuseProblems reports networks whose order or reuse_after differs from another one of the pool", async () => {
  const rests = { ...RANGE, reuse_after: "60s" };
  const read = await networks(["a", RANGE], ["b", rests], ["c", { ...RANGE, order: "rotate" }], ["d", RANGE]);
  assert.deepEqual(findReuseProblems(read).map(({ attachment }) => attachment.name), ["b", "c"]);
  assert.match(
    findReuseProblems(read)[0]?.message ?? "",
    /^Network \S+\/b allocates from 10\.63\.0\.0\/24 with order lowest and reuse_after 60s, and network \S+\/a with order lowest and no /,
  );
  assert.deepEqual(networkRules(read).networkFindings().map(({ kind, pool }) => [kind, pool.split("/")[1]]), [
    ["reuse-settings-differ", "b"],
    ["reuse-settings-differ", "c"],
  ]);
  const twice = await networks(["a", RANGE], ["b", { ipRanges: [rests, { range: "10.64.0.0/24" }] }]);
  assert.equal(findReuseProblems(twice).length, 1);
});

Deno.test("findReuseProblems accepts equal settings, other ranges and other domains", async () => {
  const rests = { ...RANGE, reuse_after: "60s", order: "random" };
  const read = await networks(
    ["a", rests],
    ["b", { ...rests, reuse_after: "1m" }],
    ["c", { range: "10.63.0.0/25" }],
    ["d", { ...RANGE, network_name: "blue" }],
  );
  assert.deepEqual(findReuseProblems(read), []);
});
