import assert from "node:assert/strict";
import { binary, type Call, callPlugin, environmentOf } from "../support/binary.ts";
import { EtcdServer } from "../support/etcd.ts";
import { ControlPlane, kubeconfigOf, makeKube, NOBODY_TOKEN } from "../support/kube.ts";
import { type Finished, run } from "../support/process.ts";

const PLUGIN = await binary();
const EMBEDDED = { type: "whereabouts", datastore: "embedded", log_level: "panic" };

/** One error object on standard output, exit code 1, no stack trace anywhere. */
function assertError({ code, stdout, stderr }: Finished, expected: number, message: RegExp): void {
  assert.equal(code, 1, stdout);
  const error = JSON.parse(stdout);
  assert.equal(error.code, expected, stdout);
  assert.match(error.msg, message);
  assert.doesNotMatch(stdout + stderr, /\n\s+at .+:\d+:\d+/);
}

function add(ipam: unknown, more: Partial<Call> = {}): Promise<Finished> {
  return callPlugin(PLUGIN, {
    verb: "ADD",
    conf: { cniVersion: "1.0.0", name: "net", ipam },
    containerId: "c1",
    pod: "p1",
    ...more,
  });
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the plugin refuses invalid input of every kind, and writes nothing", () =>
  inFolder(async (folder) => {
    const env = environmentOf({ verb: "ADD", conf: {}, containerId: "c1", pod: "p1" });
    const deep = `{"cniVersion":"1.0.0","name":"net","ipam":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`;
    const database = `${folder}/w.db`;
    const inputs: readonly (readonly [string, number, RegExp])[] = [
      ["", 6, /decode/],
      ["{", 6, /decode/],
      ["\u0000", 6, /decode/],
      ["[]", 6, /JSON object/],
      ["{}", 7, /Missing name/],
      ['{"name":"net"}', 7, /Missing ipam/],
      ['{"name":"net","ipam":{"type":"host-local"}}', 7, /"host-local".*"whereabouts"/],
      ['{"name":"../../x","ipam":{}}', 7, /name "\.\.\/\.\.\/x"/],
      [deep, 7, /ipam/],
      [
        JSON.stringify({ name: "net", ipam: { ...EMBEDDED, database, range: "10.0.0.0/99" } }),
        7,
        /ipam\.range "10\.0\.0\.0\/99"/,
      ],
      [`{"name":"net","ipam":{"type":"whereabouts","sleep_for_race":1e999}}`, 7, /sleep_for_race/],
      [" ".repeat(10_000_000), 5, /standard input/],
    ];
    for (const [stdin, code, message] of inputs) {
      assertError(await run([PLUGIN], { env, clearEnv: true, stdin }), code, message);
    }
    await assert.rejects(Deno.stat(database), Deno.errors.NotFound);
  }));

Deno.test("the plugin refuses invalid environments", async () => {
  const good = environmentOf({ verb: "ADD", conf: {}, containerId: "c1", pod: "p1" });
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ ...good, CNI_COMMAND: "add" }, /CNI_COMMAND/],
    [{ ...good, CNI_CONTAINERID: "" }, /CNI_CONTAINERID/],
    [{ ...good, CNI_CONTAINERID: "../../etc" }, /CNI_CONTAINERID "\.\.\/\.\.\/etc"/],
    [{ ...good, CNI_IFNAME: "a/b" }, /CNI_IFNAME/],
    [{ ...good, CNI_ARGS: "K8S_POD_NAME=../x" }, /K8S_POD_NAME/],
    [{ ...good, CNI_ARGS: "nonsense" }, /CNI_ARGS/],
  ];
  for (const [env, message] of cases) {
    assertError(await run([PLUGIN], { env, clearEnv: true, stdin: '{"name":"net"}' }), 4, message);
  }
});

