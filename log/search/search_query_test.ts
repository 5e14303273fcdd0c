import { EntryError } from "@indelible/core";
import { deepEqual, throws } from "node:assert/strict";
import { parseSearch } from "./search_query.ts";

const HEX = "ab".repeat(32);
const ANY = { before: Infinity, limit: 20 };

Deno.test("parseSearch() takes one of project, filename and digest", () => {
  const by = (query: string) => parseSearch(query).by;
  deepEqual(parseSearch("project=Foo_.Bar"), {
    by: { kind: "project", project: "foo-bar" },
    ...ANY,
  });
  deepEqual(by("filename=A-1.whl"), { kind: "filename", ecosystem: "pypi", file: "A-1.whl" });
  deepEqual(by("filename=a%2Bb.tgz&ecosystem=npm"), {
    kind: "filename",
    ecosystem: "npm",
    file: "a+b.tgz",
  });
  deepEqual(by(`digest=${HEX}`), { kind: "digest", digest: HEX });
  deepEqual(by(`digest=sha256:${HEX}`), { kind: "digest", digest: HEX });
  deepEqual(parseSearch("limit=100&project=a&before=0"), {
    by: { kind: "project", project: "a" },
    before: 0,
    limit: 100,
  });
});

const WRONG: readonly (readonly [query: string, field: string])[] = [
  ["", "project"],
  ["limit=5", "project"],
  ["project=a&filename=b", "filename"],
  [`project=a&digest=${HEX}`, "digest"],
  ["project=a&project=b", "project"],
  ["project=a&limit=1&limit=1", "limit"],
  ["project=", "project"],
  ["project=a%20b", "project"],
  ["project=a%00", "project"],
  [`project=${"a".repeat(2049)}`, "project"],
  ["filename=", "filename"],
  ["filename=a%2Fb", "filename"],
  ["filename=..", "filename"],
  ["filename=%C3%A9", "filename"],
  ["filename=a&ecosystem=", "ecosystem"],
  ["filename=a&ecosystem=PyPI", "ecosystem"],
  ["project=a&ecosystem=pypi", "ecosystem"],
  [`digest=${HEX.toUpperCase()}`, "digest"],
  [`digest=${HEX}0`, "digest"],
  [`digest=sha512:${HEX}`, "digest"],
  ["digest=", "digest"],
  ...["-1", "01", "1e2", "0x10", "", " 1", "1 ", "1.0", "9".repeat(16)].map((value) =>
    [`project=a&before=${value}`, "before"] as const
  ),
  ...["0", "101", "-1", "05", "", "1e1", "NaN"].map((value) =>
    [`project=a&limit=${value}`, "limit"] as const
  ),
  ["project=a&x=1", "query"],
  ["project=a&__proto__=1", "query"],
];

for (const [query, field] of WRONG) {
  Deno.test(`parseSearch() refuses "${query.slice(0, 60)}", naming ${field}`, () => {
    throws(
      () => parseSearch(query),
      (error) => error instanceof EntryError && error.field === field,
    );
  });
}
