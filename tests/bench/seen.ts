/**
 * What the API server saw of a run, from its audit log.
 *
 * @module
 */
import type { AuditEvent } from "../support/kube_files.ts";
import type { Kube } from "../support/kube.ts";

/** Requests of a run. */
export interface Seen {
  /** All of them. */
  readonly requests: number;
  /** Commits of pools that were refused because another write came first. */
  readonly conflicts: number;
  /** Requests that the server refused for its own load (429). */
  readonly shed: number;
  /** Requests of each second in which there were some, by milliseconds since 1970. */
  readonly perSecond: ReadonlyMap<number, number>;
}

/** Statuses of a commit whose pool has changed: an object that exists by now, and a failed test of a patch. */
const CONFLICTS: ReadonlySet<number | undefined> = new Set([409, 422]);

/** Counts the requests of a namespace. */
export async function seenBy(kube: Kube): Promise<Seen> {
  const events = await kube.audit();
  const code = ({ responseStatus }: AuditEvent) => responseStatus?.code;
  const isCommit = ({ verb, objectRef }: AuditEvent) =>
    objectRef.resource === "ippools" && (verb === "patch" || verb === "create");
  const second = ({ requestReceivedTimestamp }: AuditEvent) =>
    Math.floor(Date.parse(requestReceivedTimestamp) / 1_000) * 1_000;
  const bySecond = Map.groupBy(events, second);
  return {
    requests: events.length,
    conflicts: events.filter((event) => isCommit(event) && CONFLICTS.has(code(event))).length,
    shed: events.filter((event) => code(event) === 429).length,
    perSecond: new Map([...bySecond].map(([at, those]) => [at, those.length])),
  };
}

/** Requests of each of the `count` seconds from a time on; those without a request count 0. */
export function secondsFrom({ perSecond }: Seen, from: number, count: number): number[] {
  const first = Math.floor(from / 1_000) * 1_000;
  return Array.from({ length: count }, (_, i) => perSecond.get(first + i * 1_000) ?? 0);
}
