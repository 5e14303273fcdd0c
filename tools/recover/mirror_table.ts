/**
 * What was found in a mirror, what is to be done about it and what became of that, in
 * a table on disk that lives as long as the run: a mirror may have any number of files.
 *
 * @module
 */

import { type Layout, layoutOf } from "./layout.ts";
import type { RecoverDatabase, Row } from "./database.ts";
import type { Scope } from "./listed_files.ts";
import type { RestoreStep } from "./plan.ts";
import type { Restored } from "./restore.ts";

/** What became of a file of a mirror. */
export interface MirrorFinding {
  /** Its path in the mirror; `null` when it is missing. */
  readonly path: string | null;
  /** Its name. */
  readonly filename: string;
  /** Its project. */
  readonly project: string;
  /** What became of it. */
  readonly kind: "unchanged" | "replaced" | "missing" | "unlogged";
  /** The logged SHA-256 in hex; `null` when the log has none. */
  readonly logged: string | null;
  /** That of its bytes; `null` when it is missing or a link that leads out. */
  readonly found: string | null;
}

/** A file of a mirror with what is or was done about it. */
export interface MirrorLine {
  /** What was found. */
  readonly finding: MirrorFinding;
  /** What is to be done; `null` if nothing is. */
  readonly step: Pick<RestoreStep, "action" | "path"> & { readonly from: string | null } | null;
  /** What became of that; `null` when it was not done. */
  readonly outcome: Pick<Restored, "quarantined" | "error"> | null;
}

/** How many rows are read at a time while others are written. */
const PIECE = 500;

/** The table. */
export class MirrorTable {
  readonly #database: RecoverDatabase;

  /** @param database Where the run's state is. */
  constructor(database: RecoverDatabase) {
    this.#database = database;
    database.makeTemporary(`
      CREATE TEMP TABLE mirror (
        id INTEGER PRIMARY KEY, path TEXT, file TEXT NOT NULL, project TEXT NOT NULL,
        kind TEXT NOT NULL, logged TEXT, found TEXT,
        action TEXT, place TEXT, source TEXT, remote INTEGER,
        done INTEGER NOT NULL DEFAULT 0, quarantined TEXT, error TEXT
      ) STRICT;
      CREATE INDEX temp.mirror_project ON mirror (project, path);
      CREATE INDEX temp.mirror_file ON mirror (file);
      CREATE INDEX temp.mirror_path ON mirror (path);
    `);
  }

