import { parseUtf8, utf8 } from "@indelible/core";
import { equal } from "node:assert/strict";
import { type LoggedPackage, writeTables } from "./pylock_table.ts";

const logged = (...files: string[]): LoggedPackage => ({
  log: "log.example/a",
  checkpointSize: 28798n,
  leafIndices: new Map(files.map((file, i) => [file, BigInt(i)])),
});

const write = (text: string, ...packages: (LoggedPackage | null)[]): string | null => {
  const written = writeTables(utf8(text), packages);
  return written && parseUtf8(written);
};

const table = (file: string): string =>
  `\n[packages.tool.indelible]\nlog = "log.example/a"\ncheckpoint-size = 28798\n` +
  `leaf-indices = { "${file}" = 0 }\n`;

const FILE = `# a comment
lock-version = "1.0"
created-by = 'x'  # odd spelling

[[packages]]
name = "a"
wheels = [
  [[packages]]
]

# about b
[[ packages ]] # b
name = "b"
[packages.tool.other]
x = """
multi
line"""

[tool.x]
y = 1
`;

Deno.test("tables are put in behind each package, and nothing else changes", () => {
  const text = FILE.replace("  [[packages]]\n", "  {},\n");
  const written = write(text, logged("a.whl"), logged("b.whl"))!;
  equal(
    written,
    text.replace("]\n\n# about b", `]\n${table("a.whl")}\n# about b`)
      .replace('line"""\n', `line"""\n${table("b.whl")}`),
  );
  // Again, and with other values: they are put in place of the first.
  equal(write(written, logged("a.whl"), logged("b.whl")), written);
  equal(write(written, null, null), text);
});

Deno.test("a file without a final newline, and one with CRLF, stay what they are", () => {
  const text = `lock-version = "1.0"\n[[packages]]\nname = "a"`;
  equal(write(text, logged("a.whl")), `${text}\n${table("a.whl")}`);
  const dos = `${text}\n`.replaceAll("\n", "\r\n");
  equal(write(dos, logged("a.whl")), dos + table("a.whl").replaceAll("\n", "\r\n"));
});

for (
  const [what, text] of [
    ["packages are an inline list", `packages = [{ name = "a" }]\n`],
    ["a header stands in a string", `[[packages]]\nname = """\n[[packages]]\n"""\n`],
    ["a header stands in a list", FILE],
    ["tool is an inline table", `[[packages]]\nname = "a"\ntool = { x = 1 }\n`],
    [
      "a string starts with our header",
      `[[packages]]\nname = """\n\n[packages.tool.indelible]\n"""\n`,
    ],
  ] as const
) {
  Deno.test(`no table is written where ${what}`, () => {
    const packages = [logged("a.whl"), ...(text === FILE ? [logged("b.whl")] : [])];
    equal(write(text, ...packages), null);
  });
}
