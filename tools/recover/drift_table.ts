/**
 * What a run found wrong, and where good copies are, in tables that are on disk and
 * live as long as the run: a registry may have any number of files, and whoever broke
 * into it may have replaced all of them.
 *
 * @module
 */

import type { RecoverDatabase } from "./database.ts";
import { type Facts, type Finding, judge, type Kind, KINDS } from "./findings.ts";

/** A file that drifted. */
export interface Drifted {
  /** What became of it. */
  readonly kind: Kind;
  /** Its name. */
  readonly filename: string;
  /** What is wrong. */
  readonly why: string;
  /** What is right; `null` if the log does not say. */
  readonly right: { readonly sha256: string; readonly leafIndex: number } | null;
}

/** What the files come to. */
export interface Tally {
  /** How many were judged. */
  readonly files: number;
  /** How many are of each kind that there is. */
  readonly counts: Readonly<Partial<Record<Kind, number>>>;
  /** How many drifted. */
  readonly drift: number;
  /** How many are listed and were not fetched. */
  readonly unfetched: number;
}

/** The tables. */
export class DriftTable {
  readonly #database: RecoverDatabase;

  /** @param database Where the run's state is. */
  constructor(database: RecoverDatabase) {
    this.#database = database;
    database.makeTemporary(`
      CREATE TEMP TABLE drift (
        kind INTEGER NOT NULL, project TEXT NOT NULL, file TEXT NOT NULL, why TEXT NOT NULL,
        sha256 TEXT, leaf INTEGER, PRIMARY KEY (kind, project, file)
      ) STRICT, WITHOUT ROWID;
      CREATE TEMP TABLE wanted (sha256 TEXT PRIMARY KEY, file TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE INDEX temp.wanted_file ON wanted (file);
      CREATE TEMP TABLE copy (
        sha256 TEXT NOT NULL, folder INTEGER NOT NULL, path TEXT NOT NULL,
        PRIMARY KEY (sha256, folder, path)
      ) STRICT, WITHOUT ROWID;
    `);
  }

  /** Judges files one by one, and keeps those that drifted. */
  judge(facts: Iterable<Facts>): Tally {
    const found = new Map<Kind, number>();
    let [files, drifted, unfetched] = [0, 0, 0];
    this.#database.transaction(() => {
      for (const finding of judged(facts)) {
        files++;
        found.set(finding.kind, (found.get(finding.kind) ?? 0) + 1);
        const { listed, served, page } = finding;
        if (listed && !served && page.trouble === null) unfetched++;
        if (!finding.drift) continue;
        drifted++;
        this.#keep(finding);
      }
    });
    const counts = Object.fromEntries(
      KINDS.filter((kind) => found.has(kind)).map((kind) => [kind, found.get(kind)!]),
    );
    return { files, counts, drift: drifted, unfetched };
  }

  #keep({ kind, project, filename, why, logged }: Finding): void {
    this.#database.run(
      "INSERT INTO drift VALUES (?, ?, ?, ?, ?, ?)",
      KINDS.indexOf(kind),
      project,
      filename,
      why ?? "",
      logged?.sha256 ?? null,
      logged?.leafIndex ?? null,
    );
    if (logged) this.want(logged.sha256, filename);
  }

  /** The files that drifted, kind by kind. */
  *drifted(): Generator<Drifted> {
    for (const row of this.#database.each("SELECT * FROM drift ORDER BY kind, project, file")) {
      const sha256 = row["sha256"] as string | null;
      yield {
        kind: KINDS[row["kind"] as number]!,
        filename: row["file"] as string,
        why: row["why"] as string,
        right: sha256 === null ? null : { sha256, leafIndex: row["leaf"] as number },
      };
    }
  }

  /** Asks for good copies of a file. */
  want(sha256: string, file: string): void {
    this.#database.run("INSERT OR IGNORE INTO wanted VALUES (?, ?)", sha256, file);
  }

  /** Whether good copies of a file of this name are asked for. */
  wantsName(file: string): boolean {
    return this.#database.get("SELECT 1 FROM wanted WHERE file = ? LIMIT 1", file) !== null;
  }

  /** Whether these bytes are asked for. */
  wants(sha256: string): boolean {
    return this.#database.get("SELECT 1 FROM wanted WHERE sha256 = ?", sha256) !== null;
  }

  /** Whether anything is asked for that was not found. */
  get lacks(): boolean {
    const sql = `SELECT 1 FROM wanted
      WHERE NOT EXISTS (SELECT 1 FROM copy WHERE copy.sha256 = wanted.sha256) LIMIT 1`;
    return this.#database.get(sql) !== null;
  }

  /**
   * Remembers a good copy.
   *
   * @param sha256 Of which bytes.
   * @param folder The number of the folder, those of lower ones being taken first.
   * @param path Where it is.
   */
  addCopy(sha256: string, folder: number, path: string): void {
    this.#database.run("INSERT OR IGNORE INTO copy VALUES (?, ?, ?)", sha256, folder, path);
  }

  /** Where good copies of these bytes are. */
  copiesOf(sha256: string): string[] {
    const sql = "SELECT path FROM copy WHERE sha256 = ? ORDER BY folder, path";
    return this.#database.all(sql, sha256).map((row) => row["path"] as string);
  }
}

/** Files with what became of them. */
export function* judged(facts: Iterable<Facts>): Generator<Finding> {
  for (const one of facts) yield { ...one, ...judge(one) };
}
