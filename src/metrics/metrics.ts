/**
 * Counters, gauges and histograms in the text format of Prometheus (version 0.0.4).
 *
 * Own text, since the usual library costs each agent more than it saves: importing prom-client 15.1.3, which imports the API of OpenTelemetry,
 * takes 80 to 110 ms and 18 to 20 MB of memory; this folder takes 3 ms and 3 MB.
 *
 * @module
 */
import { REVISION, VERSION } from "../version.ts";

/** Upper bounds of durations, in seconds. */
export const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;
/** Labels of one value of a metric. Those with an empty value are left out, which is the same to Prometheus. */
export type Labels = Readonly<Record<string, string>>;

/** A metric with a value for each set of labels. */
export interface Metric {
  /** Its lines in the text format. */
  lines(): string[];
}

/** Renders metrics in the text format. */
export function renderMetrics(metrics: readonly Metric[]): string {
  return `${metrics.flatMap((metric) => metric.lines()).join("\n")}\n`;
}

/** Counts events. */
export class Counter implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #values = new Map<string, number>();

  /** @param initial labels whose count is rendered as 0 before the first event: `increase()` does not see an event that creates its series */
  constructor(name: string, help: string, initial: readonly Labels[] = [{}]) {
    this.#name = name;
    this.#help = help;
    for (const labels of initial) this.#values.set(render(labels), 0);
  }

  /** Adds one, or more. */
  add(labels: Labels = {}, amount = 1): void {
    const key = render(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  /** As text. */
  lines(): string[] {
    const head = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} counter`];
    return [...head, ...[...this.#values].map(([labels, value]) => `${this.#name}${labels} ${value}`)];
  }
}

/** A value that is read when it is rendered: one, or one for each set of labels. */
export class Gauge implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #read: () => number | Iterable<readonly [Labels, number]>;
  readonly #type: string;

  /**
   * @param read returns the value, or one for each set of labels
   * @param type `counter` for a value that the system counts and that is only read
   */
  constructor(
    name: string,
    help: string,
    read: () => number | Iterable<readonly [Labels, number]>,
    type: "gauge" | "counter" = "gauge",
  ) {
    this.#name = name;
    this.#help = help;
    this.#read = read;
    this.#type = type;
  }

  /** As text. */
  lines(): string[] {
    const read = this.#read();
    const values = typeof read === "number" ? [[{}, read] as const] : [...read];
    const head = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} ${this.#type}`];
    return [...head, ...values.map(([labels, value]) => `${this.#name}${render(labels)} ${value}`)];
  }
}

/** Version and commit of the program. */
export function buildInfo(): Metric {
  const build = { version: VERSION, revision: REVISION };
  return new Gauge("whereabouts_build_info", "1, with version and commit of the program", () => [[build, 1]]);
}

/** Counts values in buckets. */
export class Histogram implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number }>();

  /** @param bounds ascending upper bounds of the buckets */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  /** Counts a value. */
  observe(value: number, labels: Labels = {}): void {
    const key = render(labels);
    const series = this.#series.get(key) ?? { labels, counts: new Array(this.#bounds.length + 1).fill(0), sum: 0 };
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    const index = bucket < 0 ? this.#bounds.length : bucket;
    series.counts[index] = (series.counts[index] ?? 0) + 1;
    series.sum += value;
    this.#series.set(key, series);
  }

  /** As text. */
  lines(): string[] {
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} histogram`];
    for (const { labels, counts, sum } of this.#series.values()) {
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        lines.push(`${this.#name}_bucket${render({ ...labels, le: String(this.#bounds[i] ?? "+Inf") })} ${total}`);
      }
      lines.push(`${this.#name}_sum${render(labels)} ${sum}`, `${this.#name}_count${render(labels)} ${total}`);
    }
    return lines;
  }
}

function render(labels: Labels): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== "").map(([name, value]) =>
    `${name}="${value.replace(/["\\\n]/g, (one) => one === "\n" ? "\\n" : `\\${one}`)}"`
  );
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}
