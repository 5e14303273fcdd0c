/**
 * All that `recover` knows of one log and one registry, in one database.
 *
 * @module
 */

import { RecoverDatabase, type Subject } from "./database.ts";
import { DriftTable } from "./drift_table.ts";
import { ListedFiles } from "./listed_files.ts";
import { LoggedFiles } from "./logged_files.ts";
import { MirrorTable } from "./mirror_table.ts";
import { Passes } from "./passes.ts";

/** The state. */
export class RecoverState implements Disposable {
  readonly #database: RecoverDatabase;
  /** What the log says. */
  readonly logged: LoggedFiles;
  /** What the registry said. */
  readonly listed: ListedFiles;
  /** How far it is. */
  readonly passes: Passes;
  /** What this run finds wrong with the registry, and good copies. */
  readonly drift: DriftTable;
  /** What this run finds in a mirror. */
  readonly mirror: MirrorTable;

  private constructor(database: RecoverDatabase) {
    this.#database = database;
    this.logged = new LoggedFiles(database);
    this.listed = new ListedFiles(database);
    this.passes = new Passes(database);
    this.drift = new DriftTable(database);
    this.mirror = new MirrorTable(database);
  }

  /**
   * Opens the state of a log and a registry, or makes one.
   *
   * @param folder The folder of all such states.
   * @param subject What it is about.
   * @throws {Error} If it is damaged, or in use.
   */
  static async open(folder: string, subject: Subject): Promise<RecoverState> {
    return new RecoverState(await RecoverDatabase.open(folder, subject));
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }
}
