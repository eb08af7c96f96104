import assert from "node:assert/strict";
import { eventually, freePort, must, run, Server } from "./process.ts";

/** Starts a server, prints its process id, and waits. */
const HOLDER = `
import { Server } from "${new URL("./process.ts", import.meta.url)}";
const server = new Server(["sleep", "1000"], Deno.args[0] ?? "");
console.log(server.pid);
setInterval(() => {}, 1000);
`;

Deno.test("Server ends with the process that started it, even when that one is killed", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/holder.ts`, HOLDER);
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", "--no-check", `${folder}/holder.ts`, `${folder}/log`],
    stdout: "piped",
  }).spawn();
  const reader = holder.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const pid = Number((await reader.read()).value);
  // a program that ended has no command line, even while nobody has asked for its exit code
  const command = async () => (await run(["cat", `/proc/${pid}/cmdline`])).stdout;
  await eventually("the program", async () => (await command()).startsWith("sleep\0"));
  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
  await eventually("the end", async () => await command() === "");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Server tells why it did not start, without waiting", async () => {
  const log = await Deno.makeTempFile();
  await using server = new Server(["sh", "-c", "echo 'it'\\''s broken' >&2; exit 3"], log);
  await assert.rejects(
    server.ready("the server", () => Promise.resolve(false)),
    /Cannot start the server; its log ends with\nit's broken/,
  );
  await Deno.remove(log);
});

Deno.test("run gives what a program wrote and how it ended", async () => {
  const script = 'read line; echo "$line $NAME"; echo oops >&2; exit 3';
  const finished = await run(["sh", "-c", script], { stdin: "hello\n", env: { NAME: "world" } });
  assert.deepEqual(finished, { code: 3, stdout: "hello world\n", stderr: "oops\n" });
  await assert.rejects(must(["sh", "-c", "echo oops >&2; exit 3"]), /ended with 3: oops/);
  await assert.rejects(run(["no-such-program"]), /^Error: There is no program no-such-program$/);
});

Deno.test("freePort gives ports below those of outgoing connections", () => {
  const [lowest = 0] = Deno.readTextFileSync("/proc/sys/net/ipv4/ip_local_port_range").split(/\s/).map(Number);
  for (let index = 0; index < 20; index++) {
    const port = freePort();
    assert(port < lowest, `${port} is not below ${lowest}`);
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  }
});
