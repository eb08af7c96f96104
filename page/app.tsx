/**
 * The page: header, notices, and the view that the address names.
 *
 * @module
 */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Summary } from "../src/ui/types.ts";
import { Findings } from "./findings.tsx";
import { formatCount } from "./format.ts";
import { Message } from "./parts.tsx";
import { Pool } from "./pool.tsx";
import { Pools } from "./pools.tsx";
import { Results } from "./results.tsx";
import { Slices } from "./slices.tsx";
import type { Received, Source } from "./source.ts";
import { addPoint, type Point } from "./trend.ts";

/** Milliseconds after the last key until a search starts. */
const SEARCH_DELAY = 200;

/** The page. */
export function App({ source }: { readonly source: Source }): JSX.Element {
  const [{ state, lost }, setReceived] = useState<Received>({ state: undefined, lost: "" });
  const trends = useRef<ReadonlyMap<string, readonly Point[]>>(new Map());
  const [view = "", ...rest] = useRoute();
  useEffect(() =>
    source.subscribe((received) => {
      if (received.state) trends.current = follow(trends.current, received.state.summary);
      setReceived(received);
    }), [source]);
  if (!state) {
    return lost === ""
      ? (
        <main>
          <Message title="Reading the store" />
        </main>
      )
      : (
        <main>
          <Message title="Cannot reach the server">
            <p>{lost}.</p>
          </Message>
        </main>
      );
  }
  const { summary, error } = state;
  return (
    <>
      <Header summary={summary} view={view} live={source.live} problem={lost || error} />
      {lost !== "" && <p class="notice error" role="alert">{lost}. What follows was read at {timeOf(summary.at)}.</p>}
      {lost === "" && error !== "" && (
        <p class="notice error" role="alert">
          Cannot read the store: {error}. What follows was read at {timeOf(summary.at)}; the next attempt is in{" "}
          {state.interval} s.
        </p>
      )}
      {summary.notices.map((notice) => <p class="notice" key={notice} role="status">{notice}</p>)}
      <main>{viewOf(view, rest, { summary, source, trends: trends.current })}</main>
    </>
  );
}

function viewOf(
  view: string,
  [first = "", second = ""]: readonly string[],
  { summary, source, trends }: {
    readonly summary: Summary;
    readonly source: Source;
    readonly trends: ReadonlyMap<string, readonly Point[]>;
  },
): JSX.Element {
  switch (view) {
    case "pool":
      return <Pool summary={summary} source={source} name={first} address={second} />;
    case "slices":
      return <Slices summary={summary} name={first} />;
    case "findings":
      return <Findings summary={summary} />;
    case "search":
      return <Results summary={summary} source={source} query={first} />;
    default:
      return <Pools summary={summary} trends={trends} live={source.live} />;
  }
}

function follow(trends: ReadonlyMap<string, readonly Point[]>, { at, pools }: Summary): Map<string, readonly Point[]> {
  return new Map(pools.map(({ name, used }) => [name, addPoint(trends.get(name) ?? [], { at, used })]));
}

/** The parts of the address behind `#/`. */
function useRoute(): readonly string[] {
  const read = () => location.hash.replace(/^#\/?/, "").split("/").map(decode);
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const onChange = () => setRoute(read());
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return route;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function Header({ summary, view, live, problem }: {
  readonly summary: Summary;
  readonly view: string;
  readonly live: boolean;
  readonly problem: string;
}): JSX.Element {
  const { where, findings, slices, at } = summary;
  const link = (name: string, text: string, count = 0, tone = "") => (
    <a
      href={`#/${name}`}
      aria-current={view === name || (name === "pools" && ["", "pool"].includes(view)) ? "page" : undefined}
    >
      {text}
      {count > 0 && <span class={`badge ${tone}`}>{formatCount(count)}</span>}
    </a>
  );
  return (
    <header class="top">
      <div class="brand">
        <strong>Whereabouts</strong>
        <span class="where" title={where}>{where}</span>
      </div>
      <nav aria-label="Views">
        {link("pools", "Pools")}
        {slices.length > 0 && link("slices", "Node slices")}
        {link("findings", "Findings", findings.length, findings[0]?.severity ?? "")}
      </nav>
      <SearchBox view={view} />
      <p class="status">
        <span class={`dot ${problem !== "" ? "bad" : live ? "good" : ""}`} aria-hidden="true" />
        {problem !== "" ? "not current" : live ? `live, ${timeOf(at)}` : new Date(at).toLocaleString()}
      </p>
    </header>
  );
}

function SearchBox({ view }: { readonly view: string }): JSX.Element {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isText = event.target instanceof HTMLInputElement;
      if (event.key !== "/" || isText || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
  const onInput = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const text = input.current?.value.trim() ?? "";
      if (text !== "") location.hash = `#/search/${encodeURIComponent(text)}`;
      else if (view === "search") location.hash = "#/pools";
    }, SEARCH_DELAY);
  };
  return (
    <label class="search">
      <span class="hidden">Search addresses, pods, nodes, networks</span>
      <input ref={input} type="search" placeholder="Search address, pod, node, network" onInput={onInput} />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

function timeOf(at: number): string {
  return new Date(at).toLocaleTimeString();
}
