/**
 * The command `ui` as a process that serves the page.
 *
 * @module
 */
import { killNow } from "../support/process.ts";

/** A served page. */
export interface UiServer extends AsyncDisposable {
  /** Its address, with the token. */
  readonly url: string;
  /** Interrupts the command as Ctrl-C does. Returns its exit code. */
  interrupt(): Promise<number>;
}

/**
 * Starts the command, and waits until it prints the address.
 *
 * @param program the program and its first arguments
 */
export async function serveUi(program: readonly string[], ...args: readonly string[]): Promise<UiServer> {
  const [first = "", ...rest] = program;
  const child = new Deno.Command(first, {
    args: [...rest, "ui", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The command ended with code ${(await child.status).code} before it printed an address`);
    text += value;
  }
  await reader.cancel();
  return {
    url: text.trim(),
    interrupt: async () => {
      child.kill("SIGINT");
      return (await child.status).code;
    },
    [Symbol.asyncDispose]: async () => {
      killNow(child);
      await child.status;
    },
  };
}
