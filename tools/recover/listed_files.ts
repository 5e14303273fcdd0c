/**
 * What the registry said, and when: its pages, the files they list, and what came
 * when those were fetched; and, joined with what the log says, the facts that files
 * are judged by.
 *
 * @module
 */

import { encodeHex } from "@indelible/core";
import type { RecoverDatabase, Row } from "./database.ts";
import type { Facts, Listed, Served } from "./findings.ts";

/** A listed file that is to be fetched. */
export interface DueFile {
  /** Its project. */
  readonly project: string;
  /** Its name. */
  readonly file: string;
  /** Where it is. */
  readonly url: string;
  /** The logged SHA-256 in hex; `null` when it is not logged. */
  readonly logged: string | null;
}

/** What is to be done, in its order: counted, and taken one by one. */
export interface Due<T> extends Iterable<T> {
  /** How many there are. */
  readonly total: number;
}

/** How many rows of a queue are read at a time. */
const PIECE = 500;

/** What a run is about: these projects, or all that the log has. */
export type Scope = readonly string[] | null;

/** The tables. */
export class ListedFiles {
  readonly #database: RecoverDatabase;

  /** @param database Where they are. */
  constructor(database: RecoverDatabase) {
    this.#database = database;
    database.makeTemporary(`
      CREATE TEMP TABLE due_page (at INTEGER PRIMARY KEY, project TEXT NOT NULL) STRICT;
      CREATE TEMP TABLE due_file (
        at INTEGER PRIMARY KEY, project TEXT NOT NULL, file TEXT NOT NULL
      ) STRICT;
    `);
  }

