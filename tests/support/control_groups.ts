/**
 * Control groups of a node of the e2e cluster: below those of this process, so that what limits this process limits the node.
 *
 * @module
 */

const MOUNT = "/sys/fs/cgroup";
/** Controllers without which the kubelet runs no pod. */
const NEEDED = ["cpu", "cpuset", "memory", "pids"] as const;

/** The groups of a node. */
export interface NodeGroups {
  /** Version of the control groups. */
  readonly version: 1 | 2;
  /** Folders that are made: the root of the node's groups in each hierarchy. Version 2 has one hierarchy. */
  readonly roots: readonly string[];
  /** Folders that the node's first process is in: with version 2 only a group without processes can limit its children. */
  readonly leaves: readonly string[];
  /** Controllers, as the node mounts (version 1) or enables (version 2) them. */
  readonly controllers: readonly string[];
}

/** What a machine reports of its control groups. */
export interface ControlGroups {
  /** `/proc/self/cgroup`. */
  readonly self: string;
  /** Names in `/sys/fs/cgroup`. */
  readonly names: readonly string[];
  /** `cgroup.controllers` of the root of version 2; empty without one at `/sys/fs/cgroup`. */
  readonly controllers: string;
}

/**
 * Plans the groups of a node.
 *
 * @param node a name that no other node on the machine has
 * @throws {RangeError} names the controllers that are missing
 */
export function planGroups(node: string, { self, names, controllers }: ControlGroups): NodeGroups {
  const unified = controllers.trim().split(/\s+/).filter((name) => name !== "");
  if (unified.length > 0) {
    checkControllers(unified, "version 2");
    const root = `${MOUNT}/${node}`;
    return { version: 2, roots: [root], leaves: [`${root}/init`], controllers: unified };
  }
  const own = self.trim().split("\n").map((line) => line.split(":")).flatMap(([, controller = "", path = ""]) =>
    controller !== "" && names.includes(folderOf(controller)) ? [{ controller, path: path.replace(/\/$/, "") }] : []
  );
  checkControllers(own.flatMap(({ controller }) => controller.split(",")), "version 1");
  const roots = own.map(({ controller, path }) => `${MOUNT}/${folderOf(controller)}${path}/${node}`);
  return { version: 1, roots, leaves: roots, controllers: own.map(({ controller }) => controller) };
}

/** Reads what this machine reports. */
export async function readControlGroups(): Promise<ControlGroups> {
  const read = (path: string) => Deno.readTextFile(path).catch(() => "");
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(MOUNT)) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return { self: await read("/proc/self/cgroup"), names, controllers: await read(`${MOUNT}/cgroup.controllers`) };
}

/**
 * Makes the folders of the groups.
 *
 * @throws {Error} version 2 does not allow it here, as in a container whose root group has processes
 */
export async function makeGroups({ version, roots, leaves, controllers }: NodeGroups): Promise<void> {
  if (version === 2) {
    const path = `${MOUNT}/cgroup.subtree_control`;
    await Deno.writeTextFile(path, controllers.map((name) => `+${name}`).join(" ")).catch((cause) => {
      throw new Error(`Cannot enable controllers in ${path}: run this on a machine, or in a container of its own`, {
        cause,
      });
    });
  }
  for (const path of [...roots, ...leaves]) await Deno.mkdir(path, { recursive: true });
  if (version === 2) return;
  for (const root of roots.filter((path) => path.startsWith(`${MOUNT}/cpuset/`))) {
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      await Deno.writeTextFile(`${root}/${file}`, await Deno.readTextFile(`${root}/../${file}`));
    }
  }
}

/**
 * A command that runs another one in the groups, with a namespace of control groups whose root they are. It may run again after a node was
 * killed. With version 2 a group with processes cannot limit its children, so controllers are disabled while the process is in the root.
 */
export function inGroups(groups: NodeGroups, command: readonly string[]): readonly string[] {
  const { version, roots: [root = ""], leaves: [leaf = ""], controllers } = groups;
  const move = (paths: readonly string[]) => paths.map((path) => `echo $$ >${path}/cgroup.procs`);
  const set = (sign: string) =>
    `echo "${controllers.map((name) => sign + name).join(" ")}" >${root}/cgroup.subtree_control`;
  const clean = `find ${root} -mindepth 1 -depth -type d ! -path ${leaf} -exec rmdir {} +`;
  const [before, after] = version === 1 ? [[], []] : [[clean, set("-")], [...move(groups.leaves), set("+")]];
  const then = (steps: readonly string[]) => ["sh", "-c", [...steps, 'exec "$@"'].join(" && "), "sh"];
  return [...then([...before, ...move(groups.roots)]), "unshare", "--cgroup", ...then(after), ...command];
}

function folderOf(controller: string): string {
  return controller.replace("name=", "");
}

function checkControllers(found: readonly string[], version: string): void {
  const missing = NEEDED.filter((name) => !found.includes(name));
  if (missing.length === 0) return;
  throw new RangeError(
    `Control groups of ${version} have no controller ${missing.join(", ")} (found ${
      found.join(", ") || "no controller"
    }): ` +
      "run this where the kernel and the container provide them",
  );
}
