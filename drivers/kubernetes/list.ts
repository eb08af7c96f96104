/**
 * Lists, page by page.
 *
 * @module
 */
import type { ApiClient } from "./http.ts";
import type { ObjectList } from "./resources.ts";

const PAGE = 500;

/** Every object of a collection. */
export async function listAll<T>(
  api: ApiClient,
  { path, what }: { readonly path: string; readonly what: string },
  signal: AbortSignal,
): Promise<T[]> {
  const objects: T[] = [];
  let next: string | undefined = "";
  while (next !== undefined) {
    const query: string = `limit=${PAGE}${next && `&continue=${encodeURIComponent(next)}`}`;
    const page: ObjectList<T> | undefined = await api.request(
      { method: "GET", path: `${path}?${query}`, what },
      signal,
    );
    objects.push(...page?.items ?? []);
    next = page?.metadata.continue || undefined;
  }
  return objects;
}
