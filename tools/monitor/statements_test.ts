import { formatEntry, utf8 } from "@indelible/core";
import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { inFolder, publication } from "../_testing.ts";
import { RECORD_WORDS, StatementScan } from "./scan.ts";
import { NO_STATEMENTS, Statements } from "./statements.ts";

/** The fingerprints of entries, scanned one after the other. */
function scanned(seed: Uint32Array, entries: readonly Uint8Array[], first: number): Uint32Array {
  const scan = new StatementScan({ seed, rules: [] });
  entries.forEach((entry, i) => scan.see(entry, 0, entry.length, first + i));
  return scan.take().records;
}

const v2 = (file: string, content: string, event: "publish" | "yank" = "publish") =>
  formatEntry(publication(file, content, { format: "artifact-transparency/v2", event }));
const v1 = (file: string, content: string) => formatEntry(publication(file, content));

Deno.test("statements find a second digest, and nothing else, also after a restart", () =>
  inFolder((folder) => {
    const path = join(folder, "statements");
    const before = [
      v1("a", "1"),
      v1("b", "2"),
      utf8("no entry"),
      v2("a", "1", "yank"),
      v1("a", "1"),
    ];
    let mark = NO_STATEMENTS;
    {
      using statements = Statements.open(path, mark)!;
      deepEqual(statements.append(scanned(statements.seed, before, 0)), []);
      mark = statements.mark;
      // What is not counted is as if it was never written.
      statements.append(scanned(statements.seed, [v1("b", "never")], mark.size));
    }
    for (let run = 0; run < 2; run++) {
      using statements = Statements.open(path, mark)!;
      equal(statements.size, before.length);
      const after = [v1("c", "3"), v1("b", "other"), v2("a", "1", "yank"), v2("c", "4", "yank")];
      deepEqual(statements.append(scanned(statements.seed, after, before.length)), [
        { first: 1, later: 6 },
        { first: 5, later: 8 },
      ]);
    }
    return Promise.resolve();
  }));

Deno.test("statements that decayed, were cut off or are another file's are not used", () =>
  inFolder((folder) => {
    const path = join(folder, "statements");
    let mark = NO_STATEMENTS;
    {
      using statements = Statements.open(path, mark)!;
      statements.append(scanned(statements.seed, [v1("a", "1"), v1("b", "2")], 0));
      mark = statements.mark;
    }
    const bytes = Deno.readFileSync(path);
    for (let at = 32; at < bytes.length; at++) {
      Deno.writeFileSync(path, bytes.with(at, bytes[at]! ^ 1));
      equal(Statements.open(path, mark), null);
    }
    Deno.writeFileSync(path, bytes.subarray(0, -1));
    equal(Statements.open(path, mark), null);
    Deno.removeSync(path);
    equal(Statements.open(path, mark), null);
    using anew = Statements.open(path, NO_STATEMENTS);
    ok(anew);
    return Promise.resolve();
  }));

Deno.test("a scan says the same of an entry in each of its ways", () => {
  const seed = crypto.getRandomValues(new Uint32Array(4));
  const entries = [v1("a", "1"), v2("a", "1"), v2("a", "1", "yank")];
  const records = scanned(seed, entries, 7);
  for (let i = 1; i < entries.length; i++) {
    deepEqual(records.slice(RECORD_WORDS * i, RECORD_WORDS * (i + 1)), records.slice(0, 4));
  }
  const watching = new StatementScan({ seed, rules: [{ kind: "filename", pattern: "b" }] });
  entries.forEach((entry, i) => watching.see(entry, 0, entry.length, 7 + i));
  deepEqual(watching.take(), { first: 7, records, watched: [], unreadable: [] });
});
