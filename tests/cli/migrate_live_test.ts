import assert from "node:assert/strict";
import { commandBlocks } from "../documents.ts";
import { EtcdServer } from "../support/etcd.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import { type Finished, freePort, run } from "../support/process.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const OLD = "/whereabouts/10.9.0.0/20";
/** Enough entries for several commits, without addresses that end in .0. */
const ENTRIES = Array.from({ length: 1_400 }, (_, i) => [`10.9.${1 + (i >> 7)}.${1 + (i & 127)}`, `c${i}`] as const);

function command(...args: string[]): string[] {
  return [Deno.execPath(), "run", "-A", "--no-prompt", MAIN, ...args];
}

function whereabouts(...args: string[]): Promise<Finished> {
  return run(command(...args), { env: { NO_COLOR: "1" } });
}

/** Runs it until the API server has so many further writes, then kills it. */
async function killedAfter(writes: number, kube: Kube, args: readonly string[]): Promise<void> {
  const count = async () => (await kube.requests()).filter((one) => /^(create|patch|update) /.test(one)).length;
  const before = await count();
  const [program = "", ...rest] = command(...args);
  const child = new Deno.Command(program, { args: rest, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  let ended = false;
  void child.status.then(() => ended = true);
  while (!ended && await count() < before + writes);
  if (!ended) child.kill("SIGKILL");
  assert.equal((await child.status).signal, "SIGKILL", `it ended before ${writes} writes`);
}

async function poolOf(
  kube: Kube,
  name: string,
): Promise<Record<string, { id: string; podref: string; ifname?: string }>> {
  return JSON.parse(await kube.kubectl("get", "ippool", name, "-o", "json")).spec.allocations;
}

async function reservationsOf(kube: Kube): Promise<Record<string, string>> {
  const { items } = JSON.parse(await kube.kubectl("get", "overlappingrangeipreservations", "-o", "json"));
  type Item = { metadata: { name: string }; spec: { containerid: string } };
  return Object.fromEntries(items.map(({ metadata, spec }: Item) => [metadata.name, spec.containerid]));
}

Deno.test("migrate etcd converts valid records, reports and keeps invalid ones, and exits with 3", async () => {
  await using etcd = await EtcdServer.start();
  await etcd.ctl("put", "/whereabouts/10.9.0.0/24", "10.9.0.1 c1\n10.9.0.2 c2");
  await etcd.ctl("put", "/10.8.0.5/24", "10.8.0.6 c6\n10.8.0.7");
  const flags = ["migrate", "etcd", "--etcd-host", etcd.url];
  const dry = await whereabouts(...flags, "--dry-run");
  assert.match(dry.stdout, /^\/whereabouts\/10\.9\.0\.0\/24 +etcd +2 +2 +0 +would migrate$/m);
  const before = await whereabouts("check", "--etcd-host", etcd.url);
  assert.equal(before.code, 5);
  assert.match(before.stdout, /^unreadable: 2 in 2 places \(/m);
  const { code, stdout, stderr } = await whereabouts(...flags);
  assert.equal(code, 3);
  assert.match(stdout, /^\/whereabouts\/10\.9\.0\.0\/24 +etcd +2 +2 +0 +migrated$/m);
  assert.match(stdout, /^\/10\.8\.0\.5\/24 +etcd +1 +0 +0 +left unchanged$/m);
  assert.match(stderr, /^\/10\.8\.0\.5\/24: Line 2 "10\.8\.0\.7": expected an address, a blank and a container id$/m);
  const shown = await whereabouts("show", "10.9.0.0/24", "--etcd-host", etcd.url);
  assert.match(shown.stdout, /^10\.9\.0\.2 +- +- +c2$/m);
  await etcd.ctl("put", "/10.8.0.5/24", "10.8.0.6 c6\n10.8.0.7 c7");
  assert.equal((await whereabouts(...flags)).code, 0);
  const again = await whereabouts(...flags);
  assert.deepEqual([again.code, again.stdout], [0, "Nothing to migrate\n"]);
  const check = await whereabouts("check", "--etcd-host", etcd.url);
  assert.equal(check.code, 3);
  assert.match(check.stdout, /^unowned: 4 /m);
});

Deno.test("migrate etcd --to kubernetes, killed several times, ends with every entry and reservation exactly once", async () => {
  await using etcd = await EtcdServer.start();
  await using kube = await makeKube();
  await etcd.ctl("put", OLD, ENTRIES.map((entry) => entry.join(" ")).join("\n"));
  const named = { id: "9f1c", podref: "default/web-0", ifname: "net1" };
  await etcd.ctl(
    "put",
    "/whereabouts/pools/_/_/fd00::/64",
    JSON.stringify({ version: 1, allocations: { "fd00::5": named } }),
  );
  const flags = ["migrate", "etcd", "--to", "kubernetes", "--etcd-host", etcd.url, "--kubeconfig", kube.kubeconfig];
  const dry = await whereabouts(...flags, "--dry-run", "--json");
  assert.equal(dry.code, 0, dry.stderr);
  const planned = JSON.parse(dry.stdout).migrated.map(({ pool, to, added }: Record<string, unknown>) =>
    `${pool} ${to} ${added}`
  );
  assert.deepEqual(planned.sort(), ["10.9.0.0/20 etcd 1400", "10.9.0.0/20 kubernetes 1400", "fd00::/64 kubernetes 1"]);
  assert.equal((await kube.kubectl("get", "ippools", "-o", "name")).trim(), "");
  for (const writes of [1, 30, 100, 200, 300]) await killedAfter(writes, kube, flags);
  const last = await whereabouts(...flags);
  assert.equal(last.code, 0, last.stderr);
  const entries = await poolOf(kube, "10.9.0.0-20");
  const expected = ENTRIES.map(([address, id]) => {
    const [, , third, fourth] = address.split(".").map(Number);
    return [`${(third ?? 0) * 256 + (fourth ?? 0)}`, { id, podref: "" }];
  });
  assert.deepEqual(entries, Object.fromEntries(expected));
  assert.deepEqual(await poolOf(kube, "fd00---64"), { "5": named });
  assert.deepEqual(await reservationsOf(kube), { ...Object.fromEntries(ENTRIES), "fd00--5": "9f1c" });
  const again = await whereabouts(...flags);
  assert.deepEqual([again.code, again.stdout], [0, "Nothing to migrate\n"]);
  const byHand = await whereabouts("release", "10.9.1.1", "--yes", "--kubeconfig", kube.kubeconfig);
  assert.match(byHand.stdout, /^10\.9\.1\.1 +pool 10\.9\.0\.0\/20 +container c0 +released$/m);
  assert.deepEqual([(await poolOf(kube, "10.9.0.0-20"))["257"], (await reservationsOf(kube))["10.9.1.1"]], [
    undefined,
    undefined,
  ]);
  const closed = await whereabouts("show", "--etcd-host", etcd.url);
  assert.match(closed.stdout, /^No pools in etcd at /);
});

Deno.test("migrate etcd --to kubernetes moves nothing while an older record is invalid", async () => {
  await using etcd = await EtcdServer.start();
  await using kube = await makeKube();
  await etcd.ctl("put", "/whereabouts/10.9.0.0/24", "10.9.0.1");
  await etcd.ctl("put", "/whereabouts/pools/_/_/10.9.0.0/24", '{"version":1,"allocations":{"10.9.0.2":{"id":"c2"}}}');
  const flags = ["migrate", "etcd", "--to", "kubernetes", "--etcd-host", etcd.url, "--kubeconfig", kube.kubeconfig];
  const { code, stderr } = await whereabouts(...flags);
  assert.equal(code, 3);
  assert.match(stderr, /Nothing was moved to the cluster/);
  assert.equal((await kube.kubectl("get", "ippools", "-o", "name")).trim(), "");
  assert.match((await whereabouts("show", "--etcd-host", etcd.url)).stdout, /^10\.9\.0\.0\/24 +1 /m);
});

Deno.test("migrate etcd --to kubernetes keeps a pool open that the cluster refuses, or while the cluster is unreachable", async () => {
  await using etcd = await EtcdServer.start();
  await using kube = await makeKube();
  const value = '{"version":1,"allocations":{"10.9.0.2":{"id":"c2"}}}';
  await etcd.ctl("put", "/whereabouts/pools/_/_/10.9.0.0/24", value);
  const flags = ["migrate", "etcd", "--to", "kubernetes", "--etcd-host", etcd.url];
  const show = async () => (await whereabouts("show", "--etcd-host", etcd.url)).stdout;
  const dead = await Deno.makeTempFile();
  const config = await Deno.readTextFile(kube.kubeconfig);
  await Deno.writeTextFile(dead, config.replace(kube.url, `https://127.0.0.1:${freePort()}`));
  const silent = await whereabouts(...flags, "--kubeconfig", dead);
  assert.equal(silent.code, 1);
  assert.match(silent.stderr, /Cannot reach the API server/);
  assert.match(await show(), /^10\.9\.0\.0\/24 +1 /m);
  await etcd.ctl("put", "/whereabouts/pools/Blue_1/_/10.9.0.0/24", value);
  const { code, stdout, stderr } = await whereabouts(...flags, "--kubeconfig", kube.kubeconfig);
  assert.equal(code, 3);
  assert.match(stderr, /^pool Blue_1\/10\.9\.0\.0\/24: .*lower-case/m);
  assert.match(stdout, /^pool 10\.9\.0\.0\/24 +kubernetes +1 +1 +0 +migrated$/m);
  assert.match(stdout, /^pool Blue_1\/10\.9\.0\.0\/24 +kubernetes +1 +0 +0 +left unchanged$/m);
  assert.match(await show(), /^Blue_1\/10\.9\.0\.0\/24 +1 /m);
});

Deno.test("migrate: the commands of docs/MIGRATION.md work in their order", async () => {
  await using etcd = await EtcdServer.start();
  await using kube = await makeKube();
  await etcd.ctl("put", "/whereabouts/10.9.0.0/24", "10.9.0.1 c1");
  const [block] = commandBlocks().filter(({ mark }) => mark === "run by tests/cli/migrate_live_test.ts");
  assert(block);
  const lines: string[] = [];
  for (const command of block.commands) {
    const words = command.replace("10.0.0.1:2379", etcd.url).replace("admin.conf", kube.kubeconfig).split(" ");
    assert.equal(words[0], "whereabouts");
    const { code, stdout, stderr } = await whereabouts(...words.slice(1));
    assert.equal(code, 0, stderr);
    lines.push(stdout.split("\n")[1] ?? "");
  }
  assert.deepEqual(lines.map((line) => line.split(/\s{2,}/)), [
    ["/whereabouts/10.9.0.0/24", "etcd", "1", "1", "0", "would migrate"],
    ["/whereabouts/10.9.0.0/24", "etcd", "1", "1", "0", "migrated"],
    ["pool 10.9.0.0/24", "kubernetes", "1", "1", "0", "migrated"],
  ]);
});

Deno.test("migrate reports a usage error, or an unreachable etcd", async () => {
  const wrong: [string[], number, RegExp][] = [
    [[], 2, /expected migrate etcd/],
    [["kubernetes"], 2, /expected migrate etcd/],
    [["etcd", "--to", "embedded"], 2, /--to "embedded": expected etcd or kubernetes/],
    [["etcd"], 1, /etcd_host/],
    [["etcd", "--etcd-host", "127.0.0.1:1"], 1, /Cannot reach etcd at http:\/\/127\.0\.0\.1:1/],
  ];
  for (const [args, code, why] of wrong) {
    const ended = await whereabouts("migrate", ...args);
    assert.deepEqual([ended.code, ended.stdout], [code, ""], ended.stderr);
    assert.match(ended.stderr, why);
  }
});
