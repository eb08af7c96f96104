import assert from "node:assert/strict";
import { binary } from "../support/binary.ts";
import { database } from "../cli/lab.ts";
import { type Finished, run } from "../support/process.ts";

const PROGRAM = await binary();

/** Runs a command at a terminal, which `script` of util-linux makes. Output comes with carriage returns. */
async function atTerminal(
  command: readonly string[],
  typed: string,
  env: Record<string, string> = {},
): Promise<Finished> {
  const quoted = command.map((word) => `'${word}'`).join(" ");
  const { stdout, ...rest } = await run(["script", "-qec", quoted, "/dev/null"], { stdin: typed, env });
  return { ...rest, stdout: stdout.replaceAll("\r", "") };
}

Deno.test("the binary is a kubectl plugin by its name, copied or linked", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.symlink(PROGRAM, `${folder}/kubectl-whereabouts`);
    await Deno.mkdir(`${folder}/.kube`);
    await Deno.writeTextFile(`${folder}/.kube/config`, "current-context: nowhere\n");
    const env = { HOME: folder, PATH: folder };
    const linked = await run([`${folder}/kubectl-whereabouts`], { env, clearEnv: true });
    assert.match(linked.stdout, /^Usage: kubectl whereabouts COMMAND/);
    const show = await run([`${folder}/kubectl-whereabouts`, "show"], { env, clearEnv: true });
    assert.equal(show.code, 1);
    assert.match(
      show.stderr,
      new RegExp(`^kubectl whereabouts show: .*"${folder}/.kube/config": it has no context named "nowhere"`),
    );
    await Deno.rename(`${folder}/kubectl-whereabouts`, `${folder}/whereabouts`);
    const usual = await run([`${folder}/whereabouts`, "--help"], { env, clearEnv: true });
    assert.match(usual.stdout, /^Usage: whereabouts COMMAND/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the binary colours its output only at a terminal, and not with NO_COLOR", async () => {
  await using db = await database();
  const command = [PROGRAM, "show", "--map", "--database", db.path];
  const esc = "\x1b[";
  assert((await atTerminal(command, "", { NO_COLOR: "" })).stdout.includes(esc));
  assert(!(await atTerminal(command, "", { NO_COLOR: "1" })).stdout.includes(esc));
  assert(!(await run(command)).stdout.includes(esc));
});

Deno.test("release asks for confirmation at a terminal, and releases nothing without it", async () => {
  await using db = await database();
  const command = [PROGRAM, "release", "10.0.0.1", "--database", db.path];
  for (
    const [typed, code, output] of [["n\n", 2, /Nothing was released/], ["y\n", 0, /10\.0\.0\.1 .* released/]] as const
  ) {
    const { stdout, code: exitCode } = await atTerminal(command, typed);
    assert.match(stdout, /Release 10\.0\.0\.1\?/);
    assert.match(stdout, output);
    assert.equal(exitCode, code);
  }
});

Deno.test("the binary ends silently when its reader closes the pipe", async () => {
  for (const args of ["--help", "show --help"]) {
    const { code, stderr } = await run(["bash", "-c", `set -o pipefail; '${PROGRAM}' ${args} | :`]);
    assert.deepEqual([code, stderr], [141, ""]);
  }
});
