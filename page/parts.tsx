/**
 * Small parts that several views share.
 *
 * @module
 */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { formatPercent } from "./format.ts";
import type { Point } from "./trend.ts";

/** The link to a pool, and to an address of it. */
export function poolLink(pool: string, address = ""): string {
  return `#/pool/${encodeURIComponent(pool)}${address === "" ? "" : `/${address}`}`;
}

/** From which fill a pool is nearly full, and full: as its status has it (`src/pool/pool_status.ts`). */
export function levelOf(fill: number): "full" | "near" | "low" {
  if (fill >= 0.95) return "full";
  return fill >= 0.8 ? "near" : "low";
}

/** A field that filters a table. */
export function Filter({ label, placeholder, text, set }: {
  readonly label: string;
  readonly placeholder: string;
  readonly text: string;
  readonly set: (text: string) => void;
}): JSX.Element {
  return (
    <label class="filter">
      <span class="hidden">{label}</span>
      <input
        type="search"
        placeholder={placeholder}
        value={text}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
}

/** The use of a pool as a bar with its percentage. */
export function Bar({ fill }: { readonly fill: number }): JSX.Element {
  const width = fill > 0 ? `max(2px, ${fill * 100}%)` : "0";
  return (
    <span class="usage">
      <span class="bar" aria-hidden="true">
        <span class={`fill ${levelOf(fill)}`} style={{ width }} />
      </span>
      <span class="number">{formatPercent(fill)}</span>
    </span>
  );
}

/** The trend of a pool as a line. */
export function Sparkline({ points }: { readonly points: readonly Point[] }): JSX.Element {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || last.at === first.at) return <span class="sparkline" />;
  const values = points.map(({ used }) => used);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const toX = (at: number) => 1 + 62 * (at - first.at) / (last.at - first.at);
  const toY = (used: number) => high === low ? 9 : 16 - 14 * (used - low) / (high - low);
  const path = points.map(({ at, used }) => `${toX(at).toFixed(1)},${toY(used).toFixed(1)}`).join(" ");
  return (
    <svg class="sparkline" viewBox="0 0 64 18" aria-hidden="true">
      <polyline points={path} />
    </svg>
  );
}

/** A message in place of content. */
export function Message(
  { title, children }: { readonly title: string; readonly children?: ComponentChildren },
): JSX.Element {
  return (
    <div class="message">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Alternatives of which one is chosen. */
export function Choice<T extends string>({ label, options, value, choose }: {
  readonly label: string;
  readonly options: readonly (readonly [value: T, text: string])[];
  readonly value: T;
  readonly choose: (value: T) => void;
}): JSX.Element {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([one, text]) => (
        <button
          type="button"
          key={one}
          aria-pressed={one === value}
          onClick={() => choose(one)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

/** A command with a button that copies it. */
export function CommandLine({ command }: { readonly command: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <span class="command">
      <code tabIndex={0}>{command}</code>
      {navigator.clipboard && (
        <button type="button" onClick={() => void copy()} aria-label={`Copy: ${command}`}>
          {copied ? "Copied" : "Copy"}
        </button>
      )}
    </span>
  );
}
