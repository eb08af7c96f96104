/**
 * Answers the requests of the page. Writes nothing.
 *
 * @module
 */
import type { Board } from "./board.ts";
import { admit, headersOf } from "./door.ts";
import { type PageAssets, SERVED_PAGE } from "./document.ts";
import type { State } from "./types.ts";

/** Milliseconds between two comments that keep an idle event stream open through proxies. */
const KEEPALIVE = 20_000;

const JSON_TYPE = "application/json; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";

/** Answers requests until the signal aborts, which ends the event streams. */
export function makeHandler(
  { board, assets, token, signal }: {
    readonly board: Board;
    readonly assets: PageAssets;
    readonly token: string;
    readonly signal: AbortSignal;
  },
): (request: Request) => Response {
  return (request) => {
    const admitted = admit(request, token);
    if ("status" in admitted) return answer(`${admitted.message}\n`, TEXT_TYPE, admitted.status);
    const { path, query } = admitted;
    switch (path) {
      case "":
        return answer(SERVED_PAGE, "text/html; charset=utf-8");
      case "page.js":
        return answer(assets.script, "text/javascript; charset=utf-8");
      case "page.css":
        return answer(assets.style, "text/css; charset=utf-8");
      case "events":
        return new Response(events(board, signal), { headers: headersOf("text/event-stream") });
      case "details":
        return details(board, query.get("pool"));
      default:
        return answer("Not found\n", TEXT_TYPE, 404);
    }
  };
}

function details(board: Board, pool: string | null): Response {
  if (pool === null) return answer(board.details(), JSON_TYPE);
  const text = board.detail(pool);
  return text === undefined ? answer(`Pool ${pool} not found\n`, TEXT_TYPE, 404) : answer(text, JSON_TYPE);
}

function answer(body: string, type: string, status = 200): Response {
  return new Response(body, { status, headers: headersOf(type) });
}

/** The latest state, and each later one, as server-sent events. */
function events(board: Board, signal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stop = () => {};
  return new ReadableStream({
    start(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text));
      const publish = (state: State) => send(`data: ${JSON.stringify(state)}\n\n`);
      const unsubscribe = board.subscribe(publish);
      const timer = setInterval(() => send(": open\n\n"), KEEPALIVE);
      stop = () => {
        unsubscribe();
        clearInterval(timer);
        signal.removeEventListener("abort", end);
      };
      const end = () => {
        stop();
        controller.close();
      };
      signal.addEventListener("abort", end, { once: true });
      publish(board.state);
    },
    cancel: () => stop(),
  });
}
