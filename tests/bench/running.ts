/**
 * A running controller, and its numbers.
 *
 * @module
 */
import { eventually, freePort, Server } from "../support/process.ts";

/** Max milliseconds of each step: far more than any needs, so that slow steps show in the table. */
export const LIMIT = 600_000;

/** A running controller. */
export class Running implements AsyncDisposable {
  /** When it started, as `performance.now`. */
  readonly begun: number = performance.now();
  readonly #server: Server;
  readonly #address = `127.0.0.1:${freePort()}`;

  /** Starts it with further flags. Its output goes to the file `log`. */
  constructor(path: string, kubeconfig: string, log: string, ...more: readonly string[]) {
    const http = ["--http-address", this.#address, "--lease-name", `bench-${crypto.randomUUID().slice(0, 8)}`];
    this.#server = new Server([path, "controller", "--kubeconfig", kubeconfig, ...http, ...more], log);
  }

  /** Waits until it has read the cluster. */
  async synced(): Promise<void> {
    await this.#server.ready("the controller", async () => await this.value("whereabouts_controller_leading") === 1);
    await eventually("it is ready", async () => (await this.#get("/readyz"))?.status === 200, LIMIT);
  }

  /** Waits until so many sweeps have finished. Returns the seconds of all. */
  async swept(count: number): Promise<number> {
    const name = "whereabouts_sweep_seconds_count";
    await eventually(`${count} sweeps`, async () => (await this.value(name) ?? 0) >= count, LIMIT);
    return await this.value("whereabouts_sweep_seconds_sum") ?? Number.NaN;
  }

  /** A value of its metrics. */
  async value(name: string): Promise<number | undefined> {
    const text = (await this.#get("/metrics"))?.text ?? "";
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  }

  /** Resident memory in megabytes: now, and at its peak. */
  memory(): { readonly now: number; readonly most: number } {
    return memoryOf(this.#server.pid);
  }

  /** Seconds of processor time that it has used. */
  cpu(): number {
    return cpuOf(this.#server.pid);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  async #get(path: string): Promise<{ readonly status: number; readonly text: string } | undefined> {
    try {
      const response = await fetch(`http://${this.#address}${path}`);
      return { status: response.status, text: await response.text() };
    } catch {
      return undefined; // it does not listen yet
    }
  }
}

/** Clock ticks of `/proc` a second. */
const TICKS = 100;

/** Seconds of processor time of a process (proc(5): utime and stime). */
function cpuOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Resident memory of a process in megabytes: now, and at its peak. */
export function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { now: of("VmRSS"), most: of("VmHWM") };
}
