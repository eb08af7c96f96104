/**
 * Several kubeconfigs as one, as kubectl reads a `KUBECONFIG` that lists files: what a file says first goes before what later ones say.
 *
 * @module
 */
import { dirname, resolve } from "node:path";

/** An object of a kubeconfig. */
type Node = Readonly<Record<string, unknown>>;

const LISTS = { clusters: "cluster", contexts: "context", users: "user" } as const;
/** Members that name files, relative to the kubeconfig they stand in. */
const FILES = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

/**
 * Reads and merges them.
 *
 * @param paths separated by colons
 * @param read reads one
 */
export async function readList(paths: string, read: (path: string) => Promise<Node>): Promise<Node> {
  const merged: { "current-context": unknown; clusters: unknown[]; contexts: unknown[]; users: unknown[] } = {
    "current-context": undefined,
    clusters: [],
    contexts: [],
    users: [],
  };
  for (const path of paths.split(":").filter((one) => one !== "")) {
    const config = await read(path);
    merged["current-context"] ||= config["current-context"];
    for (const [list, member] of Object.entries(LISTS)) {
      const items = config[list];
      if (!Array.isArray(items)) continue;
      merged[list as keyof typeof LISTS].push(...items.map((item) => placed(item, member, dirname(path))));
    }
  }
  return merged;
}

/** The item with its files named from the root. */
function placed(item: unknown, member: string, folder: string): unknown {
  if (!isNode(item)) return item;
  const inner = item[member];
  if (!isNode(inner)) return item;
  const files = FILES.flatMap((name) => {
    const file = inner[name];
    return typeof file === "string" && file !== "" ? [[name, resolve(folder, file)]] : [];
  });
  const { exec } = inner;
  const command = isNode(exec) ? exec.command : undefined;
  const program = typeof command === "string" && command.includes("/")
    ? { exec: { ...exec as Node, command: resolve(folder, command) } }
    : {};
  return { ...item, [member]: { ...inner, ...Object.fromEntries(files), ...program } };
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
