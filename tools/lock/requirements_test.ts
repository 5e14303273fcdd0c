import { encodeHex, utf8 } from "@indelible/core";
import { deepEqual, throws } from "node:assert/strict";
import type { LockFile } from "./lock_file.ts";
import { parseRequirements } from "./requirements.ts";

const A = "aa".repeat(32);
const B = "bb".repeat(32);

const parse = (text: string): LockFile => parseRequirements(utf8(text));

/** Each digest as `project version filename digit`. */
function told({ files }: LockFile): string[] {
  return files.map(({ project, version, filename, digest }) =>
    [project, version, filename, encodeHex(digest)[0]].join(" ").replaceAll("  ", " ")
  );
}

for (
  const [what, text, expected] of [
    [
      "what uv and pip-tools write",
      `# made by a tool\n--index-url https://index.example/simple\n\n` +
      `idna==3.10 \\\n    --hash=sha256:${A} \\\n    --hash=sha256:${B}\n    # via requests\n`,
      ["idna 3.10 a", "idna 3.10 b"],
    ],
    [
      "extras, markers, odd spellings, CRLF",
      `Foo_Bar[a, b] == 1.0 ; python_version < "3.9" --hash sha256:${A}\r\nx===1 --hash=sha256:${B}`,
      ["foo-bar 1.0 a", "x 1 b"],
    ],
    [
      "direct URLs, with a digest in the fragment, too",
      `foo @ https://x.example/a/foo-1.0.tar.gz?b=/c.zip#sha256=${A} --hash=sha256:${B}`,
      ["foo foo-1.0.tar.gz b", "foo foo-1.0.tar.gz a"],
    ],
    [
      "a comment within a continuation, as pip does",
      `a==1 \\\n # \\\nb==2 --hash=sha256:${A}`,
      ["b 2 a"],
    ],
    ["a release twice", `a==1 --hash=sha256:${A}\na==1 --hash=sha256:${A}`, ["a 1 a", "a 1 a"]],
  ] as const
) {
  Deno.test(`parseRequirements() reads ${what}`, () => deepEqual(told(parse(text)), expected));
}

for (
  const [text, why] of [
    ["a==1", "has no digest, so any bytes would do"],
    [`a>=1 --hash=sha256:${A}`, "is not pinned to one version with =="],
    [`a==1.* --hash=sha256:${A}`, "is not pinned to one version with =="],
    [`a==1 --hash=md5:${"a".repeat(32)}`, "is locked by md5, and the log knows only sha256"],
    [
      `a==1 --hash=sha256:${A} --hash=sha512:${A}${A}`,
      "is locked by sha512, and the log knows only sha256",
    ],
    [
      "a==1 --hash=sha256:${DIGEST}",
      'has a sha256 that is not 64 hexadecimal digits: "${DIGEST}"',
    ],
    [`a @ git+https://x.example/a --hash=sha256:${A}`, "comes from version control"],
    [`a @ https://x.example/a-1.zip#md5=1`, "is locked by md5, and the log knows only sha256"],
    ["-e ./a", "is editable, so any bytes would do"],
  ] as const
) {
  Deno.test(`parseRequirements() finds nothing provable in ${text}`, () => {
    deepEqual(parse(text).unprovable.map((one) => one.why), [why]);
  });
}

for (
  const [text, message] of [
    [`\n-r other.txt`, /^line 2: it goes on in another file/],
    ["-rother.txt", /expected NAME==VERSION/],
    ["--req other.txt", /expected NAME==VERSION/],
    ["--index-url https://x.example -r other.txt", /received "-r other.txt"/],
    ["-c constraints.txt", /another file/],
    ["./a-1.0.tar.gz", /expected NAME==VERSION/],
    [`https://x.example/a-1.0.tar.gz --hash=sha256:${A}`, /expected NAME==VERSION/],
    [`a==1 --hash=sha256:${A} --config-settings=x=y`, /expected only --hash options/],
    [`a==1 --hash="sha256:${A}" x`, /expected only --hash options/],
    [`a==1\u2028b==2`, /does not show/],
    [`a==1\x0bb==2`, /does not show/],
    [`\ufeffa==1`, /does not show/],
    [`# -*- coding: utf-7 -*-\na==1`, /another encoding/],
  ] as const
) {
  Deno.test(`parseRequirements() refuses ${JSON.stringify(text)}`, () => {
    throws(() => parse(text), { name: "SyntaxError", message });
  });
}

Deno.test("parseRequirements() takes a file that says it is UTF-8", () => {
  deepEqual(told(parse(`# -*- coding: utf-8 -*-\na==1 --hash=sha256:${A}`)), ["a 1 a"]);
});
