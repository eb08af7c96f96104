import assert from "node:assert/strict";
import { FENCE_AGE } from "../../src/controllers/slice_keeper.ts";
import { allocate } from "../../src/ipam/allocate.ts";
import { NoSliceError } from "../../src/ipam/errors.ts";
import { directIpam, type Ipam } from "../../src/ipam/ipam.ts";
import { sliceRanges } from "../../src/ipam/node_slice.ts";
import { loadConfig } from "../../src/config/load.ts";
import { denoWorld } from "../../src/world/deno.ts";
import { SILENT } from "../../src/world/log.ts";
import { faulty } from "../support/faulty.ts";
import { eventually } from "../support/process.ts";
import { NEVER } from "./lab.ts";
import { sliced } from "./slice_lab.ts";

const apart = { enable_overlapping_ranges: false };

Deno.test("Controller never gives the slices of a network to another of the same name, whichever sorts first", async () => {
  await using it = await sliced("zoe");
  const { lab, objects } = it;
  const ipam = { range: "172.20.0.0/24", node_slice_size: "/26", ...apart };
  const named = (range: string) => ({
    name: "storage",
    type: "macvlan",
    ipam: { type: "whereabouts", ...ipam, range },
  });
  await objects.attachment("prod", named("172.20.0.0/24"));
  await using _ = await lab.start();
  await it.become("storage", ["172.20.0.0/26 zoe"]);
  await objects.node(it.real("abe"));
  await it.become("storage", ["172.20.0.0/26 zoe", "172.20.0.64/26 abe"]);
  assert.deepEqual(await lab.add("storage", ipam, "w0", { node: it.real("zoe") }), ["172.20.0.1"]);
  await objects.pod("w0", { ips: ["172.20.0.1"] });
  await objects.attachment("dev", named("172.21.0.0/24"));
  await eventually(
    "an event",
    async () => (await objects.events()).includes("NetworkAttachmentDefinition dev ConflictingSlices"),
  );
  assert.deepEqual(await lab.add("storage", ipam, "w9", { node: it.real("zoe") }), ["172.20.0.2"]);
  const foreign = { ...ipam, range: "172.21.0.0/24" };
  await assert.rejects(
    lab.add("storage", foreign, "d0", { node: it.real("zoe") }),
    (error: Error) =>
      error instanceof NoSliceError && /172\.20\.0\.0\/24.*172\.21\.0\.0\/24.*different names/.test(error.message),
  );
  await objects.deleteAttachment("dev");
  assert.deepEqual(await lab.add("storage", ipam, "w1", { node: it.real("abe") }), ["172.20.0.64"]);
  await it.become("storage", ["172.20.0.0/26 zoe", "172.20.0.64/26 abe"]);
});

Deno.test("Controller assigns the slices of a range once, and closes the range to networks without slices", async () => {
  await using it = await sliced("zoe");
  const { lab, objects } = it;
  const ipam = { range: "172.22.0.0/24", node_slice_size: "/26", ...apart };
  await it.define("net-a", ipam);
  await using _ = await lab.start();
  await it.become("net-a", ["172.22.0.0/26 zoe"]);
  await objects.node(it.real("abe"));
  await it.become("net-a", ["172.22.0.0/26 zoe", "172.22.0.64/26 abe"]);
  await it.define("net-b", ipam);
  await it.become("net-b", ["172.22.0.0/26 zoe", "172.22.0.64/26 abe"]);
  assert.deepEqual(await lab.add("net-a", ipam, "s1", { node: it.real("zoe") }), ["172.22.0.1"]);
  assert.deepEqual(await lab.add("net-b", ipam, "s2", { node: it.real("abe") }), ["172.22.0.64"]);
  assert.deepEqual(await lab.add("net-b", ipam, "s3", { node: it.real("zoe") }), ["172.22.0.2"]);
  const plain = { range: "172.22.0.0/24", ...apart };
  const closed = (error: Error) =>
    error instanceof NoSliceError &&
    /172\.22\.0\.0\/24 is closed.*NodeSlicePool net-a.*node_slice_size/.test(error.message);
  await assert.rejects(lab.add("net-c", plain, "s4"), closed); // no definition in the cluster
  await it.define("net-d", { ...plain, range: "172.22.0.128/25" });
  await eventually(
    "the event of a network without slices",
    async () => (await objects.events()).includes("NetworkAttachmentDefinition net-d ConflictingSlices"),
  );
  await eventually(
    "that its pool is closed",
    () =>
      lab.add("net-d", { ...plain, range: "172.22.0.128/25" }, "s5").then(
        () => false,
        (error) => error instanceof NoSliceError,
      ),
  );
  await it.define("net-e", { ...ipam, range: "172.22.0.0/16" });
  await eventually(
    "why the slices of a part are refused",
    () =>
      lab.add("net-e", { ...ipam, range: "172.22.0.0/16" }, "s6", { node: it.real("zoe") }).then(
        () => assert.fail("it was given an address"),
        ({ message }) => /net-e of 172\.22\.0\.0\/16 by \/26 is refused.*172\.22\.0\.0\/24 by \/26/.test(message),
      ),
  );
  for (const name of ["net-a", "net-b", "net-d", "net-e"]) await objects.deleteAttachment(name);
  for (const name of ["s1", "s2", "s3"]) {
    await lab.del(name === "s1" ? "net-a" : "net-b", ipam, name, { node: it.real(name === "s2" ? "abe" : "zoe") });
  }
  await objects.node(it.real("late")); // triggers a run
  await eventually(
    "that the range is open again",
    () => lab.add("net-c", plain, "s7").then((ips) => ips[0] === "172.22.0.1", () => false),
  );
});

