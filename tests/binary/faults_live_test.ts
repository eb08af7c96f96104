import assert from "node:assert/strict";
import { binary, type Call, callPlugin } from "../support/binary.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import { eventually } from "../support/process.ts";
import { type Fate, FaultProxy } from "../support/proxy.ts";

const PLUGIN = await binary();

/** Faults of one request. */
const FATES: Readonly<Record<string, Fate>> = {
  "409": { status: 409 },
  "422": { status: 422 },
  "429": { status: 429, retryAfter: 1 },
  "500": { status: 500 },
  "503": { status: 503 },
  "a closed connection": "close",
  "a lost answer": "lose",
  "half an answer": "cut",
};

/** Requests of an ADD of two ranges with reservations, and of its DEL. */
const ADD_REQUESTS = 6;
const DEL_REQUESTS = 4;

interface State {
  readonly entries: readonly string[];
  readonly reservations: readonly string[];
}

/** `podref` of every entry and reservation in the namespace. */
async function state(kube: Kube): Promise<State> {
  const { items } = JSON.parse(await kube.kubectl("get", "ippools,overlappingrangeipreservations", "-o", "json"));
  const pools = items.filter(({ kind }: { kind: string }) => kind === "IPPool");
  const others = items.filter(({ kind }: { kind: string }) => kind !== "IPPool");
  return {
    entries: pools.flatMap(({ spec }: { spec: { allocations: Record<string, { podref: string }> } }) =>
      Object.values(spec.allocations).map(({ podref }) => podref)
    ),
    reservations: others.map(({ spec }: { spec: { podref: string } }) => spec.podref),
  };
}

async function network(proxy: FaultProxy, octet: number): Promise<Record<string, unknown>> {
  const kubernetes = { kubeconfig: await proxy.kubeconfig() };
  const ranges = { range: `10.70.${octet}.0/24`, ipRanges: [{ range: `fd70:${octet}::/64` }] };
  return { cniVersion: "1.0.0", name: "net", ipam: { type: "whereabouts", log_level: "error", kubernetes, ...ranges } };
}

function assertError({ code, stdout }: { code: number; stdout: string }, expected: readonly number[]): void {
  assert.equal(code, 1);
  const error = JSON.parse(stdout);
  assert(expected.includes(error.code), stdout);
  assert.doesNotMatch(stdout, /\n\s+at /);
}

const WHOLE: State = { entries: ["default/p", "default/p"], reservations: ["default/p", "default/p"] };
const EMPTY: State = { entries: [], reservations: [] };

for (const [name, fate] of Object.entries(FATES)) {
  Deno.test(`the plugin survives ${name} at any request of ADD and DEL`, async () => {
    await using kube = await makeKube();
    await using proxy = await FaultProxy.start(kube);
    const conf = await network(proxy, 1);
    const call: Omit<Call, "verb"> = { conf, containerId: "c", pod: "p" };
    for (let at = 0; at < ADD_REQUESTS; at++) {
      const first = proxy.requests.length;
      proxy.plan = ({ index }) => index === first + at ? fate : "pass";
      const added = await callPlugin(PLUGIN, { ...call, verb: "ADD" });
      if (added.code === 0) assert.deepEqual(await state(kube), WHOLE, `ADD, request ${at}`);
      else {
        assertError(added, [11, 102]);
        assert.deepEqual(await state(kube), EMPTY, `ADD failed at request ${at}`);
      }
      proxy.plan = () => "pass";
      const again = await callPlugin(PLUGIN, { ...call, verb: "ADD" });
      assert.deepEqual(JSON.parse(again.stdout).ips.map((ip: { address: string }) => ip.address), [
        "10.70.1.1/24",
        "fd70:1::1/64",
      ]);
      assert.equal((await callPlugin(PLUGIN, { ...call, verb: "DEL" })).code, 0);
      assert.deepEqual(await state(kube), EMPTY);
    }
    for (let at = 0; at < DEL_REQUESTS; at++) {
      assert.equal((await callPlugin(PLUGIN, { ...call, verb: "ADD" })).code, 0);
      const first = proxy.requests.length;
      proxy.plan = ({ index }) => index === first + at ? fate : "pass";
      const deleted = await callPlugin(PLUGIN, { ...call, verb: "DEL" });
      proxy.plan = () => "pass";
      if (deleted.code !== 0) {
        assertError(deleted, [11, 102]);
        assert.equal((await callPlugin(PLUGIN, { ...call, verb: "DEL" })).code, 0);
      }
      assert.deepEqual(await state(kube), EMPTY, `DEL, request ${at}`);
    }
  });
}

Deno.test("the plugin answers code 11 when the API server is unreachable, and abandons a request that hangs", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  const conf = await network(proxy, 2);
  const call: Omit<Call, "verb"> = { conf, containerId: "c", pod: "p" };
  proxy.plan = () => "close";
  const refused = await callPlugin(PLUGIN, { ...call, verb: "ADD" });
  assertError(refused, [11]);
  assert.match(JSON.parse(refused.stdout).msg, /Cannot reach the API server https:\/\/127\.0\.0\.1:\d+ to get IPPool/);
  const first = proxy.requests.length;
  proxy.plan = ({ index }) => index === first + 1 ? "hang" : "pass";
  assert.equal((await callPlugin(PLUGIN, { ...call, verb: "ADD" })).code, 0);
  assert.deepEqual(await state(kube), WHOLE);
});

/** Repeats the ADD of a pod until the store holds that pod only: a call finishes as much of a pending release as its time allows. */
async function untilReleased(kube: Kube, conf: unknown): Promise<void> {
  await eventually("the pending release is finished", async () => {
    assert.equal((await callPlugin(PLUGIN, { verb: "ADD", conf, containerId: "d", pod: "q" })).code, 0);
    const { entries, reservations } = await state(kube);
    return [...entries, ...reservations].every((pod) => pod === "default/q");
  });
  const { entries, reservations } = await state(kube);
  assert.deepEqual([entries, reservations], [["default/q", "default/q"], ["default/q", "default/q"]]);
}

Deno.test("a DEL without an API server becomes a pending release, which the next successful calls finish", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  const conf = await network(proxy, 3);
  assert.equal((await callPlugin(PLUGIN, { verb: "ADD", conf, containerId: "c", pod: "p" })).code, 0);
  proxy.plan = () => "close";
  assertError(await callPlugin(PLUGIN, { verb: "DEL", conf, containerId: "c", pod: "p" }), [11]);
  assert.deepEqual(await state(kube), WHOLE);
  proxy.plan = () => "pass";
  await untilReleased(kube, conf);
});

Deno.test("a DEL that a starting API server refuses fails and becomes a pending release, which later calls finish", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  const conf = await network(proxy, 4);
  assert.equal((await callPlugin(PLUGIN, { verb: "ADD", conf, containerId: "c", pod: "p" })).code, 0);
  proxy.plan = () => ({ status: 403 });
  assertError(await callPlugin(PLUGIN, { verb: "DEL", conf, containerId: "c", pod: "p" }), [102]);
  assert.deepEqual(await state(kube), WHOLE);
  proxy.plan = () => "pass";
  await untilReleased(kube, conf);
});
