import assert from "node:assert/strict";
import { addressesOf } from "../support/agreement.ts";
import { binary, type Call, callPlugin, environmentOf } from "../support/binary.ts";
import { type Kube, makeKube } from "../support/kube.ts";
import type { Finished } from "../support/process.ts";

const PLUGIN = await binary();
const COUNT = 40;
/** Exit code of a program that SIGKILL ended. */
const KILLED = 128 + 9;

function callsOf(kube: Kube, verb: string, range: string): Call[] {
  const ipam = { type: "whereabouts", log_level: "error", kubernetes: { kubeconfig: kube.kubeconfig }, range };
  const conf = { cniVersion: "1.1.0", name: "net", ipam };
  return Array.from({ length: COUNT }, (_, i) => ({ verb, conf, containerId: `c${i}`, pod: `p${i}` }));
}

function failures(answers: readonly Finished[]): readonly Finished[] {
  return answers.filter(({ code }) => code !== 0);
}

/** Addresses in the store: those of the pool's entries, and those of the reservations. */
async function stored(kube: Kube, base: string) {
  const get = async (...what: string[]) => JSON.parse(await kube.kubectl("get", ...what, "-o", "json"));
  const { spec } = await get("ippool", `${base}.0-24`);
  const { items } = await get("overlappingrangeipreservations");
  return {
    entries: Object.keys(spec.allocations).map((offset) => `${base}.${offset}`).sort(),
    reservations: items.map(({ metadata }: { metadata: { name: string } }) => metadata.name).sort(),
  };
}

const LOCKS = "/run/whereabouts/locks";

/** The process of this test file that holds the lock of a pool, as `/proc/locks` has it (proc_locks(5)). */
async function lockHolder(pool: string): Promise<number | undefined> {
  const names = await Array.fromAsync(Deno.readDir(LOCKS)).catch(() => []);
  for (const { name } of names.filter(({ name }) => name.startsWith("pool:") && name.endsWith(pool))) {
    const inode = await Deno.stat(`${LOCKS}/${name}`).then(({ ino }) => ino, () => null);
    const line = inode !== null && (await Deno.readTextFile("/proc/locks")).split("\n").map((line) => line.split(/\s+/))
      .find(([, kind, , , , file]) => kind === "FLOCK" && file?.endsWith(`:${inode}`));
    if (line && await isOurs(Number(line[4]))) return Number(line[4]);
  }
  return undefined;
}

/** Other runs of this test on the same machine have pools and locks of the same names. */
async function isOurs(pid: number): Promise<boolean> {
  const { WHEREABOUTS_JOURNAL } = environmentOf({ verb: "ADD", conf: {} });
  const environment = await Deno.readTextFile(`/proc/${pid}/environ`).catch(() => "");
  return environment.split("\0").includes(`WHEREABOUTS_JOURNAL=${WHEREABOUTS_JOURNAL}`);
}

Deno.test("concurrent calls without an agent write one after another, and get exactly the lowest addresses", async () => {
  await using kube = await makeKube();
  const writes = async () =>
    (await kube.requests()).filter((request) => /^(create|patch) ippools$/.test(request)).length;
  const added = await Promise.all(callsOf(kube, "ADD", "10.74.0.0/24").map((call) => callPlugin(PLUGIN, call)));
  assert.deepEqual(failures(added), []);
  const assigned = added.flatMap(({ stdout }) => addressesOf(stdout)).sort();
  assert.deepEqual(assigned, Array.from({ length: COUNT }, (_, i) => `10.74.0.${i + 1}`).sort());
  assert.deepEqual(await stored(kube, "10.74.0"), { entries: assigned, reservations: assigned });
  assert.equal(await writes(), COUNT, "a write was refused and repeated");
  const deleted = await Promise.all(callsOf(kube, "DEL", "10.74.0.0/24").map((call) => callPlugin(PLUGIN, call)));
  assert.deepEqual(failures(deleted), []);
  assert.deepEqual(await stored(kube, "10.74.0"), { entries: [], reservations: [] });
  assert.equal(await writes(), 2 * COUNT, "a write was refused and repeated");
});

Deno.test("a call that is killed while it holds the lock of a pool makes no other call fail, and leaks nothing", async () => {
  await using kube = await makeKube();
  const killed = new Set<number>();
  let answered = false;
  const killer = async () => {
    while (!answered && killed.size < 4) {
      const pid = await lockHolder("10.75.0.0\\24");
      if (pid !== undefined && !killed.has(pid)) {
        await new Promise((resolve) => setTimeout(resolve, killed.size * 40)); // at a different moment each time
        try {
          Deno.kill(pid, "SIGKILL");
          killed.add(pid);
        } catch {
          // it has ended already
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const adds = callsOf(kube, "ADD", "10.75.0.0/24");
  const all = Promise.all(adds.map((call) => callPlugin(PLUGIN, call))).finally(() => answered = true);
  const [added] = await Promise.all([all, killer()]);
  assert.ok(killed.size > 0, "no call was killed");
  const failed = failures(added);
  assert.ok(failed.length <= killed.size, JSON.stringify(failed));
  assert.deepEqual(failed.filter(({ code }) => code !== KILLED), [], "a call failed that was not killed");
  const assigned = added.filter(({ code }) => code === 0).flatMap(({ stdout }) => addressesOf(stdout));
  assert.equal(new Set(assigned).size, assigned.length);
  const after = await stored(kube, "10.75.0");
  for (const address of assigned) {
    assert.ok(after.entries.includes(address) && after.reservations.includes(address), address);
  }
  const again = await Promise.all(adds.map((call) => callPlugin(PLUGIN, call)));
  assert.deepEqual(failures(again), []);
  assert.deepEqual(again.filter((answer, i) => added[i]?.code === 0 && answer.stdout !== added[i]?.stdout), []);
  assert.deepEqual(
    failures(await Promise.all(callsOf(kube, "DEL", "10.75.0.0/24").map((call) => callPlugin(PLUGIN, call)))),
    [],
  );
  assert.deepEqual(await stored(kube, "10.75.0"), { entries: [], reservations: [] });
});
