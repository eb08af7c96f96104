import assert from "node:assert/strict";
import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { binary } from "../support/binary.ts";
import { openBrowser, openPage, SCREENSHOTS } from "../support/browser.ts";
import { must, run } from "../support/process.ts";
import { makeCluster, type TestCluster } from "./cluster.ts";
import { database } from "./lab.ts";
import { type Seed, seed } from "./ui_seed.ts";
import { serveUi, type UiServer } from "./ui_server.ts";

/** Milliseconds until a view must show what it is for: ten times what a loaded machine needs. */
const LIMIT = 60_000;

/** Each view, with what it shows when it is ready. */
const VIEWS: readonly (readonly [name: string, route: string, ready: string])[] = [
  ["pools", "pools", "text=10.30.0.0/26"],
  ["pool", "pool/10.20.0.0%2F23", "canvas"],
  ["pool-ipv6", "pool/fd00%3A40%3A%3A%2F64", "canvas"],
  ["address", "pool/10.40.0.0%2F20/10.40.4.10", "text=duplicate or conflict"],
  ["slices", "slices", "text=worker-retired"],
  ["findings", "findings", "text=unusable-network"],
  ["search", "search/pod-4", "text=10.20.0.4"],
  ["not-found", "pool/nothing", "text=Pool not found"],
];

/** Colours, width and height. Rules of accessibility depend on colours and on width, so two of the four are enough for both. */
const LOOKS = [
  { scheme: "light", width: 1280, height: 800, isChecked: true },
  { scheme: "dark", width: 1280, height: 800, isChecked: false },
  { scheme: "light", width: 375, height: 720, isChecked: false },
  { scheme: "dark", width: 375, height: 720, isChecked: true },
] as const;

interface Lab {
  readonly cluster: TestCluster;
  readonly seeded: Seed;
  readonly browser: Browser;
  readonly server: UiServer;
  readonly folder: string;
}

async function makeLab(): Promise<Lab & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const folder = SCREENSHOTS ?? await Deno.makeTempDir();
  await Deno.mkdir(folder, { recursive: true });
  if (SCREENSHOTS === undefined) opened.defer(() => Deno.remove(folder, { recursive: true }));
  const cluster = opened.use(await makeCluster());
  const seeded = opened.use(await seed(cluster));
  const browser = opened.use(await openBrowser());
  const server = opened.use(
    await serveUi([await binary()], "--kubeconfig", cluster.kube.kubeconfig, "--interval", "1"),
  );
  const kept = opened.move();
  return { cluster, seeded, browser, server, folder, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

Deno.test("the page shows a cluster, live and accessible, and loads nothing from elsewhere", async (test) => {
  await using lab = await makeLab();
  for (const look of LOOKS) {
    const { scheme, width } = look;
    await test.step(`every view, ${scheme}, ${width} pixels wide`, () => showViews(lab, look));
  }
  await test.step("the policy of the page forbids requests to others", () => tryRequest(lab));
  await test.step("a change of the store appears, with its trend", () => changeStore(lab));
  await test.step("pointer and keyboard show owners, and a search leads to an address", () => showOwners(lab));
  await test.step("a file has the same views without a server", () => openFile(lab));
  await test.step("a store that stopped, and a command that has ended, are named", () => stopServers(lab));
});

async function showViews(
  { browser, server: { url }, folder }: Lab,
  { scheme, width, height, isChecked }: typeof LOOKS[number],
): Promise<void> {
  await using opened = await openPage(browser, { colorScheme: scheme, viewport: { width, height } });
  const { page, complaints, requests } = opened;
  for (const [name, route, ready] of VIEWS) {
    await page.goto(`${url}#/${route}`);
    await page.locator(ready).first().waitFor({ timeout: LIMIT });
    await page.screenshot({ path: `${folder}/${name}-${scheme}-${width}.png` });
    const isWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    assert.equal(isWide, false, `${name} is wider than the window`);
    if (isChecked) assert.deepEqual(await graveFaults(page), [], name);
  }
  assert.deepEqual(complaints, []);
  assert.deepEqual(requests.filter((one) => !one.startsWith(url)), []);
}

/** Serious and critical faults for assistive technology. */
async function graveFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run()") as AxeResults;
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("; ")}`);
}

async function tryRequest({ browser, server: { url } }: Lab): Promise<void> {
  await using opened = await openPage(browser);
  const { page, complaints } = opened;
  await page.goto(url);
  await page.locator("text=10.30.0.0/26").waitFor({ timeout: LIMIT });
  const tried = await page.evaluate(`fetch("http://127.0.0.1:1/").then(() => "sent", () => "refused")`);
  assert.equal(tried, "refused");
  assert(complaints.length > 0);
  assert(complaints.every((text) => text.includes("Content Security Policy")), complaints.join("\n"));
}

async function changeStore({ browser, cluster, seeded, server: { url } }: Lab): Promise<void> {
  await using opened = await openPage(browser);
  const { page, complaints } = opened;
  await page.goto(`${url}#/pools`);
  const row = page.locator("[data-row]", { hasText: "10.40.4.0/24" });
  await row.locator(".used", { hasText: /^2$/ }).waitFor({ timeout: LIMIT });
  await seeded.add("10.40.4.0/24", 77n);
  await row.locator(".used", { hasText: /^3$/ }).waitFor({ timeout: LIMIT });
  await row.locator(".change", { hasText: "+1" }).waitFor({ timeout: LIMIT });
  const requests = await cluster.kube.requests();
  assert(requests.includes("watch ippools"), [...new Set(requests)].join(", "));
  assert.deepEqual(complaints, []);
}

