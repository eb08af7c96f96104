/**
 * List and watch, over plain `fetch`: on Deno, client-node's watch never ends when its connection breaks.
 *
 * The protocol is that of the Kubernetes API concepts, "Efficient detection of changes": list page by page, watch from the list's version
 * with bookmarks, list again after status 410.
 *
 * @module
 */
import type { Feed, FeedEvent } from "../../src/controllers/cluster.ts";
import { ConflictError, RefusedError, UnavailableError } from "../../src/storage/driver.ts";
import type { World } from "../../src/world/world.ts";
import { unlessAborted } from "../../src/async/abort.ts";
import { startDeadline } from "../../src/async/deadline.ts";
import { messageOf, NotServedError } from "./answer.ts";
import type { ApiServer } from "./api_server.ts";
import type { ApiResource } from "./resources.ts";

/**
 * Objects per page for a controller: what a page of pods leaves, 0.7 MB of text and its objects, is then garbage before V8 moves it to the old
 * generation, whose size is the memory of the controller.
 */
const SMALL_PAGE = 100;
/**
 * Objects per page for a command: for each page, an API server passes over all objects that are still to be listed. `check` of 100,000 pods
 * takes 18 s so, and 22 s with 250 (`deno task bench:scale`).
 */
const PAGE = 1_000;
/** Seconds after which the API server ends a watch. */
const WATCH_SECONDS = 300;
/** Milliseconds without data after which a watch counts as broken: the API server sends a bookmark about every minute. */
const SILENCE = 150_000;

/** The used part of an API object. */
interface ApiObject {
  readonly metadata?: { readonly resourceVersion?: string };
}

/** Defines a feed. */
interface FeedSource<T> {
  /** The resource. */
  readonly resource: ApiResource;
  /** Whether every API server serves it, so that a "not served" answer proves nothing. Default false. */
  readonly core?: boolean;
  /** Converts an object to the facts that we use. */
  readonly convert: (object: never) => T;
  /** Identifies an object. */
  readonly keyOf: (item: T) => string;
}

/** The objects of a resource. A resource that the API server does not serve has no objects. */
export function makeFeed<T>(api: ApiServer, world: World, source: FeedSource<T>): Feed<T> {
  const { resource, keyOf } = source;
  return {
    name: resource,
    keyOf,
    list: async (signal, onPart) => {
      const items: T[] = [];
      let version = "";
      for await (const page of pages(api, source, signal, PAGE)) {
        items.push(...page.items);
        version = page.version;
        onPart?.(items.length);
      }
      return { items, version };
    },
    pages: (signal) => pages(api, source, signal, SMALL_PAGE),
    watch: (version, signal) => watch(api, world, source, version, signal),
  };
}

async function* pages<T>(
  api: ApiServer,
  { resource, convert, core = false }: FeedSource<T>,
  signal: AbortSignal,
  size: number,
): AsyncGenerator<{ readonly items: readonly T[]; readonly version: string }> {
  try {
    for await (const page of api.pages<unknown>({ resource }, signal, size)) {
      const items = page.items.map((object) => converted(resource, object, convert));
      yield { items, version: page.metadata?.resourceVersion ?? "" };
    }
  } catch (error) {
    if (!(error instanceof NotServedError) || core) throw error;
    yield { items: [], version: "" };
  }
}

async function* watch<T>(
  api: ApiServer,
  world: World,
  { resource, convert }: FeedSource<T>,
  version: string,
  signal: AbortSignal,
): AsyncGenerator<FeedEvent<T>> {
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  const query = {
    watch: "1",
    allowWatchBookmarks: "true",
    resourceVersion: version,
    timeoutSeconds: `${WATCH_SECONDS}`,
  };
  let lines: ReadableStreamDefaultReader<string> | undefined;
  try {
    const body = await within(world, resource, stop, () => api.stream({ verb: "watch", resource, query }, stop));
    lines = body.pipeThrough(new TextDecoderStream()).pipeThrough(splitLines()).getReader();
    const next = lines.read.bind(lines);
    for (;;) {
      const { done, value } = await within(world, resource, stop, next);
      if (done) return;
      yield toEvent(resource, value, convert, api.secrets);
    }
  } finally {
    ended.abort(); // closes the connection if the consumer stops
    await lines?.cancel().catch(() => {});
  }
}

/** Waits for the next data of a watch, for {@linkcode SILENCE} at most. */
async function within<T>(world: World, name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const silence = new UnavailableError(`The watch on ${name} sent no data for ${SILENCE / 1000} s`);
  using deadline = startDeadline(world, SILENCE, silence, signal);
  try {
    return await unlessAborted(work(), deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    if ([ConflictError, UnavailableError, RefusedError].some((kind) => error instanceof kind)) throw error;
    throw new UnavailableError(`The watch on ${name} failed: ${error}`, { cause: error });
  }
}

function toEvent<T>(
  name: string,
  line: string,
  convert: (object: never) => T,
  secrets: ApiServer["secrets"],
): FeedEvent<T> {
  let event: {
    readonly type?: string;
    readonly object?: ApiObject & { readonly code?: number };
  };
  try {
    event = JSON.parse(line);
  } catch (error) {
    throw new UnavailableError(`The watch on ${name} ended within a line of JSON`, { cause: error });
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
      const message = `The watch on ${name} ended: ${messageOf(object, object?.code ?? 0, secrets)}`;
      throw object?.code === 410 ? new ConflictError(message) : new UnavailableError(message);
    }
  }
}

/** Converts an object. If its shape is unexpected, the server is unavailable: our code is not at fault. */
function converted<T>(name: string, object: unknown, convert: (object: never) => T): T {
  try {
    return convert(object as never);
  } catch (cause) {
    throw new UnavailableError(`The API server's list of ${name} has an item with an unknown format`, { cause });
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
