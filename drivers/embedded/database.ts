/**
 * The connection of the embedded store.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";

/**
 * A database that keeps its statements prepared. SQLite frees a statement's memory with its JavaScript object, but the garbage collector
 * does not see its size: an agent that prepared each statement for each call grew by more than 200 MB before they were collected.
 */
export class Database extends DatabaseSync {
  readonly #statements = new Map<string, StatementSync>();

  /** The statement of this text, prepared once. Read all its rows before it runs again: use `all`, `get` and `run`, never `iterate`. */
  override prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = super.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
