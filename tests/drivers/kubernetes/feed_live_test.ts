import assert from "node:assert/strict";
import { openCluster } from "../../../drivers/kubernetes/cluster.ts";
import type { Cluster, FeedEvent } from "../../../src/controllers/cluster.ts";
import type { PodFacts } from "../../../src/pool/pod_facts.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";
import type { World } from "../../../src/world/world.ts";
import { type Kube, makeKube, NOBODY_TOKEN } from "../../support/kube.ts";
import { FaultProxy } from "../../support/proxy.ts";
import { Objects } from "../../support/objects.ts";
import { Relay } from "../../support/relay.ts";
import { NEVER, writeKubeconfig } from "./live.ts";

async function through(kube: Kube, url: string, world: World = denoWorld(), token = kube.token): Promise<Cluster> {
  return await openCluster(world, { kubeconfig: await writeKubeconfig(kube, { token }, { server: url }) });
}

/** Collects the events of a watch until the last expected one, or its end. */
async function collect(
  events: AsyncIterable<FeedEvent<PodFacts>>,
  namespace: string,
  last: string,
): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    if (event.kind === "bookmark" || !event.item.podRef.startsWith(`${namespace}/`)) continue;
    seen.push(`${event.kind} ${event.item.podRef.split("/")[1]}${event.item.finished ? " finished" : ""}`);
    if (seen.at(-1) === last) break;
  }
  return seen;
}

Deno.test("makeFeed lists every page, and watches from the version of the list", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await using cluster = await through(kube, kube.url);
  await Promise.all(Array.from({ length: 510 }, (_, i) => objects.pod(`p${i}`, { phase: "Pending" })));
  const { items, version } = await cluster.pods.list(NEVER);
  assert.equal(items.filter(({ podRef }) => podRef.startsWith(`${kube.namespace}/`)).length, 510);
  const watching = collect(cluster.pods.watch(version, NEVER), kube.namespace, "gone p8");
  await objects.phase("p7", "Succeeded");
  await objects.deletePod("p8");
  assert.deepEqual((await watching).filter((one) => one !== "put p8"), ["put p7 finished", "gone p8"]);
});

Deno.test("makeFeed reports a broken connection, and a new watch loses no event", async () => {
  await using kube = await makeKube();
  using objects = new Objects(kube);
  await using relay = new Relay(kube.url);
  await using cluster = await through(kube, relay.url);
  const { version } = await cluster.pods.list(NEVER);
  await objects.pod("first");
  const events = cluster.pods.watch(version, NEVER)[Symbol.asyncIterator]();
  let last = version;
  for (let { value } = await events.next(); value; { value } = await events.next()) {
    last = value.version;
    if (value.kind === "put" && value.item.podRef === objects.ref("first") && value.item.running) break;
  }
  relay.cut();
  await assert.rejects(async () => await events.next(), UnavailableError);
  await objects.pod("second", { phase: "Pending" });
  const [next] = await collect(cluster.pods.watch(last, NEVER), kube.namespace, "put second");
  assert.equal(next, "put second");
});

Deno.test("makeFeed treats a silent connection as broken", async () => {
  await using kube = await makeKube();
  await using relay = new Relay(kube.url);
  const world = denoWorld();
  const hurried: World = { ...world, sleep: (milliseconds, signal) => world.sleep(milliseconds / 300, signal) };
  await using cluster = await through(kube, relay.url, hurried);
  const { version } = await cluster.nodes.list(NEVER);
  relay.freeze();
  await assert.rejects(async () => {
    for await (const _ of cluster.nodes.watch(version, NEVER));
  }, (error: Error) => error instanceof UnavailableError && /sent no data for 150 s/.test(error.message));
});

Deno.test("makeFeed reports a version that is too old", async () => {
  await using kube = await makeKube();
  await using proxy = await FaultProxy.start(kube);
  await using cluster = await openCluster(denoWorld(), { kubeconfig: await proxy.kubeconfig() });
  const { version } = await cluster.pods.list(NEVER);
  for (const fate of [{ status: 410 }, "gone"] as const) {
    proxy.plan = ({ what }) => what === "WATCH pods" ? fate : "pass";
    await assert.rejects(async () => {
      for await (const _ of cluster.pods.watch(version, NEVER));
    }, ConflictError);
  }
});

Deno.test("makeFeed ends a watch when its signal aborts", async () => {
  await using kube = await makeKube();
  await using cluster = await through(kube, kube.url);
  const { version } = await cluster.nodes.list(NEVER);
  const stop = new AbortController();
  const watching = (async () => {
    for await (const _ of cluster.nodes.watch(version, stop.signal));
  })();
  stop.abort(new Error("enough"));
  await assert.rejects(watching, /enough/);
});

Deno.test("makeFeed rejects a list that is refused or truncated", async () => {
  await using kube = await makeKube();
  await using nobody = await through(kube, kube.url, denoWorld(), NOBODY_TOKEN);
  await assert.rejects(
    nobody.pods.list(NEVER),
    (error: Error) => error instanceof RefusedError && /pods/.test(error.message),
  );
  await using relay = new Relay(kube.url);
  await using cluster = await through(kube, relay.url);
  relay.freeze();
  const listing = assert.rejects(cluster.pods.list(NEVER), UnavailableError);
  await new Promise((resolve) => setTimeout(resolve, 50));
  relay.cut();
  await listing;
});
