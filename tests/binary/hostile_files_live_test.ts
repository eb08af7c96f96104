import assert from "node:assert/strict";
import { AgentNode } from "../support/agent.ts";
import { binary, type Call, environmentOf } from "../support/binary.ts";
import { writeClientCertificates } from "../support/certificates.ts";
import { put } from "../drivers/kubernetes/live.ts";
import { type Kube, kubeconfigOf, makeKube } from "../support/kube.ts";
import { Objects } from "../support/objects.ts";
import { answers, eventually, type Finished, freePort, must, run, Server } from "../support/process.ts";

const PROGRAM = await binary();
const SECRET = "hunter2-very-secret-value";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "hostile-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The rules for file contents hold even if a network may name any path. */
const ANY_PATH = { WHEREABOUTS_ALLOW_PATHS: "/" };

/** Calls the plugin as a process. */
function serve(env: Record<string, string>, { conf }: Call): Promise<Finished> {
  return run([PROGRAM], { env: { ...env, ...ANY_PATH }, clearEnv: true, stdin: JSON.stringify(conf) });
}

/** Writes a kubeconfig with a user, and optionally with other members of the cluster. Returns its path. */
async function kubeconfig(
  folder: string,
  kube: Kube,
  name: string,
  user: Record<string, unknown>,
  cluster = {},
): Promise<string> {
  const config = kubeconfigOf(kube, {}, kube.namespace);
  const access = { server: kube.url, "certificate-authority": `${kube.folder}/ca.crt`, ...cluster };
  await Deno.writeTextFile(
    `${folder}/${name}`,
    JSON.stringify({
      ...config,
      clusters: [{ name: "local", cluster: access }],
      users: [{ name: "whereabouts", user }],
    }),
  );
  return `${folder}/${name}`;
}

