import assert from "node:assert/strict";
import { binary } from "../support/binary.ts";
import { eventually, isThere, must, run, Server } from "../support/process.ts";

const PROGRAM = await binary();
const FLAT = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";

/** Folders as the kubelet makes those that pods mount, and others that are not ours. */
const MADE = [
  "/var/lib/cni/whereabouts/attachments",
  "/var/lib/cni/whereabouts/node-local",
  "/run/whereabouts/locks",
  "/var/lib/others",
  "/var/log/team",
];

/** A machine whose folders for data, sockets, logs and configurations are empty but for what is made in them. */
class Machine implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #holder: Server;
  readonly #umask: string;

  constructor(umask: string) {
    this.#umask = umask;
    const mounts = ["/var/lib", "/run", "/var/log", "/etc/cni"].map((path) =>
      `mount -t tmpfs -o mode=755 tmpfs ${path}`
    );
    const script = [...mounts, "umask 022", `mkdir -p ${MADE.join(" ")} ${FLAT.replace(/\/[^/]*$/, "")}`].join(" && ");
    const ready = `touch ${this.#folder}/ready && exec sleep infinity`;
    this.#holder = new Server(
      ["unshare", "--mount", "sh", "-c", `${script} && ${ready}`],
      `${this.#folder}/holder.log`,
    );
  }

  async ready(): Promise<this> {
    await this.#holder.ready("the machine", () => isThere(`${this.#folder}/ready`));
    return this;
  }

  /** The command that runs the given one on the machine. */
  enter(command: readonly string[]): readonly string[] {
    const inside = ["sh", "-c", `umask ${this.#umask} && exec "$@"`, "sh", ...command];
    return ["nsenter", `--mount=/proc/${this.#holder.pid}/ns/mnt`, ...inside];
  }

  /** Starts an ADD. It ends when it is disposed, or by itself. */
  start(ipam: Record<string, unknown>, containerId: string): Server {
    const conf = { cniVersion: "1.1.0", name: "net", ipam: { type: "whereabouts", range: "10.9.0.0/24", ...ipam } };
    const input = `${this.#folder}/${containerId}.json`;
    Deno.writeTextFileSync(input, JSON.stringify(conf));
    return this.server(["sh", "-c", `exec ${PROGRAM} < ${input} > ${input}.answer`], {
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: containerId,
      CNI_IFNAME: "net1",
      CNI_NETNS: "/run/netns/none",
      CNI_PATH: "/opt/cni/bin",
      CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web",
    });
  }

  /** An ADD that must succeed. */
  async add(ipam: Record<string, unknown>, containerId: string): Promise<void> {
    await using call = this.start(ipam, containerId);
    await eventually("the end of the call", () => Promise.resolve(call.ended));
    const answer = await Deno.readTextFile(`${this.#folder}/${containerId}.json.answer`);
    assert.equal(JSON.parse(answer).ips?.length, 1, answer);
  }

  server(command: readonly string[], env: Record<string, string> = {}): Server {
    return new Server(this.enter(command), `${this.#folder}/server.log`, env);
  }

  /** Type and mode of everything below a folder, the folder included. */
  async modes(folder: string): Promise<Map<string, string>> {
    const out = await must(this.enter(["find", folder, "-printf", "%p %y %m\\n"]));
    return new Map(out.trim().split("\n").map((line) => line.split(/ (?=[a-z] )/) as [string, string]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A server that accepts and never answers, and so keeps a call, and its locks, waiting. */
function silent(): { readonly address: string } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  void (async () => {
    for await (const connection of listener) connections.push(connection);
  })().catch(() => {});
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    [Symbol.dispose]: () => {
      listener.close();
      for (const connection of connections) connection.close();
    },
  };
}

const OURS: Readonly<Record<string, string>> = { d: "d 700", f: "f 600", s: "s 600" };

function closedOnes(modes: ReadonlyMap<string, string>): void {
  for (const [path, mode] of modes) assert.equal(mode, OURS[mode.charAt(0)], path);
}

for (const umask of ["000", "022", "077"]) {
  Deno.test(`journal, databases, locks and socket are closed to other users, in folders that were open, with umask ${umask}`, async () => {
    await using machine = await new Machine(umask).ready();
    using dead = silent();
    const embedded = { datastore: "embedded" };
    const log = { log_file: "/var/log/team/w.log", log_level: "debug" };
    for (const [i, ipam] of [embedded, { ...embedded, ...log }].entries()) {
      await machine.add(ipam, `direct-${i}`);
    }
    // what an earlier release left
    await must(machine.enter(["sh", "-c", "chmod 644 /var/lib/cni/whereabouts/whereabouts.db*"]));
    const flat = JSON.stringify({ database: "/var/lib/others/w.db" });
    await must(machine.enter(["sh", "-c", `echo '${flat}' > ${FLAT} && : > /var/lib/others/w.db`]));
    await must(machine.enter(["chmod", "644", "/var/lib/others/w.db"]));
    await machine.add({}, "others");
    await using agent = machine.server([PROGRAM, "agent"]);
    await agent.ready("the agent", async () => (await run(machine.enter([PROGRAM, "agent", "--probe"]))).code === 0);
    await machine.add({ ...embedded, database: "/var/lib/cni/whereabouts/whereabouts.db" }, "served");
    await using _waiting = machine.start({ etcd_host: dead.address }, "waiting");
    const seen = await eventually("a lock", async () => {
      const modes = await machine.modes("/run/whereabouts");
      return [...modes.keys()].some((path) => path.startsWith("/run/whereabouts/locks/")) && modes;
    });
    closedOnes(seen);
    const data = await machine.modes("/var/lib/cni/whereabouts");
    closedOnes(data);
    for (const part of ["whereabouts.db", "whereabouts.db-wal", "whereabouts.db-shm", "attachments", "addresses"]) {
      assert(data.has(`/var/lib/cni/whereabouts/${part}`), `${part}: ${[...data.keys()].join(" ")}`);
    }
    assert([...seen.keys()].includes("/run/whereabouts/agent.sock"));
    assert.deepEqual(
      Object.fromEntries([...await machine.modes("/var/lib/others"), ...await machine.modes("/var/log")]),
      {
        "/var/lib/others": "d 755",
        "/var/lib/others/w.db": "f 600",
        "/var/log": "d 755",
        "/var/log/team": "d 755",
        "/var/log/team/w.log": "f 600",
      },
    );
    for (const parent of ["/var/lib", "/var/lib/cni", "/run", "/etc/cni", "/etc/cni/net.d"]) {
      assert.equal((await machine.modes(parent)).get(parent), "d 755", parent);
    }
  });
}
