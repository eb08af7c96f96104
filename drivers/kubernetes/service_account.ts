/**
 * The credentials of the pod this runs in. The plugin runs in none, so they are loaded apart.
 *
 * @module
 */
import { RefusedError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { proxyFromEnvironment } from "../net/proxy.ts";
import { type Access, DEFAULT_NAMESPACE, readFile } from "./kubeconfig.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Reads them as they are now. @throws {RefusedError} this runs in no pod, or they cannot be read */
export async function inCluster(world: World): Promise<Access> {
  const host = world.env("KUBERNETES_SERVICE_HOST");
  const port = world.env("KUBERNETES_SERVICE_PORT");
  if (!host || !port) {
    throw new RefusedError(
      "Cannot find the Kubernetes API server: kubernetes.kubeconfig is not configured, and this runs in no pod " +
        "(KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set)",
    );
  }
  const file = (name: string) => readFile(world, SERVICE_ACCOUNT, `${SERVICE_ACCOUNT}/${name}`, "");
  const namespace = world.env("WHEREABOUTS_NAMESPACE") || (await file("namespace").catch(() => "")).trim();
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (!URL.canParse(server)) {
    throw new RefusedError(`Cannot use KUBERNETES_SERVICE_HOST ${JSON.stringify(host)}: not a host`);
  }
  const proxy = proxyFromEnvironment(server, world.env);
  return {
    server,
    namespace: namespace || DEFAULT_NAMESPACE,
    ca: await file("ca.crt"),
    token: (await file("token")).trim(),
    insecure: false,
    ...(proxy && { proxy }),
    source: SERVICE_ACCOUNT,
  };
}
