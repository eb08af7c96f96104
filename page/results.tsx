/**
 * The results of a search.
 *
 * @module
 */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { PoolDetail, Summary } from "../src/ui/types.ts";
import { MatchList } from "./addresses.tsx";
import { formatCount, formatNumberOf } from "./format.ts";
import { Message, poolLink } from "./parts.tsx";
import { search } from "./search.ts";
import type { Source } from "./source.ts";

/** Pools that are listed above the addresses. */
const MAX_POOLS = 12;

/** The view. */
export function Results({ summary, source, query }: {
  readonly summary: Summary;
  readonly source: Source;
  readonly query: string;
}): JSX.Element {
  const [read, setRead] = useState<
    { readonly details?: Readonly<Record<string, PoolDetail>>; readonly error?: string }
  >({});
  useEffect(() => {
    source.details().then((details) => setRead({ details }), (error) => setRead({ error: String(error) }));
  }, [source]);
  const found = useMemo(() => search(summary.pools, read.details ?? {}, query), [summary, read.details, query]);
  if (read.error !== undefined) {
    return (
      <Message title="Cannot search">
        <p>{read.error}</p>
      </Message>
    );
  }
  if (!read.details) return <Message title="Reading all addresses" />;
  const { pools, matches, total } = found;
  if (pools.length === 0 && total === 0) {
    return (
      <Message title={`Nothing matches “${query}”`}>
        <p>Search for a part of an address, a pod, a node, a network or a container id.</p>
      </Message>
    );
  }
  return (
    <section class="view">
      <div class="tools">
        <h1>Search</h1>
        <p class="totals" role="status">
          {pools.length > 0 && <span>{formatNumberOf(pools.length, "pool")}</span>}
          <span>
            <b>{formatCount(total)}</b> {total === 1 ? "address" : "addresses"}
          </span>
          {total > matches.length && <span>the first {formatCount(matches.length)} are shown</span>}
        </p>
      </div>
      {pools.length > 0 && (
        <ul class="found">
          {pools.slice(0, MAX_POOLS).map(({ name }) => (
            <li key={name}>
              <a href={poolLink(name)}>{name}</a>
            </li>
          ))}
          {pools.length > MAX_POOLS && <li class="about">and {formatCount(pools.length - MAX_POOLS)} more</li>}
        </ul>
      )}
      {total > 0 && <MatchList matches={matches} />}
    </section>
  );
}
