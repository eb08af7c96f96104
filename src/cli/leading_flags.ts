/**
 * Flags before the command, as kubectl takes them: `whereabouts -n kube-system show`.
 *
 * @module
 */

/** Flags of commands without a value; a test compares them with the commands. */
const WITHOUT_VALUE = new Set([
  "-A",
  "-w",
  "-h",
  "--all-namespaces",
  "--watch",
  "--json",
  "--no-headers",
  "--help",
]);

/** Moves flags before the command, with their values, behind it. Without a command, the arguments stay as they are. */
export function commandFirst(args: readonly string[]): readonly string[] {
  let at = 0;
  while (/^-./.test(args[at] ?? "") && args[at] !== "--") at += takesNext(args[at] ?? "") ? 2 : 1;
  const command = args[at];
  if (at === 0 || command === undefined || command === "--") return args;
  return [command, ...args.slice(0, at), ...args.slice(at + 1)];
}

/** Whether the next argument is the value of a flag: it has none attached (`--output=json`, `-ojson`). */
function takesNext(flag: string): boolean {
  if (WITHOUT_VALUE.has(flag)) return false;
  return flag.startsWith("--") ? !flag.includes("=") : flag.length === 2;
}
