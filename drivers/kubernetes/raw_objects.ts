/**
 * Reads objects for a report, as the API server returns them.
 *
 * @module
 */
import type { RawObjects } from "../../src/controllers/raw_objects.ts";
import { withoutSecrets } from "../../src/values/redact.ts";
import type { ApiServer } from "./api_server.ts";
import { toComponent } from "./installation.ts";
import { isOwn, RESOURCES } from "./resources.ts";
import { readText } from "./transport.ts";

/** Lines of a log: with the usual 150 bytes each, more than a report contains. */
const MAX_LINES = 10_000;
/** Bytes of a log that are read at most: lines are not longer than 4 KiB on average. */
const MAX_READ = 64 * 1024 * 1024;

/** Reads from an API server. */
export function makeRawObjects(api: ApiServer): RawObjects {
  return {
    list: async (kind, namespaces, signal) => {
      const isWorkload = kind === "daemonsets" || kind === "deployments" || kind === "cronjobs";
      if (isOwn(kind) || !isWorkload) return withoutOwnSecrets(api, await api.list({ resource: kind }, signal));
      const found = [];
      for (const namespace of namespaces) found.push(...await api.list<object>({ resource: kind, namespace }, signal));
      return withoutOwnSecrets(api, found.filter((one) => toComponent(RESOURCES[kind].kind, one).length > 0));
    },
    pods: async (namespace, signal) => {
      const pods = await api.list<{ readonly spec?: object }>({ resource: "pods", namespace }, signal);
      const own = pods.filter(({ spec = {} }) => toComponent("Pod", { spec: { template: { spec } } }).length > 0);
      return withoutOwnSecrets(api, own);
    },
    log: async ({ namespace, pod, container, previous }, maxBytes, signal) => {
      const query = { container, tailLines: `${MAX_LINES}`, timestamps: "true", ...(previous && { previous: "true" }) };
      const what = `the log of ${container} of Pod ${namespace}/${pod}`;
      const target = { resource: "pods", subresource: "log", namespace, name: pod, what } as const;
      const body = await api.stream({ ...target, verb: "get", query }, signal);
      const text = withoutSecrets(await readText(body, MAX_READ), api.secrets);
      return text.length > maxBytes ? text.slice(text.indexOf("\n", text.length - maxBytes) + 1) : text;
    },
  };
}

/** A kubeconfig may name any server, which may repeat the credentials that it was sent. */
function withoutOwnSecrets(api: ApiServer, objects: readonly unknown[]): readonly unknown[] {
  return JSON.parse(withoutSecrets(JSON.stringify(objects), api.secrets));
}
