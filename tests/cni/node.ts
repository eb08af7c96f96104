/**
 * A node for tests of the verbs: the plugin, a store in memory, a journal and files.
 *
 * @module
 */
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { type Answer, makeCall } from "../../src/call/call.ts";
import { directHost, type Host } from "../../src/cni/host.ts";
import { runPlugin } from "../../src/cni/plugin.ts";
import { borrow } from "../../src/storage/wrap.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { hurriedClock } from "../support/hurried_clock.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

/** The attachment of a call. */
export interface Caller {
  /** `CNI_CONTAINERID`. Default `c0`. */
  readonly containerId?: string;
  /** `K8S_POD_NAME`. Default `web-0`. */
  readonly pod?: string;
  /** `CNI_NETNS`. Default `/run/netns/x`, which does not exist. */
  readonly netns?: string;
  /** `CNI_ARGS`. Default: the pod, in namespace `default`. */
  readonly args?: string;
}

/** A test node. */
export interface TestNode extends AsyncDisposable {
  /** Its store. */
  readonly driver: StorageDriver;
  /** Its files. */
  readonly disk: MemoryWorld;
  /** Calls the plugin once. */
  call(verb: string, conf: Record<string, unknown>, caller?: Caller): Promise<Answer>;
}

/**
 * Creates a node.
 *
 * @param options `open` wraps the store; `world` wraps the machine; `host` replaces members of the host
 */
export async function testNode(
  { open = (driver) => driver, world = (disk) => disk, host = {} }: {
    readonly open?: (driver: StorageDriver) => StorageDriver;
    readonly world?: (disk: World) => World;
    readonly host?: Partial<Host>;
  } = {},
): Promise<TestNode> {
  const driver = await openEmbedded({ kind: "embedded", path: ":memory:" });
  const load = () => Promise.resolve(() => Promise.resolve(borrow(open(driver))));
  const disk = memoryWorld({ env: { WHEREABOUTS_ALLOW_PATHS: "" } });
  return {
    driver,
    disk,
    call: (verb, conf, { containerId = "c0", pod = "web-0", netns = "/run/netns/x", args } = {}) => {
      const env: Record<string, string> = {
        CNI_COMMAND: verb,
        CNI_CONTAINERID: containerId,
        CNI_IFNAME: "net1",
        CNI_NETNS: netns,
        CNI_PATH: "/opt/cni/bin",
        CNI_ARGS: args ?? `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod}`,
      };
      const machine = world({ ...disk, ...hurriedClock() });
      return runPlugin(makeCall(env, JSON.stringify(conf)), { ...directHost(machine, load), ...host });
    },
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}
