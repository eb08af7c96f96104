import assert from "node:assert/strict";
import { openCluster } from "../../drivers/kubernetes/cluster.ts";
import { loadDriver } from "../../drivers/mod.ts";
import { runCommand } from "../../src/cli/command.ts";
import { denoPlatform } from "../../src/world/deno_agent.ts";
import { type FastWorld, fastWorld, Lab } from "../controllers/live.ts";
import { sliced } from "../controllers/slice_lab.ts";
import { binary } from "../support/binary.ts";
import { eventually, freePort, Server } from "../support/process.ts";
import { call } from "./lab.ts";

const PLAIN = { range: "10.90.0.0/28" };

/** Runs the controller command in this process, on a faster clock. */
async function command(
  kubeconfig: string,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<{ readonly world: FastWorld } & AsyncDisposable> {
  const world = { ...fastWorld(60), env: (name: string) => env[name] };
  const stop = new AbortController();
  const running = runCommand(["controller", "--kubeconfig", kubeconfig, ...args], world, loadDriver, {
    write: () => {},
    terminal: false,
    called: "whereabouts",
    openCluster,
    readDocuments: () => Promise.reject(new Error("the controller reads no files of definitions")),
    writeYaml: () => Promise.reject(new Error("the controller prints no YAML")),
    forgoPrograms: () => {},
    onUncaught: () => {},
    exit: () => {},
    inspectApi: () => Promise.resolve([]),
    platform: () => Promise.resolve({ ...denoPlatform(), stopSignal: () => stop.signal }),
  });
  await eventually("it leads", () => Promise.resolve(world.lines.some((line) => line.includes("Started leading"))));
  return {
    world,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      assert.equal(await running, 0);
    },
  };
}

Deno.test("controller reads its schedule from the file, else from the environment, and follows changes", async () => {
  await using lab = await Lab.make();
  const file = await Deno.makeTempFile();
  const env = { WHEREABOUTS_RECONCILER_CRON: "30 4 * * *" };
  await Deno.writeTextFile(file, "@hourly\n");
  await using it = await command(lab.kube.kubeconfig, env, "--schedule-file", file, "--interval", "3h");
  const scheduled = (text: string) =>
    eventually(
      `the schedule ${text}`,
      () => Promise.resolve(it.world.lines.filter((line) => line.includes("schedule")).at(-1)?.includes(text)),
    );
  await scheduled("@hourly");
  await Deno.writeTextFile(file, "*/5 * * * *");
  await scheduled("*/5 * * * *");
  await Deno.writeTextFile(file, "sometimes");
  await scheduled("sometimes");
  await Deno.remove(file);
  await scheduled("30 4 * * *");
});

Deno.test("controller reads networks over the fields of the operator, and opens no file that a network names, without a finding", async () => {
  await using it = await sliced("a");
  const flat = await Deno.makeTempFile();
  await Deno.writeTextFile(flat, JSON.stringify({ node_slice_size: "/26", enable_overlapping_ranges: false }));
  const k3s = "/var/lib/rancher/k3s/agent/etc/cni/net.d/whereabouts.d/whereabouts.conf";
  await it.define("k3s", { range: "10.75.0.0/24", configuration_path: k3s });
  await it.define("inline", { range: "10.76.0.0/24", node_slice_size: "/25", configuration_path: "/dev/zero" });
  await using _ = await command(it.lab.kube.kubeconfig, {}, "--config", flat);
  await it.become("k3s", ["10.75.0.0/26 a"]);
  await it.become("inline", ["10.76.0.0/25 a"]);
  const events = await it.objects.events();
  assert.deepEqual(events.filter((event) => event.includes("InvalidConfiguration")), []);
});

Deno.test("controller reports an invalid flag before it opens anything", async () => {
  const cases: readonly [string[], RegExp][] = [
    [["--interval", "1s"], /schedule "1s"/],
    [["--interval", "often"], /"often"/],
    [["--slice-grace", "1s"], /--slice-grace "1s": expected 5 s to 24 h/],
    [["--grace", "1"], /--grace "1"/],
    [["--log-level", "loud"], /"loud"/],
    [["--http-address", "9479"], /--http-address "9479"/],
  ];
  for (const [args, expected] of cases) {
    const { code, err } = await call({}, "controller", "--kubeconfig", "/nowhere", ...args);
    assert(code > 0, args.join(" "));
    assert.match(err, expected);
    assert.doesNotMatch(err, /nowhere/);
  }
});

/** A replica in its own process. */
class Replica implements AsyncDisposable {
  readonly #server: Server;
  readonly #address = `127.0.0.1:${freePort()}`;

  constructor(path: string, lab: Lab, name: string) {
    const flags = ["--kubeconfig", lab.kube.kubeconfig, "--http-address", this.#address, "--grace", "5"];
    const log = `${lab.kube.folder}/${lab.kube.namespace}-${name}.log`;
    this.#server = new Server([path, "controller", ...flags], log, { POD_NAME: name });
  }

  async get(path: string): Promise<string> {
    return await fetch(`http://${this.#address}${path}`).then(
      async (response) => `${response.status} ${await response.text()}`,
      () => "",
    );
  }

  async leads(): Promise<boolean> {
    return (await this.get("/metrics")).includes("whereabouts_controller_leading 1\n");
  }

  /** Sends SIGTERM. Resolves when it has ended, with its last line. */
  async stop(): Promise<string> {
    Deno.kill(this.#server.pid, "SIGTERM");
    await eventually("it ended", async () => await this.get("/healthz") === "");
    return this.#server.tail().trim().split("\n").at(-1) ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

Deno.test("controller: of two replicas one leads, and the standby takes over when it stops", async () => {
  await using lab = await Lab.make();
  const path = await binary();
  await using first = new Replica(path, lab, "first");
  await eventually(
    "the first leads and is ready",
    async () => await first.leads() && await first.get("/readyz") === "200 ok\n",
  );
  await using second = new Replica(path, lab, "second");
  await eventually("the second stands by", async () => await second.get("/readyz") === "200 ok\n");
  assert.deepEqual([await first.leads(), await second.leads()], [true, false]);
  assert.equal(await first.get("/healthz"), "200 ok\n");
  assert.match(await first.get("/nothing"), /^404 /);
  await lab.objects.pod("web", { ips: await lab.add("net", PLAIN, "web") });
  await lab.objects.deletePod("web");
  await lab.settles([]);
  assert.match(await first.stop(), /Controller stopped/);
  await eventually("the second leads", () => second.leads());
  await lab.objects.pod("web", { ips: await lab.add("net", PLAIN, "web") });
  await lab.objects.deletePod("web");
  await lab.settles([]);
});