/** Users and clusters of kubeconfigs, with the expected error of each. */
function hostileUsers(
  folder: string,
  kube: Kube,
): readonly (readonly [string, Record<string, unknown>, Record<string, unknown>, RegExp])[] {
  const pair = (cert: string, key = cert) => ({
    "client-certificate": `${folder}/${cert}.crt`,
    "client-key": `${folder}/${key}.key`,
  });
  const token = { token: kube.token };
  return [
    ["mismatch", pair("rsa", "other"), {}, /\/mismatch": its client-key does not belong to client-certificate/],
    ["small", pair("small"), {}, /\/small": its client-key is of a kind or size that is not supported/],
    ["notder", pair("notder", "rsa"), {}, /\/notder": its client-certificate is not a certificate/],
    [
      "empty",
      { "client-certificate-data": btoa(" "), "client-key-data": btoa(" ") },
      {},
      /\/empty": its client-certificate has no/,
    ],
    ["fifo-token", { tokenFile: `${folder}/fifo` }, {}, /tokenFile ".*\/fifo": .*not a regular file/],
    [
      "zero-ca",
      token,
      { "certificate-authority": "/dev/zero" },
      /certificate-authority "\/dev\/zero": .*not a regular file/,
    ],
    [
      "no-ca",
      token,
      { "certificate-authority": `${folder}/shadow` },
      /\/no-ca": its certificate-authority has no certificate in PEM/,
    ],
    [
      "bad-ca",
      token,
      { "certificate-authority": `${folder}/notder.crt` },
      /\/bad-ca": its certificate-authority has no readable certificate/,
    ],
    [
      "leaf",
      token,
      { "certificate-authority": `${kube.folder}/server.crt` },
      /certificate-authority must hold the certificate of the auth/,
    ],
    [
      "exec",
      { exec: { apiVersion: "client.authentication.k8s.io/v1", command: `${folder}/evil` } },
      {},
      /"exec".*the node starts no programs/,
    ],
    ["proxy", token, { "proxy-url": "http://127.0.0.1:1" }, /"proxy-url", which nodes do not support/],
    ["token", { tokenFile: `${folder}/shadow-with-blanks` }, {}, /file not found/],
  ];
}

/** Members of `ipam` that name hostile files, with the expected code and error of each. */
async function hostile(
  folder: string,
  kube: Kube,
): Promise<readonly (readonly [Record<string, unknown>, number, RegExp])[]> {
  await writeClientCertificates(folder);
  await must(["mkfifo", `${folder}/fifo`]);
  await must(["truncate", "-s", "20G", `${folder}/huge`]);
  await Deno.writeTextFile(`${folder}/shadow`, `root:${SECRET}:1::\n`);
  await Deno.writeTextFile(`${folder}/yaml`, `a: b\nsecretOptions: {password: "${SECRET}"\n`);
  await Deno.writeTextFile(`${folder}/evil`, `#!/bin/sh\necho started > ${folder}/started\n`, { mode: 0o755 });
  await Deno.writeTextFile(`${folder}/notder.crt`, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const kubeconfigs = await Promise.all(
    hostileUsers(folder, kube).map(async ([name, user, cluster, expected]) =>
      [{ kubernetes: { kubeconfig: await kubeconfig(folder, kube, name, user, cluster) } }, 102, expected] as const
    ),
  );
  const paths: readonly (readonly [string, RegExp])[] = [
    ["/dev/zero", /"\/dev\/zero": .*not a regular file/],
    [`${folder}/fifo`, /fifo": .*not a regular file/],
    [`${folder}/huge`, /huge": it has 21474836480 bytes, expected at most \d+/],
    [`${folder}/shadow`, /shadow": (Not JSON|it)/],
    [`${folder}/yaml`, /yaml": (Not JSON|it is neither JSON nor YAML: Not YAML \(\w+ at line \d+, column \d+\))/],
  ];
  return [
    ...kubeconfigs,
    ...paths.map(([path, expected]) => [{ kubernetes: { kubeconfig: path } }, 102, expected] as const),
    ...paths.map(([path, expected]) => [{ configuration_path: path, datastore: "kubernetes" }, 7, expected] as const),
  ];
}

function conf(ipam: Record<string, unknown>) {
  return {
    cniVersion: "1.0.0",
    name: "net",
    ipam: { type: "whereabouts", log_level: "error", range: "10.44.0.0/24", ...ipam },
  };
}

Deno.test("plugin and agent answer hostile files with one error that names file and rule, reveal no content, and keep running", () =>
  inFolder(async (folder) => {
    await using kube = await makeKube();
    await using node = new AgentNode(PROGRAM, { env: ANY_PATH });
    const agent = await node.start();
    for (const [i, [ipam, code, expected]] of (await hostile(folder, kube)).entries()) {
      for (const verb of ["ADD", "DEL"] as const) {
        const call = { verb, conf: conf(ipam), containerId: `c${i}`, pod: `p${i}` };
        const served = [await serve(environmentOf(call), call), await serve(node.environment(call), call)];
        for (const { code: exit, stdout, stderr } of served) {
          if (verb === "DEL" && exit === 0) continue; // nothing was ever allocated: success
          const error = JSON.parse(stdout);
          assert.deepEqual([exit, error.code], [1, code], `${verb} ${JSON.stringify(ipam)} ${stdout} ${stderr}`);
          assert.match(error.msg, expected, `${verb} ${JSON.stringify(ipam)}: ${stdout}`);
          assert.doesNotMatch(stdout + stderr, /panicked|hunter2|secret-value|\n\s+at /);
        }
      }
    }
    const good = conf({ kubernetes: { kubeconfig: kube.kubeconfig } });
    assert.equal((await node.ask({ verb: "ADD", conf: good, containerId: "good", pod: "good" })).code, 0);
    assert.equal(agent.ended, false);
    assert(node.memory() < 400, `${node.memory()} MB`);
    assert.doesNotMatch(await Deno.readTextFile(`${node.folder}/agent.log`), /hunter2|secret-value/);
    await assert.rejects(Deno.stat(`${folder}/started`), Deno.errors.NotFound);
  }));

Deno.test("a controller that reads networks with hostile files keeps leading, bounds its memory, and reveals no content", () =>
  inFolder(async (folder) => {
    await using kube = await makeKube();
    using objects = new Objects(kube);
    await objects.installAttachments();
    for (const [i, [ipam]] of (await hostile(folder, kube)).entries()) {
      await objects.attachment(`evil-${i}`, { ...conf(ipam), type: "macvlan" });
    }
    const port = freePort();
    const flags =
      `--kubeconfig ${kube.kubeconfig} --namespace ${kube.namespace} --lease-namespace ${kube.namespace} --http-address 127.0.0.1:${port}`;
    await using controller = new Server([PROGRAM, "controller", ...flags.split(" ")], `${folder}/log`);
    await controller.ready("the controller", () => answers(`http://127.0.0.1:${port}/readyz`));
    await eventually(
      "the controller leads",
      async () => (await Deno.readTextFile(`${folder}/log`)).includes("Started leading"),
    );
    const metrics = () => fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text());
    await eventually(
      "its metrics are updated",
      async () => (await metrics()).includes("whereabouts_controller_leading 1"),
    );
    const memory = Number(/VmRSS:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${controller.pid}/status`))?.[1]) / 1024;
    assert(memory < 400, `${memory} MB`);
    assert.equal(controller.ended, false);
    const seen = await Deno.readTextFile(`${folder}/log`) + await kube.kubectl("get", "events", "-A", "-o", "json");
    assert.doesNotMatch(seen, /hunter2|secret-value/);
    await objects.clean();
  }));

Deno.test("commands run the exec program of a kubeconfig; plugin, agent, controller and installer refuse it", () =>
  inFolder(async (folder) => {
    await using kube = await makeKube();
    const credential = {
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: kube.token },
    };
    await Deno.writeTextFile(
      `${folder}/login`,
      `#!/bin/sh\necho x >> ${folder}/calls\necho '${JSON.stringify(credential)}'\n`,
      { mode: 0o755 },
    );
    const exec = { apiVersion: credential.apiVersion, command: "./login", interactiveMode: "Never" };
    const path = await kubeconfig(folder, kube, "kubeconfig", { exec });
    await put(kube, "IPPool", "172.31.213.0-24", { range: "172.31.213.0/24", allocations: {} });
    const command = (...args: string[]) => run([PROGRAM, ...args, "--kubeconfig", path]);
    for (const args of [["show"], ["check"], ["show", "--context", "whereabouts-context"]]) {
      const { code, stdout, stderr } = await command(...args);
      const calls = (await Deno.readTextFile(`${folder}/calls`)).length;
      assert.deepEqual([code, calls], [0, 2], `${args.join(" ")}: ${stdout}${stderr}`);
      await Deno.remove(`${folder}/calls`);
    }
    assert.match((await command("show", "--context", "other")).stderr, /has no context named "other"/);
    const controller = await command("controller");
    assert.match(controller.stderr, /user sets "exec".*the controller starts no programs/);
    const installer = await command("install", "--check");
    assert.match(installer.stdout, /user sets "exec".*the node starts no programs/);
    await assert.rejects(Deno.stat(`${folder}/calls`), Deno.errors.NotFound);
  }));
