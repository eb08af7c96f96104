import assert from "node:assert/strict";
import { eventually } from "../support/process.ts";
import { fastWorld, Lab } from "./live.ts";

const PLAIN = { range: "10.50.0.0/28" };

Deno.test("Controller frees the addresses of a deleted pod, and no others", async () => {
  await using lab = await Lab.make();
  await using _ = await lab.start();
  for (const name of ["gone", "stays"]) {
    const ips = await lab.add("net", PLAIN, name);
    await lab.objects.pod(name, { ips });
  }
  await lab.objects.deletePod("gone");
  await lab.settles(["10.50.0.2 stays"]);
  await eventually("events", async () => (await lab.objects.events()).length >= 2);
  assert.deepEqual((await lab.objects.events()).sort(), [
    "IPPool 10.50.0.0-28 IPAddressGarbageCollected",
    "Pod gone IPAddressGarbageCollected",
  ]);
});

Deno.test("Controller frees the addresses of finished pods, whatever their exit code", async () => {
  await using lab = await Lab.make();
  await using _ = await lab.start();
  for (const name of ["done", "failed", "runs"]) {
    await lab.objects.pod(name, { ips: await lab.add("net", PLAIN, name) });
  }
  await lab.objects.phase("done", "Succeeded");
  await lab.objects.phase("failed", "Failed");
  await lab.settles(["10.50.0.3 runs"]);
});

Deno.test("Controller frees addresses of every kind of network when their pods are deleted", async () => {
  await using lab = await Lab.make();
  const { objects } = lab;
  const node = `${lab.kube.namespace}-a`;
  await objects.node(node);
  const plugins = [{ type: "bridge", ipam: { type: "static" } }, {
    type: "macvlan",
    ipam: { type: "whereabouts", range: "10.53.0.0/28" },
  }];
  const ours = (name: string, ipam: Record<string, unknown>) => ({
    name,
    type: "macvlan",
    ipam: { type: "whereabouts", ...ipam },
  });
  const sliced = { range: "10.52.0.0/24", node_slice_size: "/28" };
  await objects.attachment("named", ours("named", { range: "10.51.0.0/28", network_name: "blue" }));
  await objects.attachment("sliced", ours("sliced", sliced));
  await objects.attachment("list", { name: "list", cniVersion: "1.0.0", plugins });
  await objects.attachment("nonsense", "{");
  await objects.attachment("wrong", ours("wrong", { range: "10.54.0.0/99" }));
  await using _ = await lab.start();
  await eventually(
    "the slice",
    async () => await objects.slices("sliced").then((all) => all.some((one) => one.endsWith(node))),
  );
  const adds: [string, Record<string, unknown>, string, { node?: string }?][] = [
    ["named", { range: "10.51.0.0/28", network_name: "blue" }, "in-named"],
    ["sliced", sliced, "in-slice", { node }],
    ["list", { range: "10.53.0.0/28" }, "in-list"],
    ["deleted", { range: "fd00:55::/120", ipRanges: [{ range: "10.55.0.0/28" }] }, "dual"],
    ["elsewhere", { range: "10.56.0.0/28", enable_overlapping_ranges: false }, "unreserved"],
  ];
  for (const [network, ipam, pod, more] of adds) {
    const ips = await lab.add(network, ipam, pod, more);
    await objects.pod(pod, pod === "in-list" ? {} : { ips }); // without network-status
  }
  assert.equal((await lab.entries()).length, 6);
  for (const [, , pod] of adds) await objects.deletePod(pod);
  await lab.settles([]);
  await eventually("the events of the broken definitions", async () => {
    const events = await objects.events();
    return ["nonsense", "wrong"].every((name) =>
      events.includes(`NetworkAttachmentDefinition ${name} InvalidConfiguration`)
    );
  });
});