async function showOwners({ browser, server: { url } }: Lab): Promise<void> {
  await using opened = await openPage(browser, { viewport: { width: 1280, height: 800 } });
  const { page, complaints } = opened;
  await page.goto(`${url}#/pool/10.20.0.0%2F23`);
  await page.locator(".map").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.locator(".panel", { hasText: "10.20.0.1" }).locator("text=shop/pod-1").waitFor({ timeout: LIMIT });
  await page.mouse.move(700, 225);
  await page.locator(".panel h2", { hasText: /^10\.20\.0\.(?!1$)/ }).waitFor({ timeout: LIMIT });
  await page.keyboard.press("/");
  await page.keyboard.type("gone-7");
  await page.locator("[data-row]", { hasText: "shop/gone-7" }).locator("a").first().click({ timeout: LIMIT });
  await page.locator(".panel", { hasText: "10.20.0.8" }).locator("text=reconcile").first().waitFor({ timeout: LIMIT });
  await page.goto(`${url}#/pool/fd00%3A40%3A%3A%2F64`);
  await page.locator(".blocks", { hasText: "fd00:40::/120" }).waitFor({ timeout: LIMIT });
  await page.goto(`${url}#/pools`);
  await page.locator("[data-row='0']").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "10.30.0.0/26" }).waitFor({ timeout: LIMIT });
  assert.deepEqual(complaints, []);
}

async function openFile({ browser, cluster, folder }: Lab): Promise<void> {
  const file = `${folder}/whereabouts.html`;
  await must([await binary(), "ui", "--kubeconfig", cluster.kube.kubeconfig, "--html", file]);
  await using opened = await openPage(browser, { viewport: { width: 1280, height: 800 } });
  const { page, complaints, requests } = opened;
  for (const [, route, ready] of VIEWS) {
    await page.goto(`file://${file}#/${route}`);
    await page.locator(ready).first().waitFor({ timeout: LIMIT });
  }
  assert.deepEqual(complaints, []);
  assert.deepEqual(requests.filter((one) => !/^(?:file|data):/.test(one)), []);
}

async function stopServers({ browser, cluster, server, folder }: Lab): Promise<void> {
  await using opened = await openPage(browser);
  const { page } = opened;
  await page.goto(`${server.url}#/pools`);
  await page.locator("text=10.30.0.0/26").waitFor({ timeout: LIMIT });
  await cluster.plane.stopApiServer();
  await page.locator("[role=alert]", { hasText: "Cannot read the store" }).waitFor({ timeout: 3 * LIMIT });
  await page.screenshot({ path: `${folder}/store-stopped.png` });
  await server[Symbol.asyncDispose]();
  await page.locator("[role=alert]", { hasText: "does not answer" }).waitFor({ timeout: LIMIT });
  await page.locator("text=10.30.0.0/26").waitFor({ timeout: LIMIT });
}

/** The program of a checkout, which bundles the page when it is requested. */
const CHECKOUT = [Deno.execPath(), "run", "-A", new URL("../../main.ts", import.meta.url).pathname];

Deno.test("the page of a checkout opens with the printed address alone, and Ctrl-C ends the command while a page is open", async () => {
  await using db = await database();
  await using server = await serveUi(CHECKOUT, "--database", db.path);
  const { origin } = new URL(server.url);
  const cases = [
    [server.url, {}, 200],
    [`${server.url}page.js`, {}, 200],
    [`${origin}/`, {}, 403],
    [server.url, { method: "POST" }, 405],
    [server.url, { headers: { origin: "http://evil.example" } }, 403],
  ] as const;
  for (const [url, init, status] of cases) {
    const response = await fetch(url, init);
    assert.equal(response.status, status, url);
    await response.body?.cancel();
  }
  const events = await fetch(`${server.url}events`);
  assert(events.body);
  const reader = events.body.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value ?? "", /"10\.0\.0\.0\/28"/);
  assert.equal(await server.interrupt(), 0);
  await reader.read().catch(() => {});
});

Deno.test("an unusable port or interval is a usage error, and a port in use is named", async () => {
  await using db = await database();
  const ask = (...args: string[]) => run([...CHECKOUT, "ui", "--database", db.path, ...args]);
  for (const [flag, value] of [["--port", "65536"], ["--port", "http"], ["--interval", "0"]] as const) {
    const { code, stderr } = await ask(flag, value);
    const isNamed = stderr.startsWith(`whereabouts ui: Invalid ${flag} "${value}": expected a number from`);
    assert.deepEqual([code, isNamed], [2, true], stderr);
  }
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const { code, stderr } = await ask("--port", `${port}`);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`Cannot serve the page on port ${port}: another process listens there`));
});