  /** Keeps what was found. */
  add({ path, filename, project, kind, logged, found }: MirrorFinding): void {
    this.#database.run(
      "INSERT INTO mirror (path, file, project, kind, logged, found) VALUES (?, ?, ?, ?, ?, ?)",
      path,
      filename,
      project,
      kind,
      logged,
      found,
    );
  }

  /**
   * Adds what the log has and the mirror does not.
   *
   * @param scope Of which projects; by default of those that the mirror has files of.
   */
  addMissing(scope: Scope): void {
    this.#database.run(
      `INSERT INTO mirror (file, project, kind, logged)
      SELECT file, project, 'missing', lower(hex(digest)) FROM logged
      WHERE removed = 0 AND project IN (${
        scope
          ? "SELECT value FROM json_each(?1)"
          : "SELECT project FROM mirror WHERE logged IS NOT NULL AND ?1 IS NULL"
      }) AND NOT EXISTS (
        SELECT 1 FROM mirror WHERE mirror.file = logged.file AND mirror.logged IS NOT NULL
      ) ORDER BY project, leaf`,
      scope && JSON.stringify(scope),
    );
  }

  /** The files that are not as logged, with their numbers; steps may be set meanwhile. */
  *drifted(): Generator<{ readonly id: number; readonly finding: MirrorFinding }> {
    for (const row of this.#rows("kind <> 'unchanged'")) {
      yield { id: row["id"] as number, finding: findingOf(row) };
    }
  }

  /** The steps that are planned, with their numbers; outcomes may be set meanwhile. */
  *planned(): Generator<{ readonly id: number; readonly step: RestoreStep }> {
    for (const row of this.#rows("action IS NOT NULL")) {
      const { action, path, from } = lineOf(row).step!;
      const finding = findingOf(row);
      const copy = from === null
        ? null
        : row["remote"] === 1
        ? { kind: "registry" as const, url: from }
        : { kind: "file" as const, path: from };
      const step = { action, finding, path, sha256: finding.logged, from: copy };
      yield { id: row["id"] as number, step };
    }
  }

  /** Rows in pieces, so that they may be written to meanwhile. */
  *#rows(condition: string): Generator<Row> {
    const sql = `SELECT * FROM mirror WHERE ${condition} AND id > ? ORDER BY id LIMIT ${PIECE}`;
    for (let after = 0;;) {
      const rows = this.#database.all(sql, after);
      if (rows.length === 0) return;
      yield* rows;
      after = rows.at(-1)!["id"] as number;
    }
  }

  /** The layout that a project's other files show, else that of any file. */
  layoutOf(project: string): Layout {
    const sql = "SELECT path, project FROM mirror WHERE path IS NOT NULL AND logged IS NOT NULL";
    // Whoever added a file that is not logged does not say how the mirror is laid out.
    const row = this.#database.get(`${sql} AND project = ? ORDER BY path LIMIT 1`, project) ??
      this.#database.get(`${sql} ORDER BY path LIMIT 1`);
    return row
      ? layoutOf(row["path"] as string, row["project"] as string)
      : { kind: "folder", folder: "" };
  }

  /** Remembers what is to be done about a file. */
  setStep(id: number, { action, path, from }: RestoreStep): void {
    this.#database.run(
      "UPDATE mirror SET action = ?, place = ?, source = ?, remote = ? WHERE id = ?",
      action,
      path,
      from && (from.kind === "file" ? from.path : from.url),
      Number(from?.kind === "registry"),
      id,
    );
  }

  /** Remembers what became of it. */
  setOutcome(id: number, { quarantined, error }: Restored): void {
    this.#database.run(
      "UPDATE mirror SET done = 1, quarantined = ?, error = ? WHERE id = ?",
      quarantined,
      error,
      id,
    );
  }

  /** How many files are of each kind. */
  get counts(): Partial<Record<MirrorFinding["kind"], number>> {
    const rows = this.#database.all("SELECT kind, count(*) AS n FROM mirror GROUP BY kind");
    return Object.fromEntries(rows.map((row) => [row["kind"], row["n"]]));
  }

  /** How many files are still not as logged. */
  get drift(): number {
    return this.#database.get(
      `SELECT count(*) AS n FROM mirror
      WHERE kind <> 'unchanged' AND NOT (done = 1 AND error IS NULL)`,
    )!["n"] as number;
  }

  /** How many steps there are. */
  get steps(): number {
    const sql = "SELECT count(*) AS n FROM mirror WHERE action IS NOT NULL";
    return this.#database.get(sql)!["n"] as number;
  }

  /** All of it: first what is there, by path, then what is missing. */
  *lines(): Generator<MirrorLine> {
    const there = "SELECT * FROM mirror WHERE path IS NOT NULL ORDER BY path";
    const missing = "SELECT * FROM mirror WHERE path IS NULL ORDER BY id";
    for (const sql of [there, missing]) {
      for (const row of this.#database.each(sql)) yield lineOf(row);
    }
  }
}

function lineOf(row: Row): MirrorLine {
  const action = row["action"] as RestoreStep["action"] | null;
  return {
    finding: findingOf(row),
    step: action && {
      action,
      path: row["place"] as string | null,
      from: row["source"] as string | null,
    },
    outcome: row["done"] === 0 ? null : {
      quarantined: row["quarantined"] as string | null,
      error: row["error"] as string | null,
    },
  };
}

function findingOf(row: Row): MirrorFinding {
  return {
    path: row["path"] as string | null,
    filename: row["file"] as string,
    project: row["project"] as string,
    kind: row["kind"] as MirrorFinding["kind"],
    logged: row["logged"] as string | null,
    found: row["found"] as string | null,
  };
}
