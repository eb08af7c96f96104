import assert from "node:assert/strict";
import { execCredentials } from "../../../drivers/kubernetes/exec.ts";
import { readAccess } from "../../../drivers/kubernetes/access.ts";
import { RefusedError } from "../../../src/storage/driver.ts";
import { denoWorld } from "../../../src/world/deno.ts";

const V1 = "client.authentication.k8s.io/v1";

/** Runs the work with a program that runs a script, and with its folder, whose file `calls` counts the calls. */
async function withProgram(
  script: string,
  work: (exec: Record<string, unknown>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/login`, `#!/bin/sh\necho x >> ${folder}/calls\n${script}\n`, { mode: 0o755 });
    await work({ apiVersion: V1, command: `${folder}/login`, interactiveMode: "Never" }, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function access(folder: string) {
  return {
    server: "https://10.96.0.1:443",
    namespace: "n",
    insecure: false,
    ca: "é CA",
    source: `${folder}/kubeconfig`,
  };
}

function print(status: unknown, kind = "ExecCredential"): string {
  return `cat <<'END'\n${JSON.stringify({ apiVersion: V1, kind, status })}\nEND`;
}

Deno.test("execCredentials returns the token or certificate that a program prints, and runs it again after the expiry", async () => {
  await withProgram(print({ token: "t1", expirationTimestamp: "2026-01-01T00:01:00Z" }), async (exec, folder) => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const get = () => execCredentials(exec, access(folder), { now: () => now });
    const calls = async () => (await Deno.readTextFile(`${folder}/calls`)).length / 2;
    assert.deepEqual(await get(), { token: "t1" });
    assert.deepEqual(await Promise.all([get(), get()]), [{ token: "t1" }, { token: "t1" }]);
    assert.equal(await calls(), 1);
    now += 55_000;
    await get();
    assert.equal(await calls(), 2);
  });
  await withProgram(print({ clientCertificateData: "C", clientKeyData: "K" }), async (exec, folder) => {
    assert.deepEqual(await execCredentials(exec, access(folder), { now: () => 0 }), {
      certificate: { cert: "C", key: "K" },
    });
  });
});

Deno.test("execCredentials passes arguments, environment and, if configured, the cluster to the program", async () => {
  const script =
    `printf '{"apiVersion":"${V1}","kind":"ExecCredential","status":{"token":"%s"}}' "$1/$MODE/$(echo "$KUBERNETES_EXEC_INFO" | base64 -w0)"`;
  await withProgram(script, async (exec, folder) => {
    const spec = {
      ...exec,
      args: ["get"],
      env: [{ name: "MODE", value: "m" }, { name: "", value: "x" }],
      provideClusterInfo: true,
    };
    const { token = "" } = await execCredentials(spec, access(folder), { now: () => 0 });
    const [arg, mode, info = ""] = token.split("/");
    assert.deepEqual([arg, mode], ["get", "m"]);
    assert.deepEqual(JSON.parse(atob(info)), {
      apiVersion: V1,
      kind: "ExecCredential",
      spec: {
        interactive: false,
        cluster: { server: "https://10.96.0.1:443", "certificate-authority-data": "w6kgQ0E=" },
      },
    });
  });
});

Deno.test("execCredentials names the program and its fault, and hides its output", async () => {
  const table: [string, Record<string, unknown>, RegExp][] = [
    ["exit 3", {}, /failed: \/.*\/login ended with exit code 3$/],
    ["echo secret", {}, /printed no ExecCredential: .*: Not JSON/],
    [print({ token: "t" }, "Other"), {}, /printed no ExecCredential of client\.authentication/],
    [print({}), {}, /printed neither a token nor a client certificate with its key/],
    [print({ clientKeyData: "secret" }), {}, /printed neither/],
    ["head -c 2000000 /dev/zero", {}, /printed more than 1048576 bytes/],
    [
      "",
      { command: "/nowhere/login", installHint: "install it" },
      /cannot be started: \/nowhere\/login: program not found; install it$/,
    ],
    ["", { command: "" }, /has no command/],
    ["", { apiVersion: "v9" }, /unknown apiVersion, expected client\.authentication/],
    [
      "",
      { interactiveMode: "Always" },
      /requires a terminal \(interactiveMode Always\), and standard input is not one/,
    ],
  ];
  for (const [script, more, expected] of table) {
    await withProgram(script, async (exec, folder) => {
      await assert.rejects(execCredentials({ ...exec, ...more }, access(folder), { now: () => 0 }), (error) => {
        assert(error instanceof RefusedError, String(error));
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message + error.cause, /secret/);
        assert(error.message.includes(`${folder}/kubeconfig`));
        return true;
      });
    });
  }
});

Deno.test("readAccess runs a program only for commands", async () => {
  await withProgram(print({ token: "from-program" }), async (exec, folder) => {
    const kubeconfig = `${folder}/kubeconfig`;
    const relative = { ...exec, command: "./login" };
    await Deno.writeTextFile(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: "c", cluster: { server: "https://10.96.0.1" } }],
        users: [{ name: "u", user: { exec: relative } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    );
    for (const client of ["node", "controller"] as const) {
      await assert.rejects(
        readAccess(denoWorld(), { kubeconfig, client }),
        new RegExp(`user sets "exec", which only commands support; the ${client} starts no programs`),
      );
    }
    await assert.rejects(Deno.stat(`${folder}/calls`), Deno.errors.NotFound);
    for (const paths of [kubeconfig, `:${kubeconfig}`]) {
      assert.equal((await readAccess(denoWorld(), { kubeconfig: paths, client: "command" })).token, "from-program");
    }
  });
});
