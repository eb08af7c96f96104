/**
 * A node without containers, on which the program installs the plugin.
 *
 * @module
 */
import { type Kube, makeKube } from "../support/kube.ts";
import { type Finished, run } from "../support/process.ts";

/** A node. */
export interface InstallNode extends AsyncDisposable {
  /** The cluster. */
  readonly kube: Kube;
  /** The folder of everything that the node has. */
  readonly root: string;
  /** The folder of the service account's credentials. */
  readonly account: string;
  /** The environment of the program. */
  readonly env: Readonly<Record<string, string>>;
  /** The folder of the plugin's files. */
  readonly own: string;
  /** Runs the program with these arguments. */
  readonly whereabouts: (...args: string[]) => Promise<Finished>;
}

/** Makes a node with its folders and a service account, and the program in its environment. */
export async function makeNode(program: string): Promise<InstallNode> {
  const kube = await makeKube();
  const root = await Deno.makeTempDir({ prefix: "node-" });
  const account = `${root}/account`;
  for (const folder of [account, `${root}/bin`, `${root}/net.d`]) await Deno.mkdir(folder);
  await Deno.writeTextFile(`${account}/token`, kube.token);
  await Deno.copyFile(`${kube.folder}/ca.crt`, `${account}/ca.crt`);
  const { hostname, port } = new URL(kube.url);
  const env = {
    SERVICE_ACCOUNT_PATH: account,
    CNI_BIN_DIR: `${root}/bin`,
    CNI_CONF_DIR: `${root}/net.d`,
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    WHEREABOUTS_NAMESPACE: kube.namespace,
    NODENAME: "node1",
    WHEREABOUTS_JOURNAL: `${root}/journal`,
    WHEREABOUTS_ALLOW_PATHS: root,
  };
  const whereabouts = (...args: string[]): Promise<Finished> => run([program, ...args], { env, clearEnv: true });
  const dispose = async () => {
    await Deno.remove(root, { recursive: true });
    await kube[Symbol.asyncDispose]();
  };
  return { kube, root, account, env, whereabouts, own: `${root}/net.d/whereabouts.d`, [Symbol.asyncDispose]: dispose };
}
