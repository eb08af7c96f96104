/**
 * A terminal that a command draws on.
 *
 * @module
 */

/** The whole screen. Disposing restores what was there before. */
export interface Screen extends Disposable {
  /** Its present size in characters. */
  size(): { readonly columns: number; readonly rows: number };
  /** Replaces its content. Lines beyond its rows are not drawn. */
  draw(lines: readonly string[]): void;
  /** Aborts when the reader presses q or Ctrl-C, or the process shall end. */
  readonly ended: AbortSignal;
}
