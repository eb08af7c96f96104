import assert from "node:assert/strict";
import { binary, type Call, callPlugin } from "../support/binary.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import { type Finished, killNow } from "../support/process.ts";

const PLUGIN = await binary();

function network(kube: Kube, range: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const kubernetes = { kubeconfig: kube.kubeconfig };
  return {
    cniVersion: "1.1.0",
    name: "net",
    ipam: { type: "whereabouts", log_level: "error", kubernetes, range, ...more },
  };
}

async function succeed(call: Call): Promise<string[]> {
  const { code, stdout, stderr } = await callPlugin(PLUGIN, call);
  assert.equal(code, 0, `${stdout} ${stderr}`);
  return stdout === "" ? [] : JSON.parse(stdout).ips.map((ip: { address: string }) => ip.address);
}

interface Stored {
  readonly entries: Record<string, { id: string; podref: string; ifname: string }>;
  readonly reservations: Map<string, { podref: string; ifname: string }>;
}

async function stored(kube: Kube, pool: string): Promise<Stored> {
  const get = async (...what: string[]) => JSON.parse(await kube.kubectl("get", ...what, "-o", "json"));
  const { spec } = await get("ippool", pool);
  const { items } = await get("overlappingrangeipreservations");
  const reservations = items.map((
    { metadata, spec }: { metadata: { name: string }; spec: unknown },
  ) => [metadata.name, spec]);
  return { entries: spec.allocations, reservations: new Map(reservations) };
}

/** Pool entries and reservations agree. */
function assertAgree({ entries, reservations }: Stored, base: string): void {
  const expected = Object.entries(entries).map(([offset, { podref, ifname }]) => [`${base}.${offset}`, podref, ifname])
    .sort();
  const found = [...reservations].map(([name, { podref, ifname }]) => [name, podref, ifname]).sort();
  assert.deepEqual(found, expected);
}

Deno.test("the plugin stores an ADD as the original does, answers CHECK, and its DEL leaves nothing", async () => {
  await using kube = await makeKube();
  const conf = network(kube, "10.31.0.0/24");
  const call = { conf, containerId: "9f1c", pod: "web-0" };
  const added = await callPlugin(PLUGIN, { ...call, verb: "ADD" });
  assert.deepEqual(JSON.parse(added.stdout), { cniVersion: "1.1.0", ips: [{ address: "10.31.0.1/24" }] });
  const { entries, reservations } = await stored(kube, "10.31.0.0-24");
  assert.deepEqual(entries, { "1": { id: "9f1c", podref: "default/web-0", ifname: "net1" } });
  assert.deepEqual(reservations.get("10.31.0.1"), { podref: "default/web-0", ifname: "net1", containerid: "9f1c" });
  const checked = { ...call, conf: { ...conf, prevResult: JSON.parse(added.stdout) } };
  assert.deepEqual(await succeed({ ...checked, verb: "CHECK" }), []);
  assert.deepEqual(await succeed({ ...call, verb: "STATUS" }), []);
  assert.deepEqual(await succeed({ ...call, verb: "DEL" }), []);
  assert.deepEqual(await succeed({ ...call, verb: "DEL" }), []);
  const empty = await stored(kube, "10.31.0.0-24");
  assert.deepEqual([empty.entries, empty.reservations.size], [{}, 0]);
  const failed = await callPlugin(PLUGIN, { ...checked, verb: "CHECK" });
  assert.equal(failed.code, 1);
  assert.match(JSON.parse(failed.stdout).msg, /10\.31\.0\.1.*default\/web-0.*free/);
});

Deno.test("the plugin needs three requests for an ADD with a reservation, two without, and two for its DEL, one without", async () => {
  await using kube = await makeKube();
  const conf = network(kube, "10.32.0.0/24");
  await succeed({ verb: "ADD", conf, containerId: "c0", pod: "p0" });
  const before = (await kube.requests()).length;
  await succeed({ verb: "ADD", conf, containerId: "c1", pod: "p1" });
  const reserved = (await kube.requests()).slice(before);
  assert.deepEqual(reserved, ["get ippools", "patch ippools", "create overlappingrangeipreservations"]);
  const plain = network(kube, "10.32.0.0/24", { enable_overlapping_ranges: false });
  await succeed({ verb: "ADD", conf: plain, containerId: "c2", pod: "p2" });
  assert.deepEqual((await kube.requests()).slice(before + 3), ["get ippools", "patch ippools"]);
  await succeed({ verb: "DEL", conf, containerId: "c1", pod: "p1" });
  assert.deepEqual((await kube.requests()).slice(before + 5), [
    "patch ippools",
    "delete overlappingrangeipreservations",
  ]);
  await succeed({ verb: "DEL", conf: plain, containerId: "c2", pod: "p2" });
  assert.deepEqual((await kube.requests()).slice(before + 7), ["patch ippools"]);
});

Deno.test("forty concurrent ADDs get exactly the lowest forty addresses", async () => {
  await using kube = await makeKube();
  const conf = network(kube, "10.33.0.0/24");
  const adds = Array.from({ length: 40 }, (_, i) => succeed({ verb: "ADD", conf, containerId: `c${i}`, pod: `p${i}` }));
  const addresses = (await Promise.all(adds)).flat().map((text) => Number(text.split(".")[3]?.split("/")[0])).sort((
    a,
    b,
  ) => a - b);
  assert.deepEqual(addresses, Array.from({ length: 40 }, (_, i) => i + 1));
  const now = await stored(kube, "10.33.0.0-24");
  assert.equal(Object.keys(now.entries).length, 40);
  assertAgree(now, "10.33.0");
});

Deno.test("store and pods agree after 500 ADDs and DELs with kills at random moments", async () => {
  await using kube = await makeKube();
  const conf = network(kube, "10.34.0.0/25");
  const pods = Array.from({ length: 10 }, (_, i) => churn(conf, i, 25));
  const live = (await Promise.all(pods)).filter((address) => address !== undefined);
  assert.equal(new Set(live).size, live.length);
  const now = await stored(kube, "10.34.0.0-25");
  assert.deepEqual(Object.keys(now.entries).map((offset) => `10.34.0.${offset}/25`).sort(), live.sort());
  assertAgree(now, "10.34.0");
});

/** A pod that is recreated: an ADD and a DEL each round, of which three in ten are killed and repeated, as a runtime does. */
async function churn(conf: unknown, pod: number, rounds: number): Promise<string | undefined> {
  let address: string | undefined;
  for (let round = 0; round < rounds; round++) {
    const call = { conf, pod: `churn-${pod}`, containerId: `c${pod}x${round}` };
    if (Math.random() < 0.3) await killed({ ...call, verb: "ADD" });
    [address] = await succeed({ ...call, verb: "ADD" });
    if (round === rounds - 1) break;
    if (Math.random() < 0.3) await killed({ ...call, verb: "DEL" });
    await succeed({ ...call, verb: "DEL" });
  }
  return address;
}

/** Starts a call and kills it within the time that a call takes. */
async function killed(call: Call): Promise<Finished | void> {
  const { environmentOf } = await import("../support/binary.ts");
  const child = new Deno.Command(PLUGIN, {
    env: environmentOf(call),
    clearEnv: true,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(call.conf))).catch(() => {});
  await writer.close().catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 120));
  killNow(child);
  await child.status;
}
