import assert from "node:assert/strict";
import fc from "fast-check";
import { RUNS } from "./_testing.ts";
import type { Entry } from "./entry.ts";
import { normalizeProject, projectOf } from "./project.ts";

const FILES = new URL("./testdata/pypi_projects.txt", import.meta.url);

const entryOf = (file: string): Entry => ({
  format: "pypi-transparency/v1",
  ecosystem: "pypi",
  event: "publish",
  file,
  digest: new Uint8Array(32),
});

Deno.test("projectOf() derives the project that the package index lists a file under", () => {
  const lines = Deno.readTextFileSync(FILES).trim().split("\n")
    .filter((line) => !line.startsWith("#"));
  assert.ok(lines.length > 220);
  for (const line of lines) {
    const [file, project] = line.split(" ");
    assert.equal(projectOf(entryOf(file!)) ?? "-", project, file);
  }
});

Deno.test("projectOf() prefers the package that the entry names", () => {
  const entry: Entry = {
    ...entryOf("a-1.0.tar.gz"),
    format: "artifact-transparency/v2",
    package: { name: "Some_Other", version: "1.0" },
  };
  assert.equal(projectOf(entry), "some-other");
  assert.equal(projectOf({ ...entryOf("a-1.0.tgz"), ecosystem: "npm" }), null);
});

Deno.test("projectOf() answers for any file name, at once", () => {
  const unit = fc.constantFrom(..."-._!+aZ019", ".tar.gz", ".whl", "-1.0", "rc");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (file) => {
      const project = projectOf(entryOf(file));
      if (project !== null) assert.equal(normalizeProject(project), project);
    }),
    { numRuns: RUNS * 5 },
  );
  for (const piece of ["-1", "-1.0", ".1", "-a1", "+a.", "1-", "-post"]) {
    projectOf(entryOf("a-1" + piece.repeat(100_000) + ".tar.gz"));
  }
});

Deno.test("normalizeProject() is PEP 503 and idempotent", () => {
  assert.equal(normalizeProject("Foo__Bar-.-baz"), "foo-bar-baz");
  // Unicode's lowercase of these is an ASCII letter; they are no such letter.
  assert.equal(normalizeProject("\u212a\u0130"), "\u212a\u0130");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (name) => {
      const once = normalizeProject(name);
      assert.equal(normalizeProject(once), once);
      assert.doesNotMatch(once, /[A-Z_.]|--/);
    }),
    { numRuns: RUNS * 5 },
  );
});
