/**
 * Programs that builds and releases run.
 *
 * @module
 */

/** The folder of the sources: programs run in it. */
export const ROOT: string = new URL("../", import.meta.url).pathname;

/**
 * Runs a program.
 *
 * @returns what it printed on standard output
 * @throws {Error} it failed; the message contains its standard error
 */
export async function outputOf(
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, { args, env, cwd: ROOT, stdin: "null" })
    .output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} ${args[0]} exited with code ${code}: ${new TextDecoder().decode(stderr).trim()}`);
}

/**
 * Runs a program whose progress is of interest: all that it prints goes to standard error, as standard output is for results.
 *
 * @throws {Error} it failed
 */
export async function runVisibly(command: readonly string[]): Promise<void> {
  const args = ["-c", 'exec "$@" >&2', "sh", ...command];
  const { success, code } = await new Deno.Command("sh", { args, cwd: ROOT, stdin: "null" }).spawn().status;
  if (!success) throw new Error(`${command.slice(0, 2).join(" ")} exited with code ${code}`);
}
