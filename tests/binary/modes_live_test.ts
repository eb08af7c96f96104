import assert from "node:assert/strict";
import { binary } from "../support/binary.ts";
import { Machine } from "../support/machine.ts";
import { eventually } from "../support/process.ts";

const PROGRAM = await binary();
const FLAT = "/etc/cni/net.d/whereabouts.d/whereabouts.conf";

/** Folders that the kubelet makes because pods mount them, and others that are not ours. */
const MADE = [
  "/var/lib/cni/whereabouts/attachments",
  "/var/lib/cni/whereabouts/node-local",
  "/run/whereabouts/locks",
  "/var/lib/others",
  "/var/log/team",
];

const embedded = { datastore: "embedded" };

function add(machine: Machine, ipam: Record<string, unknown>, containerId: string) {
  const conf = { cniVersion: "1.1.0", name: "net", ipam: { type: "whereabouts", range: "10.9.0.0/24", ...ipam } };
  const env = {
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: containerId,
    CNI_IFNAME: "net1",
    CNI_NETNS: "/run/netns/none",
    CNI_PATH: "/opt/cni/bin",
    CNI_ARGS: "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web",
  };
  return machine.call(PROGRAM, env, conf);
}

async function mustAdd(machine: Machine, ipam: Record<string, unknown>, containerId: string): Promise<void> {
  const { call, answer } = add(machine, ipam, containerId);
  await using _call = call;
  const text = await answer();
  assert.equal(JSON.parse(text).ips?.length, 1, text);
}

/** Type and mode of everything below a folder, the folder included. */
async function modesOf(machine: Machine, folder: string): Promise<Map<string, string>> {
  const out = await machine.must(["find", folder, "-printf", "%p %y %m\\n"]);
  return new Map(out.trim().split("\n").map((line) => line.split(/ (?=[a-z] )/) as [string, string]));
}

/** A server that accepts connections and never answers, so that a call waits with its locks. */
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

function assertClosed(modes: ReadonlyMap<string, string>): void {
  for (const [path, mode] of modes) assert.equal(mode, OURS[mode.charAt(0)], path);
}

for (const umask of ["000", "022", "077"]) {
  Deno.test(`other users cannot access journal, databases, locks and socket, even in open folders, with umask ${umask}`, async () => {
    const folders = [...MADE, FLAT.replace(/\/[^/]*$/, "")];
    await using machine = await new Machine({ umask, folders }).ready();
    using dead = silent();
    const log = { log_file: "/var/log/team/w.log", log_level: "debug" };
    for (const [i, ipam] of [embedded, { ...embedded, ...log }].entries()) {
      await mustAdd(machine, ipam, `direct-${i}`);
    }
    // files of an earlier release
    await machine.must(["sh", "-c", "chmod 644 /var/lib/cni/whereabouts/whereabouts.db*"]);
    const flat = JSON.stringify({ database: "/var/lib/others/w.db" });
    await machine.must(["sh", "-c", `echo '${flat}' > ${FLAT} && : > /var/lib/others/w.db`]);
    await machine.must(["chmod", "644", "/var/lib/others/w.db"]);
    await mustAdd(machine, {}, "others");
    await using agent = machine.server([PROGRAM, "agent"]);
    await agent.ready("the agent", async () => (await machine.run([PROGRAM, "agent", "--probe"])).code === 0);
    await mustAdd(machine, { ...embedded, database: "/var/lib/cni/whereabouts/whereabouts.db" }, "served");
    await using _waiting = add(machine, { etcd_host: dead.address }, "waiting").call;
    const seen = await eventually("a lock", async () => {
      const modes = await modesOf(machine, "/run/whereabouts");
      return [...modes.keys()].some((path) => path.startsWith("/run/whereabouts/locks/")) && modes;
    });
    assertClosed(seen);
    const data = await modesOf(machine, "/var/lib/cni/whereabouts");
    assertClosed(data);
    for (const part of ["whereabouts.db", "whereabouts.db-wal", "whereabouts.db-shm", "attachments", "addresses"]) {
      assert(data.has(`/var/lib/cni/whereabouts/${part}`), `${part}: ${[...data.keys()].join(" ")}`);
    }
    assert([...seen.keys()].includes("/run/whereabouts/agent.sock"));
    assert.deepEqual(
      Object.fromEntries([...await modesOf(machine, "/var/lib/others"), ...await modesOf(machine, "/var/log")]),
      {
        "/var/lib/others": "d 755",
        "/var/lib/others/w.db": "f 600",
        "/var/log": "d 755",
        "/var/log/team": "d 755",
        "/var/log/team/w.log": "f 600",
      },
    );
    for (const parent of ["/var/lib", "/var/lib/cni", "/run", "/etc/cni", "/etc/cni/net.d"]) {
      assert.equal((await modesOf(machine, parent)).get(parent), "d 755", parent);
    }
  });
}