/** The store of a call whose write waits until the test resumes it. */
function slow(ipam: Ipam): { readonly ipam: Ipam; readonly reached: Promise<void>; readonly resume: () => void } {
  const [reached, resumed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const driver = faulty(ipam.driver, async ({ method }) => {
    if (method !== "commit") return undefined;
    reached.resolve();
    await resumed.promise;
    return undefined;
  });
  return { ipam: directIpam(driver, denoWorld(), SILENT), reached: reached.promise, resume: resumed.resolve };
}

for (const pool of ["a pool that exists", "no pool yet"]) {
  Deno.test(`Controller closes a slice before another node gets it: a late ADD of the former node fails (${pool})`, async () => {
    await using it = await sliced("a1", "a2");
    const { lab, objects } = it;
    const range = pool === "no pool yet" ? "172.23.0.0/25" : "172.24.0.0/25";
    const ipam = { range, node_slice_size: "/26", ...apart };
    await it.define("net", ipam);
    await using _ = await lab.start();
    const [first, second] = [range.replace("/25", "/26"), range.replace(".0/25", ".64/26")];
    await it.become("net", [`${first} a1`, `${second} a2`]);
    const node = it.real("a1");
    if (pool !== "no pool yet") {
      await lab.add("net", ipam, "w0", { node });
      await lab.del("net", ipam, "w0", { node });
    }
    const late = slow(lab.ipam);
    const conf = { name: "net", ipam: { type: "whereabouts", datastore: "kubernetes", ...ipam } };
    const { config } = await loadConfig({ ...denoWorld(), env: () => undefined }, { conf });
    const owner = { podRef: objects.ref("w1"), ifName: "net1", containerId: "c-w1" };
    const adding = sliceRanges(late.ipam, config, () => Promise.resolve(node), NEVER)
      .then((narrowed) => allocate(late.ipam, narrowed, owner, NEVER));
    adding.catch(() => {});
    await late.reached;
    await objects.deleteNode(node);
    await objects.node(it.real("a3"));
    await it.become("net", [`${first} a3`, `${second} a2`]);
    const [address] = await lab.add("net", ipam, "w2", { node: it.real("a3") });
    late.resume();
    await assert.rejects(adding, (error: Error) => error instanceof NoSliceError && /is closed/.test(error.message));
    assert.deepEqual(await lab.entries(), [`${address} w2`]);
    // the node returns and gets its former slice when that is free: its pool is open again
    await lab.del("net", ipam, "w2", { node: it.real("a3") });
    await objects.deleteNode(it.real("a3"));
    await objects.node(node);
    await it.become("net", [`${first} a1`, `${second} a2`]);
    await eventually(
      "an address",
      () => lab.add("net", ipam, "w3", { node }).then((ips) => ips[0] === address, () => false),
    );
  });
}

Deno.test("Controller deletes the empty pools of deleted nodes when no call in flight can use them", async () => {
  await using it = await sliced("base");
  const { lab, objects } = it;
  const ipam = { range: "172.25.0.0/24", node_slice_size: "/26" };
  await it.define("net", ipam);
  const speed = 600; // an hour in six seconds
  await using _ = await lab.start({ speed, defaultSchedule: "5m" });
  await it.become("net", ["172.25.0.0/26 base"]);
  for (const name of ["auto1", "auto2"]) {
    const node = it.real(name);
    await objects.node(node);
    await it.become("net", ["172.25.0.0/26 base", `172.25.0.64/26 ${name}`]);
    await eventually("an address", () => lab.add("net", ipam, name, { node }).then(() => true, () => false));
    await lab.del("net", ipam, name, { node });
    await objects.deleteNode(node);
    await it.become("net", ["172.25.0.0/26 base"]);
  }
  const pools = async () =>
    (await lab.kube.kubectl("get", "ippools", "-o", "name")).split("\n").filter((name) => name !== "");
  assert.equal((await pools()).filter((name) => name.includes("auto")).length, 2, "they keep late calls out");
  await eventually(
    "that only pools of nodes that exist are left",
    async () => (await pools()).every((name) => !name.includes("auto")),
    10 * FENCE_AGE / speed,
  );
});