  /** Every project of the log, or those of the scope; those looked at longest ago first. */
  duePages(scope: Scope, since: number): Due<string> {
    this.#database.run("DELETE FROM due_page");
    this.#database.run(
      `INSERT INTO due_page (project) SELECT p.project FROM (${
        scope
          ? "SELECT value AS project FROM json_each(?1)"
          : "SELECT DISTINCT project FROM logged WHERE project IS NOT NULL AND ?1 IS NULL"
      }) p LEFT JOIN page ON page.project = p.project
      WHERE page.at IS NULL OR page.at < ?2 OR page.trouble IS NOT NULL
      ORDER BY page.at NULLS FIRST, p.project`,
      json(scope),
      since,
    );
    return this.#due("due_page", "SELECT at, project FROM due_page", (row) => (
      row["project"] as string
    ));
  }

  /** A queue, read in pieces: what is done meanwhile writes to the tables beside it. */
  #due<T>(table: string, select: string, itemOf: (row: Row) => T): Due<T> {
    const database = this.#database;
    const total = database.get(`SELECT count(*) AS n FROM ${table}`)!["n"] as number;
    return {
      total,
      *[Symbol.iterator]() {
        for (let after = 0;;) {
          const sql = `${select} WHERE ${table}.at > ? ORDER BY ${table}.at LIMIT ${PIECE}`;
          const rows = database.all(sql, after);
          if (rows.length === 0) return;
          for (const row of rows) yield itemOf(row);
          after = rows.at(-1)!["at"] as number;
        }
      },
    };
  }

  /**
   * Remembers what a page lists. What was fetched stays known where the page still
   * leads to the same place with the same digest.
   */
  setPage(
    project: string,
    page: { readonly at: number; readonly treeSize: number },
    files: ReadonlyMap<string, Listed>,
  ): void {
    this.#database.transaction(() => {
      this.#database.run(
        "INSERT OR REPLACE INTO page VALUES (?, ?, ?, NULL)",
        project,
        page.at,
        page.treeSize,
      );
      const names = JSON.stringify([...files.keys()]);
      this.#database.run(
        "DELETE FROM listed WHERE project = ? AND file NOT IN (SELECT value FROM json_each(?))",
        project,
        names,
      );
      for (const [file, { url, sha256, yanked, reason, times }] of files) {
        this.#database.run(
          `INSERT INTO listed (project, file, url, sha256, yanked, reason, times)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT DO UPDATE SET yanked = excluded.yanked, reason = excluded.reason,
            times = excluded.times,
            served_at = iif(url IS excluded.url AND sha256 IS excluded.sha256, served_at, NULL),
            served = iif(url IS excluded.url AND sha256 IS excluded.sha256, served, NULL),
            url = excluded.url, sha256 = excluded.sha256`,
          project,
          file,
          url,
          sha256,
          Number(yanked),
          reason,
          times,
        );
      }
    });
  }

  /** Remembers that a page could not be read. */
  setPageTrouble(
    project: string,
    page: { readonly at: number; readonly treeSize: number },
    why: string,
  ): void {
    const { at, treeSize } = page;
    this.#database.run(
      "INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?)",
      project,
      at,
      treeSize,
      why,
    );
  }

  /** The listed files that are to be fetched, those fetched longest ago first. */
  dueFiles(scope: Scope, since: number): Due<DueFile> {
    this.#database.run("DELETE FROM due_file");
    this.#database.run(
      `INSERT INTO due_file (project, file) SELECT listed.project, listed.file
      FROM listed JOIN page USING (project)
      WHERE ${within("listed.project")} AND page.trouble IS NULL
        AND (served_at IS NULL OR served_at < ?2 OR served = 'unreachable')
      ORDER BY served_at NULLS FIRST, listed.project, listed.file`,
      json(scope),
      since,
    );
    const select =
      `SELECT due_file.at, due_file.project, due_file.file, url, hex(logged.digest) AS digest
      FROM due_file JOIN listed USING (project, file) LEFT JOIN logged ON logged.file = due_file.file`;
    return this.#due("due_file", select, (row) => ({
      project: row["project"] as string,
      file: row["file"] as string,
      url: row["url"] as string,
      logged: (row["digest"] as string).toLowerCase() || null,
    }));
  }

  /** Remembers what was served in place of a file. */
  setServed({ project, file }: DueFile, served: Served): void {
    const bytes = served.kind === "bytes" ? served : null;
    this.#database.run(
      `UPDATE listed SET served = ?, served_sha256 = ?, served_size = ?, served_why = ?, served_at = ?
      WHERE project = ? AND file = ?`,
      served.kind,
      bytes?.sha256 ?? null,
      bytes?.size ?? null,
      served.kind === "bytes" ? null : served.why,
      served.at,
      project,
      file,
    );
  }

  /** All that is known of each file of the scope, by project and name, one project at a time. */
  *facts(scope: Scope): Generator<Facts> {
    const projects = `SELECT project FROM page WHERE ${within("project")} ORDER BY project`;
    for (const row of this.#database.each(projects, json(scope))) {
      yield* this.#factsOf(row["project"] as string);
    }
  }

  #factsOf(project: string): Facts[] {
    const rows = this.#database.all(
      `SELECT listed.project, listed.file, page.at AS page_at, tree_size, trouble,
        url, sha256, listed.yanked AS listed_yanked, reason, times,
        served, served_sha256, served_size, served_why, served_at,
        digest, leaf, newest, logged.yanked, removed
      FROM listed JOIN page USING (project) LEFT JOIN logged ON logged.file = listed.file
      WHERE listed.project = ?1
      UNION ALL
      SELECT logged.project, logged.file, page.at, tree_size, trouble,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        digest, leaf, newest, logged.yanked, removed
      FROM logged JOIN page USING (project)
      WHERE logged.project = ?1 AND leaf < tree_size
        AND NOT EXISTS (SELECT 1 FROM listed WHERE listed.file = logged.file)
      ORDER BY 2`,
      project,
    );
    return rows.map(factsOf);
  }

  /** Where the registry served the bytes that were logged under a name; `null` if nowhere. */
  servedRight(file: string): string | null {
    const row = this.#database.get(
      `SELECT url FROM listed JOIN logged USING (file)
      WHERE file = ? AND served = 'bytes' AND served_sha256 = lower(hex(digest)) LIMIT 1`,
      file,
    );
    return row && row["url"] as string;
  }

  /** How many logged files of the scope are on pages that were never read. */
  countUnread(scope: Scope): number {
    return this.#database.get(
      `SELECT count(*) AS n FROM logged WHERE project IS NOT NULL AND ${within("project")}
      AND NOT EXISTS (SELECT 1 FROM page WHERE page.project = logged.project)`,
      json(scope),
    )!["n"] as number;
  }
}

function json(scope: Scope): string | null {
  return scope && JSON.stringify(scope);
}

/** The condition that a project is in the scope, the statement's first value. */
function within(column: string): string {
  return `(?1 IS NULL OR ${column} IN (SELECT value FROM json_each(?1)))`;
}

function factsOf(row: Row): Facts {
  const text = (name: string) => row[name] as string;
  const number = (name: string) => row[name] as number;
  return {
    filename: text("file"),
    project: text("project"),
    page: {
      at: number("page_at"),
      treeSize: number("tree_size"),
      trouble: row["trouble"] as string | null,
    },
    logged: row["digest"] === null ? null : {
      sha256: encodeHex(row["digest"] as Uint8Array),
      leafIndex: number("leaf"),
      newest: number("newest"),
      yanked: row["yanked"] === 1,
      removed: row["removed"] === 1,
    },
    listed: row["url"] === null ? null : {
      url: text("url"),
      sha256: row["sha256"] as string | null,
      yanked: row["listed_yanked"] === 1,
      reason: row["reason"] as string | null,
      times: number("times"),
    },
    served: servedOf(row),
  };
}

function servedOf(row: Row): Served | null {
  const at = row["served_at"] as number | null;
  const kind = row["served"] as Served["kind"] | null;
  if (at === null || kind === null) return null;
  return kind === "bytes"
    ? { kind, sha256: row["served_sha256"] as string, size: row["served_size"] as number, at }
    : { kind, why: row["served_why"] as string, at };
}
