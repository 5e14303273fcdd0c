import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { type EntryView, parseRule, parseWatchFile, RuleMatcher } from "./rules.ts";

const view = (file: string, fields: Partial<EntryView> = {}): EntryView => ({
  ecosystem: "pypi",
  file,
  sha256: "ab".repeat(32),
  ...fields,
});

for (
  const [rule, entry, meets] of [
    ["project numpy", view("numpy-1.0.tar.gz"), true],
    ["project NumPy", view("numpy-1.0-py3-none-any.whl"), true],
    ["project numpy", view("numpy_extras-1.0-py3-none-any.whl"), false],
    ["project numpy*", view("numpy_extras-1.0-py3-none-any.whl"), true],
    ["project left-pad", view("x.tgz", { package: { name: "left.pad", version: "1" } }), true],
    ["guard My_Project", view("my.project-1.0.tar.gz"), true],
    ["filename *.whl", view("a-1-py3-none-any.whl"), true],
    ["filename a", view("a-1.tar.gz"), false],
    ["filename-regex ^a-[0-9]+", view("a-1.tar.gz"), true],
    ["filename-regex tar", view("a-1.tar.gz"), true],
    ["filename-regex ^tar", view("a-1.tar.gz"), false],
    ["checksum abab*", view("a"), true],
    ["checksum sha256:abab*", view("a"), true],
    ["checksum-regex ^sha256:(ab)+$", view("a"), true],
    ["checksum-regex ^sha256:(ab){3}$", view("a"), false],
    ["publisher *", view("a"), false],
    [
      "publisher https://i.test *",
      view("a", { publisher: { issuer: "https://i.test", subject: "s" } }),
      true,
    ],
    [
      "publisher-regex s$",
      view("a", { publisher: { issuer: "https://i.test", subject: "s" } }),
      true,
    ],
  ] as const
) {
  Deno.test(`rule "${rule}" ${meets ? "meets" : "does not meet"} ${entry.file}`, () => {
    const rules = parseWatchFile(`# one rule\n\n  ${rule}\n`);
    equal(rules.length, 1);
    const matcher = new RuleMatcher(rules);
    equal(matcher.matches(entry), meets);
    deepEqual(matcher.find(entry), meets ? rules : []);
  });
}

Deno.test("parseWatchFile() names the line that is wrong", () => {
  throws(() => parseWatchFile("project a\n\nfile b\n"), {
    name: "SyntaxError",
    message: /^line 3: "file" is no rule, expected project, filename, /,
  });
  for (const never of ["zz", "AB*", "ab", "sha256:", `${"ab".repeat(32)}0`]) {
    throws(() => parseWatchFile(`checksum ${never}`), {
      message: /^line 1: checksum takes 64 lowercase hexadecimal digits, or fewer with \* and \?/,
    });
  }
  throws(() => parseWatchFile("publisher me"), {
    message: /^line 1: publisher takes an issuer and a subject with a space between/,
  });
  throws(() => parseWatchFile("project"), { message: "line 1: project needs a pattern" });
  throws(() => parseWatchFile("filename-regex (a"), {
    message: /^line 1: filename-regex takes an RE2 expression: received "\(a": /,
  });
  throws(() => parseWatchFile("filename-regex (?=a)b"), {
    message: /^line 1: filename-regex takes/,
  });
  throws(() => parseWatchFile("guard a*"), {
    message: /^line 1: guard takes the name of a project/,
  });
});

Deno.test("a hostile expression does what is in proportion to the text (C10)", () => {
  const matcher = new RuleMatcher([parseRule("filename-regex", "^(a+)+$")]);
  // An engine that goes back takes 2^200 steps for this.
  ok(!matcher.matches(view("a".repeat(200) + "!")));
  ok(matcher.matches(view("a".repeat(200))));
});
