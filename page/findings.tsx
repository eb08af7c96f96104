/**
 * The findings of `check`, by kind, with the command that mends each.
 *
 * @module
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { FindingSummary, Summary } from "../src/ui/types.ts";
import { formatCount } from "./format.ts";
import { CommandLine, Message, poolLink } from "./parts.tsx";

/** Findings of a kind that are shown at first. */
const SHOWN = 20;

const SEVERITIES: Readonly<Record<FindingSummary["severity"], string>> = {
  conflict: "Conflict",
  unusable: "Invalid",
  leak: "Leak",
};

/** The view. */
export function Findings({ summary }: { readonly summary: Summary }): JSX.Element {
  const { findings, notices } = summary;
  if (findings.length === 0) {
    return (
      <Message title="No findings">
        <p>
          {notices.length === 0
            ? "Pools, reservations, pods, nodes and slices agree with each other."
            : "Pools and reservations agree with each other. They could not be compared with what is unknown."}
        </p>
      </Message>
    );
  }
  const groups = Map.groupBy(findings, ({ kind }) => kind);
  return (
    <section class="view scrolls" tabIndex={0} aria-label="Findings">
      <div class="tools">
        <h1>Findings</h1>
        <p class="totals">
          Records are read one after the other, so a call in progress may appear here for a moment.
        </p>
      </div>
      {[...groups].map(([kind, some]) => <Group key={kind} kind={kind} findings={some} />)}
    </section>
  );
}

function Group(
  { kind, findings }: { readonly kind: string; readonly findings: readonly FindingSummary[] },
): JSX.Element | null {
  const [all, setAll] = useState(false);
  const [first] = findings;
  if (!first) return null;
  const isShared = findings.every(({ command }) => command === first.command);
  const shown = all ? findings : findings.slice(0, SHOWN);
  return (
    <article class={`group ${first.severity}`}>
      <h2>
        <span class={`tag ${first.severity}`}>{SEVERITIES[first.severity]}</span> {kind}
        <span class="count">{formatCount(findings.length)}</span>
      </h2>
      <p>{first.remedy}.</p>
      {isShared && first.command !== "" && <CommandLine command={first.command} />}
      <ul>
        {shown.map((finding, i) => <Item key={i} finding={finding} own={!isShared} />)}
      </ul>
      {findings.length > shown.length && (
        <button type="button" onClick={() => setAll(true)}>Show all {formatCount(findings.length)}</button>
      )}
    </article>
  );
}

function Item({ finding, own }: { readonly finding: FindingSummary; readonly own: boolean }): JSX.Element {
  const { address, pool, message, command } = finding;
  const isPool = pool.includes("/") && address !== "" && /\/\d+$/.test(pool);
  return (
    <li>
      {address !== "" && (
        <a class="mono" href={isPool ? poolLink(pool, address) : `#/search/${encodeURIComponent(address)}`}>
          {address}
        </a>
      )}
      <span>{message}</span>
      {own && command !== "" && <CommandLine command={command} />}
    </li>
  );
}
