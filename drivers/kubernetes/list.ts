/**
 * Lists, page by page.
 *
 * @module
 */
import type { ApiClient } from "./http.ts";
import type { ObjectList, Resource } from "./resources.ts";

const PAGE = 500;

/** Every object of a resource in the namespace. */
export async function listAll<T>(api: ApiClient, resource: Resource, signal: AbortSignal): Promise<T[]> {
  const objects: T[] = [];
  let next = "";
  do {
    const query = { limit: `${PAGE}`, ...(next && { continue: next }) };
    const page: ObjectList<T> | undefined = await api.request({ verb: "list", resource, query }, signal);
    objects.push(...page?.items ?? []);
    next = page?.metadata.continue ?? "";
  } while (next);
  return objects;
}