Deno.test("Controller serves pods and definitions of other namespaces, deleted ones too", async () => {
  await using lab = await Lab.make();
  await using other = await lab.elsewhere();
  const node = `${lab.kube.namespace}-far`;
  await lab.objects.node(node);
  const ipam = { range: "10.58.0.0/24", node_slice_size: "/28" };
  await other.attachment("far", { name: "far", type: "macvlan", ipam: { type: "whereabouts", ...ipam } });
  await using _ = await lab.start();
  await eventually("the slice", async () => (await lab.objects.slices("far")).some((one) => one.endsWith(node)));
  const podRef = other.ref("web");
  await other.pod("web", { ips: await lab.add("far", ipam, "web", { node, podRef }) });
  await other.deleteAttachment("far");
  await lab.objects.pod("witness", { ips: await lab.add("net", PLAIN, "witness") });
  await lab.objects.deletePod("witness");
  await lab.settles(["10.58.0.1 web"]);
  assert((await lab.objects.slices("far")).some((one) => one.endsWith(node)), "a slice that is in use stays");
  await other.deletePod("web");
  await lab.settles([]);
  await eventually("unused slices are deleted", async () => (await lab.objects.slices("far")).length === 0);
});

Deno.test("Controller never frees the address of a StatefulSet's pod that returned", async () => {
  await using lab = await Lab.make();
  const { objects } = lab;
  await using _ = await lab.start();
  for (let round = 1; round <= 3; round++) {
    const ips = await lab.add("net", PLAIN, "db-0", { containerId: `sandbox-${round}` });
    await objects.pod("db-0", { phase: round % 2 ? "Pending" : "Running", ...(round % 2 === 0 && { ips }) });
    await objects.pod("witness", { ips: await lab.add("net", PLAIN, "witness") });
    await objects.deletePod("db-0");
    const again = await lab.add("net", PLAIN, "db-0", { containerId: `sandbox-${round}-new` });
    await objects.pod("db-0", { ips: again });
    await objects.deletePod("witness");
    await lab.settles(["10.50.0.1 db-0"]); // this pod was deleted after db-0, so the deletion of db-0 was processed
    await objects.deletePod("db-0");
    await lab.settles([]);
  }
});

Deno.test("Controller frees other addresses of the former pod of a name, by its uid", async () => {
  await using lab = await Lab.make();
  const { objects } = lab;
  await using _ = await lab.start();
  await objects.pod("db-0", { phase: "Pending" });
  const uid = await objects.uid("db-0");
  await lab.add("old", { range: "10.57.0.0/28" }, "db-0", { uid });
  await objects.deletePod("db-0");
  await objects.pod("db-0", { phase: "Pending" });
  const ips = await lab.add("net", PLAIN, "db-0", { containerId: "new", uid: await objects.uid("db-0") });
  await lab.settles(["10.50.0.1 db-0"]);
  await objects.addresses("db-0", ips);
  await objects.phase("db-0", "Running");
  await objects.pod("witness", { ips: await lab.add("net", PLAIN, "witness") });
  await objects.deletePod("witness");
  await lab.settles(["10.50.0.1 db-0"]);
});

Deno.test("Controller keeps the addresses of a pod whose containers still run, whatever its phase", async () => {
  await using lab = await Lab.make();
  const { objects } = lab;
  await using _ = await lab.start();
  for (const name of ["job", "witness"]) await objects.pod(name, { ips: await lab.add("net", PLAIN, name) });
  await objects.status("job", { phase: "Failed", reason: "DeadlineExceeded" });
  await objects.phase("witness", "Succeeded");
  await lab.settles(["10.50.0.1 job"]);
  await objects.phase("job", "Failed");
  await lab.settles([]);
});

Deno.test("Controller keeps the address of a static pod whose mirror pod was deleted, while its node exists", async () => {
  await using lab = await Lab.make();
  const { objects } = lab;
  const node = `${lab.kube.namespace}-n`;
  await objects.node(node);
  await using _ = await lab.start({ speed: 20 });
  const hash = "0123456789abcdef0123456789abcdef";
  const annotations = { "kubernetes.io/config.mirror": hash, "kubernetes.io/config.hash": hash };
  const ips = await lab.add("net", PLAIN, "static", { uid: hash, node });
  const mirror = { ips, annotations, spec: { nodeName: node } };
  await objects.pod("static", mirror);
  await objects.pod("witness", { ips: await lab.add("net", PLAIN, "witness") });
  for (const name of ["static", "witness"]) await objects.deletePod(name);
  await lab.settles(["10.50.0.1 static"]);
  await objects.pod("static", mirror); // the kubelet recreates it: its sandbox was never stopped
  await objects.deletePod("static");
  await objects.deleteNode(node);
  await lab.settles([]);
});

