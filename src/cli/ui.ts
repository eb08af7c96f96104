/**
 * `ui`: serves a page that shows the store, or writes it to a file.
 *
 * @module
 */
import type { PodsSource } from "../controllers/pods_source.ts";
import type { Finding } from "../pool/finding.ts";
import { Board } from "../ui/board.ts";
import { makeToken } from "../ui/door.ts";
import { filePage } from "../ui/document.ts";
import { Pacer } from "../ui/pacer.ts";
import { Reader } from "../ui/reader.ts";
import { makeHandler } from "../ui/server.ts";
import { messageOf } from "../values/errors.ts";
import { SILENT } from "../world/log.ts";
import { type Command, defineCommand, parseNumber } from "./define.ts";
import { kubectlFlags, nextCommand, storeFlags } from "./next_step.ts";
import { PODS_FLAG, podsSource } from "./pods_flag.ts";
import { openReading, READ_TIMEOUT } from "./reading.ts";
import { type CommandStore, STORE_FLAGS, type StoreFlags } from "./store.ts";
import type { Terminal } from "./terminal.ts";

/** Highest interval, in seconds: a day. */
const MAX_INTERVAL = 86_400;

/** Serves the page until it is interrupted. */
export const ui: Command = defineCommand({
  about: [
    "Show pools, addresses, node slices and findings as a web page on 127.0.0.1, until interrupted. The page is read-only. Its address " +
    "contains a token that is valid for this run: do not share it.",
    "With --html, write the page with its data to one file instead.",
  ],
  flags: {
    port: { type: "string", value: "NUMBER", default: "0", help: "Port on 127.0.0.1; 0 is any free one" },
    interval: { type: "string", value: "SECONDS", default: "5", help: "Seconds between two reads, at least" },
    html: { type: "string", value: "FILE", help: "Write the page to this file, and exit" },
    ...PODS_FLAG,
    ...STORE_FLAGS,
  },
}, async (terminal, values) => {
  const port = parseNumber("port", values.port, { max: 65_535 });
  const interval = parseNumber("interval", values.interval, { min: 1, max: MAX_INTERVAL });
  await using reading = await openReading(terminal, { ...values, "all-namespaces": false }, SILENT);
  const { parts: [part], empty } = await reading.read(
    ({ ipam }, signal) => ipam.driver.list(signal),
    (pools) => pools.length === 0,
  );
  if (!part) return 1;
  const { store } = part;
  const pacer = new Pacer(terminal.world, interval * 1_000);
  const namespace = store.ipam.driver.namespace?.name ?? values.namespace;
  await using reader = new Reader(terminal.world, {
    ipam: store.ipam,
    where: store.where,
    empty: empty?.message ?? "",
    openSource: () => podsSource(terminal, store.datastore, { ...values, namespace }),
    ...(store.datastore.kind === "kubernetes" && { watch: watcherFor(pacer) }),
    commandFor: commandsOn(terminal, store, values),
  });
  const model = await reader.read(AbortSignal.timeout(READ_TIMEOUT));
  const platform = await terminal.platform();
  const assets = await platform.readPage();
  if (values.html !== undefined) {
    await terminal.world.writeFile(values.html, await filePage(assets, model), { durable: false });
    terminal.print(`Wrote ${values.html}`);
    return 0;
  }
  const board = new Board(model, interval);
  const [token, signal] = [makeToken(), platform.stopSignal()];
  await using server = platform.serveLocally(port, makeHandler({ board, assets, token, signal }));
  terminal.print(`http://127.0.0.1:${server.port}/${token}/`);
  terminal.world.stderr(`Shows ${store.where}; press Ctrl-C to end`);
  await follow(reader, board, pacer, signal);
  return 0;
});

/** The next command for a finding, as `check` prints it. */
function commandsOn({ program }: Terminal, { ipam }: CommandStore, flags: StoreFlags): (finding: Finding) => string {
  const namespace = ipam.driver.namespace?.name;
  const store = storeFlags(flags, namespace);
  const kubectl = namespace === undefined ? undefined : kubectlFlags(flags, namespace);
  return (finding) => nextCommand(finding.kind, [finding], { program, store, kubectl }) ?? "";
}

/** Reports changes of the pools to the pacer. Errors stay unreported: without changes, the store is read at the interval. */
function watcherFor(pacer: Pacer): (source: PodsSource, signal: AbortSignal) => void {
  const listener = { watching: () => pacer.watching(), changed: () => pacer.changed() };
  return (source, signal) => void source.watchPools?.(listener, signal);
}

/** Reads until the signal aborts. A failed read is shown on the page. */
async function follow(reader: Reader, board: Board, pacer: Pacer, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pacer.next(signal).catch(() => {});
    if (signal.aborted) return;
    try {
      board.update(await reader.read(AbortSignal.any([signal, AbortSignal.timeout(READ_TIMEOUT)])));
    } catch (error) {
      board.fail(reasonOf(error));
      pacer.changed(); // the store is read again at the interval, whether or not it changes
    }
  }
}

function reasonOf(error: unknown): string {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  return late ? "The store or the cluster did not answer in time" : messageOf(error);
}
