/**
 * The side panel of a pool: the chosen address, and what the colours mean.
 *
 * @module
 */
import type { ComponentChildren, JSX } from "preact";
import type { EntryRow, FindingSummary } from "../src/ui/types.ts";
import { stateOf } from "./blocks.ts";
import { formatCount } from "./format.ts";
import { type ColourBy, type LegendItem, STATE_NAMES } from "./palette.ts";
import { CommandLine } from "./parts.tsx";

/** The chosen cell. */
export interface Subject {
  /** Its address or block. */
  readonly text: string;
  /** Its number of addresses. */
  readonly size: bigint;
  /** Its recorded addresses. */
  readonly entries: readonly EntryRow[];
  /** Whether any of its addresses may be allocated. */
  readonly available: boolean;
}

/** Classes of a legend that are shown before the rest is summed up. */
const MAX_SHOWN = 10;

/** The panel. */
export function Panel({ subject, findings }: {
  readonly subject: Subject | undefined;
  readonly findings: readonly FindingSummary[];
}): JSX.Element {
  if (!subject) {
    return (
      <div class="panel" aria-live="polite">
        <p class="about">Point at an address, or move to it with the arrow keys, to see its owner.</p>
      </div>
    );
  }
  const { text, size, entries, available } = subject;
  const [entry] = entries;
  return (
    <div class="panel" aria-live="polite">
      <h2 class="mono">{text}</h2>
      {size > 1n ? <p>{formatCount(entries.length)} of {formatCount(size)} addresses recorded. Click to open.</p> : (
        entry ? <Owner entry={entry} /> : <p>{available ? "Free" : "Excluded: out of bounds, or never allocated"}</p>
      )}
      {size === 1n &&
        findings.filter(({ address }) => address === text).map((finding) => (
          <div class={`finding ${finding.severity}`} key={finding.kind + finding.pod}>
            <p>{finding.remedy}.</p>
            {finding.command !== "" && <CommandLine command={finding.command} />}
          </div>
        ))}
    </div>
  );
}

function Owner({ entry }: { readonly entry: EntryRow }): JSX.Element {
  const [, , pod, ifName, node, container, note] = entry;
  const state = stateOf(entry);
  return (
    <dl class="owner">
      <Fact name="State">
        <span class={`swatch ${state}`} aria-hidden="true" />
        {STATE_NAMES[state]}
      </Fact>
      <Fact name="Pod">{pod}</Fact>
      <Fact name="Interface">{ifName}</Fact>
      <Fact name="Node">{node}</Fact>
      <Fact name="Container">{container}</Fact>
      <Fact name="Remark">{note}</Fact>
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }): JSX.Element | null {
  if (children === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What the colours mean. */
export function Legend({ legend, by }: { readonly legend: readonly LegendItem[]; readonly by: ColourBy }): JSX.Element {
  const shown = legend.slice(0, MAX_SHOWN);
  const rest = legend.slice(MAX_SHOWN).reduce((sum, { count }) => sum + count, 0);
  return (
    <ul class="legend" aria-label="Legend">
      {shown.map(({ name, colour, count }) => (
        <Item
          key={name}
          colour={colour}
          count={count}
          name={by === "state" ? STATE_NAMES[name as keyof typeof STATE_NAMES] : name}
        />
      ))}
      {rest > 0 && <Item colour="--hue-rest" count={rest} name={`${legend.length - MAX_SHOWN} more`} />}
      <Item colour="--free" name="free" />
      <Item colour="--excluded" name="excluded" />
    </ul>
  );
}

function Item(
  { name, colour, count }: { readonly name: string; readonly colour: string; readonly count?: number },
): JSX.Element {
  return (
    <li>
      <span class="swatch" style={{ background: `var(${colour})` }} aria-hidden="true" />
      <span class="text">{name}</span>
      {count !== undefined && <span class="number">{formatCount(count)}</span>}
    </li>
  );
}
