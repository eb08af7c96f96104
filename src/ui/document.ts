/**
 * The page as HTML: served in parts, or as one file.
 *
 * @module
 */
import type { Model } from "./model.ts";
import { filePolicy } from "./door.ts";
import type { State } from "./types.ts";

/** The bundled page. */
export interface PageAssets {
  /** JavaScript without imports. */
  readonly script: string;
  /** CSS. */
  readonly style: string;
}

const ICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#2563a8"/>' +
    '<path d="M3 4h3v3H3zm5 0h5v3H8zM3 9h5v3H3zm7 0h3v3h-3z" fill="#fff"/></svg>',
);

/** The page that loads its parts and its data from the server. */
export const SERVED_PAGE = htmlOf(
  '<link rel="stylesheet" href="page.css">\n<script type="module" src="page.js"></script>',
  "",
);

/** The page as one file, with its data. It sends no request. */
export async function filePage({ script, style }: PageAssets, { summary, details }: Model): Promise<string> {
  const state: State = { summary, error: "", interval: 0 };
  const code = script.replaceAll("</script", "<\\/script");
  const policy = filePolicy(await hashOf(code), await hashOf(style));
  const head = [
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<style>${style}</style>`,
  ].join("\n");
  const body = [
    dataElement("state", state),
    dataElement("details", Object.fromEntries(details)),
    `<script type="module">${code}</script>`,
  ].join("\n");
  return htmlOf(head, body);
}

function htmlOf(head: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>Whereabouts</title>
<link rel="icon" href="${ICON}">
${head}
</head>
<body>
<div id="app"></div>
<noscript>This page needs JavaScript. The commands show, check and claims print the same.</noscript>
${body}</body>
</html>
`;
}

/** Data that is not executed. Escaped, since names in it may contain markup. */
function dataElement(id: string, value: unknown): string {
  return `<script type="application/json" id="${id}">${JSON.stringify(value).replaceAll("<", "\\u003c")}</script>`;
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}
