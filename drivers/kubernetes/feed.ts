/**
 * List and watch, over plain `fetch`: client-node's watch never ends on Deno when its connection breaks.
 *
 * The protocol is that of the Kubernetes API concepts, "Efficient detection of changes": list page by page, watch from the list's version with
 * bookmarks, list again on 410.
 *
 * @module
 */
import type { Feed, FeedEvent } from "../../src/controllers/cluster.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { unlessAborted } from "../../src/async/abort.ts";
import { startDeadline } from "../../src/async/deadline.ts";
import type { ApiReader } from "./reader.ts";
import { messageOf } from "./answer.ts";

/** Objects of a page: what is read of one is garbage at once, and a controller is as large as its garbage. */
const PAGE = 100;
/** Milliseconds a page may take. */
const PAGE_TIMEOUT = 60_000;
/** Seconds after which the API server ends a watch by itself. */
const WATCH_SECONDS = 300;
/** Milliseconds without a word after which a watch counts as broken: the API server sends a bookmark about every minute. */
const SILENCE = 150_000;

/** An object of the API, as far as it is looked at here. */
interface ApiObject {
  readonly metadata?: { readonly resourceVersion?: string };
}

interface ListPage {
  readonly items?: readonly never[];
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

/** What a feed is made of. */
export interface FeedSource<T> {
  /** Path of the collection: `/api/v1/pods`. */
  readonly path: string;
  /** `pods`. */
  readonly name: string;
  /** Whether every API server serves it: then an answer that it does not proves nothing. Default false. */
  readonly core?: boolean;
  /** What is kept of an object. */
  readonly convert: (object: never) => T;
  /** Tells objects apart. */
  readonly keyOf: (item: T) => string;
}

/** The objects of a path. A path that the API server does not serve holds none. */
export function makeFeed<T>(reader: ApiReader, world: World, source: FeedSource<T>): Feed<T> {
  const { name, keyOf } = source;
  return {
    name,
    keyOf,
    list: (signal) => list(reader, world, source, signal),
    watch: (version, signal) => watch(reader, world, source, version, signal),
  };
}

async function list<T>(
  reader: ApiReader,
  world: World,
  { path, name, convert, core = false }: FeedSource<T>,
  signal: AbortSignal,
): Promise<{ readonly items: readonly T[]; readonly version: string }> {
  const items: T[] = [];
  let next = "";
  for (;;) {
    const query = new URLSearchParams({ limit: `${PAGE}`, ...(next && { continue: next }) });
    const late = new UnavailableError(`The API server gave no page of ${name} within ${PAGE_TIMEOUT / 1000} s`);
    using limit = startDeadline(world, PAGE_TIMEOUT, late, signal);
    const page = await reader.json({ path: `${path}?${query}`, what: name }, limit.signal) as ListPage | undefined;
    if (!page && next === "" && !core) return { items, version: "" };
    if (!Array.isArray(page?.items)) throw new UnavailableError(`The API server's list of ${name} is not whole`);
    for (const object of page.items) items.push(converted(name, object, convert));
    next = page.metadata?.continue ?? "";
    if (!next) return { items, version: page.metadata?.resourceVersion ?? "" };
  }
}

async function* watch<T>(
  reader: ApiReader,
  world: World,
  { path, name, convert }: FeedSource<T>,
  version: string,
  signal: AbortSignal,
): AsyncGenerator<FeedEvent<T>> {
  const ended = new AbortController();
  const limit = AbortSignal.any([signal, ended.signal]);
  const query = new URLSearchParams({
    watch: "1",
    allowWatchBookmarks: "true",
    resourceVersion: version,
    timeoutSeconds: `${WATCH_SECONDS}`,
  });
  let lines: ReadableStreamDefaultReader<string> | undefined;
  try {
    const body = await within(world, name, limit, () => reader.stream({ path: `${path}?${query}`, what: name }, limit));
    lines = body.pipeThrough(new TextDecoderStream()).pipeThrough(splitLines()).getReader();
    const next = lines.read.bind(lines);
    for (;;) {
      const { done, value } = await within(world, name, limit, next);
      if (done) return;
      yield toEvent(name, value, convert);
    }
  } finally {
    ended.abort(); // whoever stops listening closes the connection
    await lines?.cancel().catch(() => {});
  }
}

/** Waits for the next word, and gives up where none comes. */
async function within<T>(world: World, name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const silence = new UnavailableError(`The watch on ${name} was silent for ${SILENCE / 1000} s`);
  using limit = startDeadline(world, SILENCE, silence, signal);
  try {
    return await unlessAborted(work(), limit.signal);
  } catch (error) {
    signal.throwIfAborted();
    if ([ConflictError, UnavailableError, RefusedError].some((kind) => error instanceof kind)) throw error;
    throw new UnavailableError(`The watch on ${name} broke: ${error}`, { cause: error });
  }
}

function toEvent<T>(name: string, line: string, convert: (object: never) => T): FeedEvent<T> {
  let event: {
    readonly type?: string;
    readonly object?: ApiObject & { readonly code?: number };
  };
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw new UnavailableError(`The watch on ${name} sent half a line`, { cause: error });
  }
  const { type, object } = event;
  const version = object?.metadata?.resourceVersion ?? "";
  switch (type) {
    case "BOOKMARK":
      return { kind: "bookmark", version };
    case "ADDED":
    case "MODIFIED":
      return { kind: "put", item: converted(name, object, convert), version };
    case "DELETED":
      return { kind: "gone", item: converted(name, object, convert), version };
    default: {
      const said = `The watch on ${name} ended: ${messageOf(object, object?.code ?? 0, [])}`;
      throw object?.code === 410 ? new ConflictError(said) : new UnavailableError(said);
    }
  }
}

/** An object that is of another shape than its kind has is the server's fault, and not an error of ours. */
function converted<T>(name: string, object: unknown, convert: (object: never) => T): T {
  try {
    return convert(object as never);
  } catch (cause) {
    throw new UnavailableError(`The API server's list of ${name} has an item of another shape`, { cause });
  }
}

function splitLines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(chunk, controller) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") controller.enqueue(line);
    },
    flush(controller) {
      if (rest !== "") controller.enqueue(rest);
    },
  });
}
