import assert from "node:assert/strict";
import { run } from "../support/process.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Runs main.ts with all permissions, after a script in the same process. */
async function withScript(script: string, args: readonly string[], options: Parameters<typeof run>[1] = {}) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/script.ts`, script);
    const command = [Deno.execPath(), "run", "-A", "--no-prompt", "--preload", `${folder}/script.ts`, MAIN, ...args];
    return await run(command, options);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const SHOW_RIGHT = `globalThis.addEventListener("unload", () =>
  console.error("programs:", Deno.permissions.querySync({ name: "run" }).state));`;

Deno.test("main.ts first drops the permission to start programs, unless it is a command that uses the user's kubeconfig", async () => {
  const database = await Deno.makeTempFile();
  const kept = ["show", "check", "claims", "who-has", "completion", "reconcile", "release", "migrate"];
  const roles: readonly (readonly string[])[] = [
    ["agent", "--log-level", "none"],
    ["controller", "--interval", "none"],
    ["install", "--none"],
    ["version"],
    ["demo"],
    [],
    ["unknown"],
    ...kept.map((name) => [name, "--none"]),
  ];
  for (const args of roles) {
    const { stderr } = await withScript(SHOW_RIGHT, args, { env: { WHEREABOUTS_JOURNAL: "off" } });
    const expected = kept.includes(args[0] ?? "") ? "granted" : "(?:denied|prompt)";
    assert.match(stderr, new RegExp(`programs: ${expected}`), args.join(" "));
  }
  for (const verb of ["VERSION", "ADD", "DEL"]) {
    const env = { CNI_COMMAND: verb, WHEREABOUTS_AGENT_SOCKET: "off", WHEREABOUTS_JOURNAL: "off" };
    assert.match((await withScript(SHOW_RIGHT, [], { env, stdin: "{}" })).stderr, /programs: (?:denied|prompt)/, verb);
  }
  await Deno.remove(database);
});

/** Throws an error that is not caught, once there is a listener for those. */
const THROW = `const add = globalThis.addEventListener;
globalThis.addEventListener = (type, ...rest) => {
  add.call(globalThis, type, ...rest);
  if (type === "unhandledrejection") setTimeout(() => { BOOM }, 100);
};`;

Deno.test("main.ts answers an uncaught error of a call with one error object, and an agent keeps running", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/kubeconfig`,
      JSON.stringify({
        clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${silent.addr.port}` } }],
        users: [{ name: "u", user: { token: "t" } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    );
    const ipam = { type: "whereabouts", range: "10.0.0.0/24", kubernetes: { kubeconfig: `${folder}/kubeconfig` } };
    const stdin = JSON.stringify({ cniVersion: "1.0.0", name: "net", ipam });
    const env = {
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "c",
      CNI_IFNAME: "net1",
      CNI_NETNS: "/n",
      CNI_PATH: "/p",
      CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=p",
      WHEREABOUTS_AGENT_SOCKET: "off",
      WHEREABOUTS_JOURNAL: "off",
      WHEREABOUTS_ALLOW_PATHS: folder,
    };
    for (const boom of ['throw new Error("boom");', 'void Promise.reject(new Error("boom"));', "throw null;"]) {
      const { code, stdout, stderr } = await withScript(THROW.replace("BOOM", boom), [], { env, stdin });
      assert.equal(code, 1, stderr);
      const error = JSON.parse(stdout);
      assert.deepEqual([error.code, error.msg], [999, boom.includes("null") ? "null" : "boom"]);
      assert.doesNotMatch(stderr, /\n\s+at /);
    }
    const ended = `${
      THROW.replace("BOOM", 'setTimeout(() => Deno.kill(Deno.pid, "SIGTERM"), 200); throw new Error("boom");')
    }`;
    const agent = await withScript(ended, ["agent", "--socket", `${folder}/agent.sock`], {
      env: { WHEREABOUTS_JOURNAL: folder },
    });
    assert.equal(agent.code, 0, agent.stderr);
    assert.match(agent.stderr, /Uncaught error; .*boom/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