Deno.test("Controller recreates lost entries of running pods, and reports an address that was allocated to another pod meanwhile", async () => {
  await using lab = await Lab.make();
  const { objects } = lab;
  for (const name of ["web", "db"]) await objects.pod(name, { ips: await lab.add("net", PLAIN, name) });
  await lab.kube.kubectl("delete", "ippool", "10.50.0.0-28");
  await lab.add("net", { ...PLAIN, enable_overlapping_ranges: false }, "thief");
  await objects.pod("thief");
  await using running = await lab.start({ speed: 20, defaultSchedule: "10s" });
  await lab.settles(["10.50.0.1 thief", "10.50.0.2 db"], undefined, ["10.50.0.1 web", "10.50.0.2 db"]);
  await eventually("the event", async () => (await objects.events()).includes("Pod web DuplicateIPAddress"));
  await eventually("the metric", () => {
    const text = running.controller.metrics.text();
    // pods of other tests may report addresses too
    return Promise.resolve(/whereabouts_findings\{kind="pod-address-of-another",[^}]*\} [1-9]/.test(text));
  });
  assert.match(running.controller.metrics.text(), /whereabouts_allocations_restored_total 1\n/);
});

Deno.test("Controller frees what was left while no controller ran, and keeps addresses of running pods", async () => {
  await using lab = await Lab.make();
  const { objects } = lab;
  for (const name of ["gone", "finished", "lives", "unseen"]) {
    const ips = await lab.add("net", PLAIN, name);
    if (name === "gone") continue;
    await objects.pod(name, { ...(name !== "unseen" && { ips }), phase: name === "finished" ? "Failed" : "Running" });
  }
  await using running = await lab.start({ speed: 20 });
  await lab.settles(["10.50.0.3 lives", "10.50.0.4 unseen"]);
  const lines = [
    'whereabouts_sweeps_total{outcome="success"} 1',
    'whereabouts_ippool_allocations{pool="10.50.0.0-28",range="10.50.0.0/28"} 2',
    'whereabouts_freed_total{what="entry",reason="pod_is_gone"} 1',
    "whereabouts_controller_leading 1",
  ];
  // a check is counted when it has finished, which is after the store changed
  await eventually(`the metrics ${lines.join(", ")}`, () => {
    const text = running.controller.metrics.text();
    return Promise.resolve(lines.every((line) => text.includes(`${line}\n`)));
  });
});

Deno.test("Controller stops immediately, whatever it waits for, and can lead again", async () => {
  await using lab = await Lab.make();
  const { controller, close } = await lab.open({ kubeconfig: await lab.unreachable() });
  for (let term = 0; term < 2; term++) {
    const stop = new AbortController();
    const leading = controller.lead(stop.signal);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(controller.ready, false);
    stop.abort();
    await leading;
    assert.deepEqual([controller.ready, /leading 0\n/.test(controller.metrics.text())], [true, true]);
  }
  await close();
});

Deno.test("fastWorld runs faster, and its clock can be set", async () => {
  const world = fastWorld(50);
  const begun = world.now();
  await world.sleep(1_000);
  assert(world.now() - begun >= 1_000);
  world.step(-3_600_000);
  assert(world.now() < begun);
});

Deno.test("Controller writes the status of pools after a sweep, and again when a pool is full", async () => {
  await using lab = await Lab.make();
  const { objects } = lab;
  await objects.attachment("net", {
    name: "net",
    type: "macvlan",
    ipam: { type: "whereabouts", range: "10.58.0.0/30" },
  });
  await objects.pod("first", { ips: await lab.add("net", { range: "10.58.0.0/30" }, "first") });
  await using _ = await lab.start({ speed: 20, defaultSchedule: "30s" });
  const status = async () => {
    const { status = {} } = JSON.parse(await lab.kube.kubectl("get", "ippool", "10.58.0.0-30", "-o", "json"));
    const holds = (status.conditions ?? []).filter((one: { status: string }) => one.status === "True");
    return [status.used, status.free, ...holds.map(({ type }: { type: string }) => type)].join(" ");
  };
  await eventually("the first status", async () => await status() === "1 1");
  await objects.pod("second", { ips: await lab.add("net", { range: "10.58.0.0/30" }, "second") });
  await eventually("the pool is full", async () => await status() === "2 0 Full NearlyFull");
  await objects.deletePod("first");
  await eventually("an address is free again", async () => await status() === "1 1");
});
