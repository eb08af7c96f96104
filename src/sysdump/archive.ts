/**
 * The content of a report: files of bounded size, and a list of what is missing in it and why.
 *
 * @module
 */
import { messageOf } from "../values/errors.ts";
import { tar } from "../values/tar.ts";

/** Max bytes of all files before compression: an archive of some 10 MB can be attached to an issue. */
const MAX_TOTAL = 256 * 1024 * 1024;
/** Characters of a path in an archive: the format permits 99 bytes. */
const MAX_PATH = 90;

/** Something that is not in the archive. */
interface Missing {
  /** What. */
  readonly what: string;
  /** Why. */
  readonly why: string;
}

/** Collects files. */
export class Archive {
  readonly #files = new Map<string, Uint8Array>();
  readonly #missing: Missing[] = [];
  readonly #folder: string;
  readonly #maxTotal: number;
  #total = 0;

  /**
   * An empty archive.
   *
   * @param folder that all files are in
   * @param maxTotal max bytes of all files
   */
  constructor(folder: string, maxTotal: number = MAX_TOTAL) {
    this.#folder = folder;
    this.#maxTotal = maxTotal;
  }

  /** What is missing, and why. */
  get missing(): readonly Missing[] {
    return this.#missing;
  }

  /** Number of files. */
  get size(): number {
    return this.#files.size;
  }

  /** Adds a file, unless the archive would become too large. */
  add(path: string, text: string): void {
    const data = new TextEncoder().encode(text);
    if (this.#total + data.length > this.#maxTotal) {
      const limit = Math.floor(this.#maxTotal / (1024 * 1024));
      return this.miss(path, `The archive would have more than ${limit} MiB before compression`);
    }
    this.#total += data.length;
    this.#files.set(this.#unique(`${this.#folder}/${path}`), data);
  }

  /** Adds a value as JSON. */
  addJson(path: string, value: unknown): void {
    this.add(path, `${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** Records that something is missing. */
  miss(what: string, why: string): void {
    this.#missing.push({ what, why });
  }

  /** Runs work, and records its failure: an archive without a part is better than none. Rethrows when the signal aborts. */
  async attempt<T>(what: string, work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      this.miss(what, messageOf(error));
      return undefined;
    }
  }

  /** The compressed archive, with its table of contents. */
  async finish(facts: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
    const files = [...this.#files].map(([path, { length }]) => ({ path, bytes: length }));
    const index = `${JSON.stringify({ ...facts, files, missing: this.#missing }, undefined, 2)}\n`;
    const entries = [[`${this.#folder}/index.json`, new TextEncoder().encode(index)] as const, ...this.#files];
    const archive = tar(entries.map(([path, data]) => ({ path, data, mode: 0o600 })));
    const compressed = new Blob([new Uint8Array(archive)]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Uint8Array(await new Response(compressed).arrayBuffer());
  }

  #unique(path: string): string {
    const [, base = path, ending = ""] = /^(.*?)(\.[a-z]+)$/.exec(path) ?? [];
    const plain = base.replace(/[^\w./-]/g, "_").replaceAll("..", "_").slice(0, MAX_PATH - ending.length);
    let name = `${plain}${ending}`;
    for (let i = 2; this.#files.has(name); i++) name = `${plain.slice(0, -1 - `${i}`.length)}~${i}${ending}`;
    return name;
  }
}