Deno.test("the plugin names the field of an invalid value", async () => {
  const fields: Readonly<Record<string, unknown>> = {
    range: "10.0.0.300/24",
    range_start: "10.0.0.x",
    range_end: 5,
    "exclude[0]": ["10.0.0.0/33"],
    "ipRanges[0].range": [{ range: "" }],
    gateway: "10.0.0",
    "routes[0].dst": [{ dst: "everywhere" }],
    "dns.nameservers": { nameservers: "10.0.0.1" },
    "addresses[0].address": [{ address: "10.0.0.5" }],
    enable_overlapping_ranges: "yes",
    network_name: "Not_A_Name",
    node_slice_size: "huge",
    datastore: "oracle",
    sleep_for_race: "1",
    configuration_path: "/etc/cni/nowhere/whereabouts.conf",
  };
  for (const [field, value] of Object.entries(fields)) {
    const [key = ""] = field.split(/[[.]/);
    const escaped = field.replace(/[[\].]/g, "\\$&");
    assertError(
      await add({ ...EMBEDDED, range: "10.0.0.0/24", database: ":memory:", [key]: value }),
      7,
      new RegExp(`ipam\\.${escaped}`),
    );
  }
});

Deno.test("the plugin distinguishes a full pool, an address in use and an address outside the range", () =>
  inFolder(async (folder) => {
    const ipam = { ...EMBEDDED, database: `${folder}/w.db`, range: "10.0.0.0/30" };
    const conf = (ips: string[]) => ({ cniVersion: "1.0.0", name: "net", ipam, runtimeConfig: { ips } });
    assert.equal((await add(ipam)).code, 0);
    assertError(
      await add(ipam, { conf: conf(["10.0.0.1"]), containerId: "c2", pod: "p2" }),
      101,
      /10\.0\.0\.1 .*default\/p1/,
    );
    const far = { conf: conf(["192.168.0.7/24"]), containerId: "c2", pod: "p2" };
    assertError(await add(ipam, far), 101, /192\.168\.0\.7 .*outside all ranges .*10\.0\.0\.0\/30/);
    const any = { ...far.conf, ipam: { ...ipam, requests: "any" } };
    const outside = await add(ipam, { ...far, conf: any });
    assert.deepEqual(JSON.parse(outside.stdout).ips.map((ip: { address: string }) => ip.address), [
      "10.0.0.2/30",
      "192.168.0.7/24",
    ]);
    assertError(await add(ipam, { containerId: "c3", pod: "p3" }), 100, /10\.0\.0\.0\/30 has no free address/);
  }));

Deno.test("the plugin reports what is wrong with a kubeconfig and its API server", () =>
  inFolder(async (folder) => {
    const kubeconfig = `${folder}/kubeconfig`;
    const ipam = { type: "whereabouts", log_level: "panic", range: "10.0.0.0/24", kubernetes: { kubeconfig } };
    assertError(await add(ipam), 102, /kubeconfig".*file not found/);
    await Deno.writeTextFile(kubeconfig, "{{{");
    assertError(await add(ipam), 102, /kubeconfig"/);
    await Deno.writeTextFile(kubeconfig, JSON.stringify({ apiVersion: "v1", kind: "Config" }));
    assertError(await add(ipam), 102, /current-context/);
    await using kube = await makeKube();
    await Deno.writeTextFile(kubeconfig, JSON.stringify(kubeconfigOf(kube, { token: NOBODY_TOKEN }, kube.namespace)));
    assertError(await add(ipam), 102, /nobody|allow|forbidden/i);
    await Deno.writeTextFile(kubeconfig, JSON.stringify(kubeconfigOf(kube, { token: "wrong" }, kube.namespace)));
    assertError(await add(ipam), 102, /credentials/);
    await Deno.writeTextFile(
      kubeconfig,
      JSON.stringify(kubeconfigOf({ ...kube, url: "https://127.0.0.1:1" }, { token: kube.token })),
    );
    assertError(await add(ipam), 11, /Cannot reach the API server https:\/\/127\.0\.0\.1:1/);
    assert.deepEqual(await kube.requests().then((all) => all.filter((one) => /create|patch/.test(one))), []);
  }));

Deno.test("the plugin reports that the custom resources are not installed, and the file that installs them", async () => {
  await using plane = await ControlPlane.start({ crds: false });
  const kubernetes = { kubeconfig: `${plane.facts.folder}/admin.kubeconfig` };
  assertError(
    await add({ type: "whereabouts", log_level: "panic", range: "10.0.0.0/24", kubernetes }),
    102,
    /install\/manifests\/crds/,
  );
});

Deno.test("the plugin reports what is wrong with an embedded or an etcd store", () =>
  inFolder(async (folder) => {
    const range = "10.0.0.0/24";
    await Deno.writeTextFile(`${folder}/corrupt.db`, "no database ".repeat(500));
    assertError(
      await add({ ...EMBEDDED, range, database: `${folder}/corrupt.db` }),
      7,
      /corrupt\.db.*not a SQLite database/,
    );
    assertError(await add({ ...EMBEDDED, range, database: `${folder}/corrupt.db/w.db` }), 102, /corrupt\.db\/w\.db/);
    await using etcd = await EtcdServer.start({ password: "secret" });
    const login = { etcd_username: "root", etcd_password: "guess" };
    assertError(
      await add({ type: "whereabouts", log_level: "panic", range, etcd_host: etcd.url, ...login }),
      102,
      /refuses the login of etcd_username/,
    );
    await etcd.stop();
    assertError(
      await add({ type: "whereabouts", log_level: "panic", range, etcd_host: etcd.url }),
      11,
      /Cannot reach etcd/,
    );
  }));
