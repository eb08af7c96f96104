// deno-lint-ignore-file no-console -- a bench prints its table
/**
 * The bench of `whereabouts ui`: the page on a large store and on a small one, in one browser, alternately.
 *
 * `deno task bench:page [--rounds N] [--json]`. It measures the time from the navigation to the first view, and the 95th percentile of the
 * time between frames while the map of a /16 is scrolled. Trust the ratios, not the times.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Browser } from "playwright-core";
import { openEmbedded } from "../../drivers/embedded/driver.ts";
import { parseCidr } from "../../src/address/cidr.ts";
import { table } from "../../src/cli/table.ts";
import { serveUi } from "../cli/ui_server.ts";
import { binary } from "../support/binary.ts";
import { openBrowser, openPage } from "../support/browser.ts";

/** A store. */
interface Scale {
  readonly name: string;
  readonly pools: number;
  readonly addresses: number;
}

const SCALES: readonly Scale[] = [
  { name: "small", pools: 10, addresses: 1_000 },
  { name: "large", pools: 1_000, addresses: 100_000 },
];

/** What one round measures, in milliseconds. */
interface Measured {
  /** From the navigation until the first rows are drawn. */
  readonly view: number;
  /** 95th percentile of the time between frames of the map. */
  readonly frames: number;
}

/** Seconds between two reads: none happens during the bench, which times the page and not the store. */
const INTERVAL = "86400";

/** Milliseconds until a page must be there. */
const LIMIT = 120_000;

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "7" }, json: { type: "boolean", default: false } },
});

/** Half of the addresses are in one /16, the others spread over /20s. */
async function fill(path: string, { pools, addresses }: Scale): Promise<void> {
  await using driver = await openEmbedded({ kind: "embedded", path });
  const rest = Math.floor(addresses / 2 / (pools - 1));
  for (let pool = 0; pool < pools; pool++) {
    const cidr = parseCidr(pool === 0 ? "10.255.0.0/16" : `10.${pool >> 4}.${(pool & 15) << 4}.0/20`)?.cidr;
    if (!cidr) throw new RangeError(`Pool ${pool} has no range`);
    const count = pool === 0 ? addresses / 2 : rest;
    const changes = Array.from({ length: count }, (_, i) => {
      const address = cidr.base + 1n + BigInt(i);
      const owner = { podRef: `ns-${i % 20}/pod-${pool}-${i}`, ifName: "net1", node: `node-${i % 500}` };
      return { address, after: { address, ...owner, containerId: i.toString(16).padStart(64, "0") } };
    });
    const signal = AbortSignal.timeout(LIMIT);
    await driver.commit(await driver.read({ network: "", cidr }, signal), changes, signal);
  }
}

/** Notes the time of the frame after the first rows are in the document. */
const NOTE_FIRST_VIEW = `new MutationObserver((_, observer) => {
  if (!document.querySelector("[data-row]")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => globalThis.firstView = performance.now(), 0));
}).observe(document, { childList: true, subtree: true })`;

/** Scrolls the map by a row a frame, and returns the times between frames. */
const SCROLL = `new Promise((resolve) => {
  const map = document.querySelector(".map");
  const times = [];
  let last = performance.now();
  const step = (now) => {
    times.push(now - last);
    last = now;
    map.scrollTop += 11;
    if (times.length < 240) requestAnimationFrame(step);
    else resolve(times.slice(1));
  };
  requestAnimationFrame(step);
})`;

async function measure(browser: Browser, url: string): Promise<Measured> {
  await using opened = await openPage(browser, { viewport: { width: 1280, height: 800 } });
  const { page } = opened;
  await page.addInitScript(NOTE_FIRST_VIEW);
  await page.goto(`${url}#/pools`);
  const view = await page.evaluate(FIRST_VIEW) as number;
  await page.goto(`${url}#/pool/${encodeURIComponent("10.255.0.0/16")}`);
  await page.locator(".map .height").waitFor({ state: "attached", timeout: LIMIT });
  const times = (await page.evaluate(SCROLL) as number[]).sort((a, b) => a - b);
  return { view, frames: times[Math.ceil(times.length * 0.95) - 1] ?? Number.NaN };
}

/** The time that the page noted. */
const FIRST_VIEW = `new Promise((resolve) => {
  const timer = setInterval(() => {
    if (globalThis.firstView === undefined) return;
    clearInterval(timer);
    resolve(globalThis.firstView);
  }, 20);
})`;

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

async function main(): Promise<void> {
  const program = await binary();
  const folder = await Deno.makeTempDir({ prefix: "bench-" });
  await using opened = new AsyncDisposableStack();
  opened.defer(() => Deno.remove(folder, { recursive: true }));
  const browser = opened.use(await openBrowser());
  const contenders = [];
  for (const scale of SCALES) {
    const path = `${folder}/${scale.name}.db`;
    console.error(`bench: filling ${scale.name}: ${scale.pools} pools, ${scale.addresses} addresses`);
    await fill(path, scale);
    const server = opened.use(await serveUi([program], "--database", path, "--interval", INTERVAL));
    contenders.push({ ...scale, url: server.url, measured: [] as Measured[] });
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { url, measured } of contenders) measured.push(await measure(browser, url));
  }
  const rows = contenders.map(({ name, pools, addresses, measured }) => ({
    store: name,
    pools,
    addresses,
    view: median(measured.map(({ view }) => view)),
    frames: median(measured.map(({ frames }) => frames)),
  }));
  const [small, large] = rows;
  const ratio = (one: number | undefined, other: number | undefined) => (one ?? NaN) / (other ?? NaN);
  const ratios = { view: ratio(large?.view, small?.view), frames: ratio(large?.frames, small?.frames) };
  if (values.json) return console.log(JSON.stringify({ rows, ratios }));
  const lines = rows.map((
    { store, pools, addresses, view, frames },
  ) => [store, pools, addresses, view.toFixed(0), frames.toFixed(1)]);
  const headings = ["STORE", "POOLS", "ADDRESSES", "FIRST VIEW MS", "P95 BETWEEN FRAMES MS"];
  const last = ["ratio", "", "", ratios.view.toFixed(2), ratios.frames.toFixed(2)];
  for (const line of table(headings, [...lines, last])) console.log(line);
}

await main();
