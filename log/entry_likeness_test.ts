import { ARTIFACT_V2, type Entry, formatEntry, PYPI_V1, sha256, utf8 } from "@indelible/core";
import { equal, throws } from "node:assert/strict";
import { type Likeness, likeness } from "./entry_likeness.ts";

const digest = (content: string) => sha256(utf8(content));
const v1 = (file: string, content: string, subject?: string): Entry => ({
  format: PYPI_V1,
  ecosystem: "pypi",
  event: "publish",
  file,
  digest: digest(content),
  ...(subject && { publisher: { issuer: "https://issuer.test", subject } }),
});
const v2 = (ecosystem: string, file: string, content: string, subject?: string): Entry => ({
  ...v1(file, content, subject),
  format: ARTIFACT_V2,
  ecosystem,
});

const CASES: [a: Entry, b: Entry, want: Likeness][] = [
  [v1("a.whl", "1"), v1("a.whl", "1"), "same-digest"],
  [v1("a.whl", "1"), v1("a.whl", "1", "someone"), "same-digest"],
  [v1("a.whl", "1"), v1("a.whl", "1", "jemand-für-sich"), "same-digest"],
  [v1("a.whl", "1"), v1("a.whl", "2"), "other-digest"],
  [v1("a.whl", "1", "größer"), v1("a.whl", "2", "größer"), "other-digest"],
  [v1("a.whl", "1"), v1("b.whl", "1"), "other-file"],
  [v1("a.whl", "1"), v1("a.whl.asc", "1"), "other-file"],
  [v1("a.whl", "1", "größer"), v1("b.whl", "1"), "other-file"],
  [v1("a.whl", "1"), v2("pypi", "a.whl", "1"), "same-digest"],
  [v1("a.whl", "1"), v2("pypi", "a.whl", "2"), "other-digest"],
  [v1("a.whl", "1"), v2("npm", "a.whl", "1"), "other-file"],
  [v1("a.whl", "1"), v2("npm", "a.whl", "1", "größer"), "other-file"],
  [v2("npm", "a.whl", "1"), v2("npm", "a.whl", "1"), "same-digest"],
  [v2("npm", "a.whl", "1"), v2("pyp", "a.whl", "1"), "other-file"],
];

Deno.test("likeness() compares file and digest, whatever form the entries have", () => {
  for (const [i, [a, b, want]] of CASES.entries()) {
    equal(likeness(formatEntry(a), formatEntry(b)), want, `case ${i}`);
    equal(likeness(formatEntry(b), formatEntry(a)), want, `case ${i}, the other way round`);
  }
  throws(() => likeness(utf8("no entry"), formatEntry(v1("a.whl", "1"))), SyntaxError);
});
