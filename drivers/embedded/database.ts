/**
 * The connection of the embedded store.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";

/**
 * A database that keeps its statements prepared. SQLite's memory of a statement is freed with the JavaScript object, and the garbage collector
 * does not see how large it is: an agent that prepared each statement for each call grew by more than 200 MB before they went.
 */
export class Database extends DatabaseSync {
  readonly #statements = new Map<string, StatementSync>();

  /** The statement of this text, prepared once. It is read whole before it runs again: `all`, `get` and `run`, never `iterate`. */
  override prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = super.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
