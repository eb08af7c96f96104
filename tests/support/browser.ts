/**
 * Debian's Chromium, driven over its protocol.
 *
 * @module
 */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where Debian's package puts it. */
const PROGRAM = "/usr/bin/chromium";

/** Where pictures of pages are kept. Undefined: they are taken all the same, and removed. */
export const SCREENSHOTS = Deno.env.get("WHEREABOUTS_SCREENSHOTS");

/** A browser. Tests run as root, and Chromium then has no sandbox of its own. */
export async function openBrowser(): Promise<Browser & AsyncDisposable> {
  return await chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A page, its requests, and its complaints: errors, refused requests and violations of its policy. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly complaints: string[]; readonly requests: string[] } & AsyncDisposable> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  return { page, complaints, requests, [Symbol.asyncDispose]: () => context.close() };
}
