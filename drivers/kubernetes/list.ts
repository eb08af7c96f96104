/**
 * Lists, page by page.
 *
 * @module
 */
import type { ApiClient, ApiRequest } from "./http.ts";
import type { ObjectList, Resource } from "./resources.ts";

const PAGE = 500;

/** Every object of a resource in the namespace; with `more`, otherwise. */
export async function listAll<T>(
  api: ApiClient,
  resource: Resource,
  signal: AbortSignal,
  more: Pick<ApiRequest, "everywhere" | "metadataOnly"> = {},
): Promise<T[]> {
  const objects: T[] = [];
  let next = "";
  do {
    const query = { limit: `${PAGE}`, ...(next && { continue: next }) };
    const page: ObjectList<T> | undefined = await api.request({ verb: "list", resource, query, ...more }, signal);
    objects.push(...page?.items ?? []);
    next = page?.metadata.continue ?? "";
  } while (next);
  return objects;
}
