import { encodeHex, utf8 } from "@indelible/core";
import { deepEqual, equal, throws } from "node:assert/strict";
import { formatOf, type LockFormat, parseLockFile } from "./formats.ts";
import type { LockFile } from "./lock_file.ts";

const A = "aa".repeat(32);
const B = "bb".repeat(32);
const POETRY = await Deno.readTextFile(new URL("testdata/poetry.lock", import.meta.url));

const UV = `version = 1
revision = 3

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }

[[package]]
name = "idna"
version = "3.10"
source = { registry = "https://index.example/simple" }
sdist = { url = "https://files.example/i/idna-3.10.tar.gz", hash = "sha256:${A}", size = 1 }
wheels = [
    { url = "https://files.example/i/idna-3.10-py3-none-any.whl", hash = "sha256:${B}" },
]

[[package]]
name = "direct"
version = "1.0"
source = { url = "https://files.example/direct-1.0%2Bcpu-py3-none-any.whl" }
wheels = [
    { url = "https://files.example/direct-1.0%2Bcpu-py3-none-any.whl", hash = "sha256:${A}" },
]

[[package]]
name = "of-git"
version = "2"
source = { git = "https://code.example/x?rev=1#1" }
`;

const PYLOCK = `lock-version = "1.0"
created-by = "test"

[[packages]]
name = "idna"
version = "3.10"
index = "https://index.example/simple"
sdist = { url = "https://files.example/idna-3.10.tar.gz", hashes = { sha256 = "${A}" } }

[[packages.wheels]]
name = "idna-3.10-py3-none-any.whl"
url = "https://files.example/whatever"
[packages.wheels.hashes]
sha256 = "${B}"

[[packages]]
name = "archived"
archive = { path = "vendor/archived-1.zip", hashes = { sha256 = "${A}" } }

[[packages]]
name = "of-git"
vcs = { type = "git", url = "https://code.example/x", commit-id = "1" }

[[packages]]
name = "own"
directory = { path = "." }
`;

function told({ files }: LockFile): string[] {
  return files.map(({ project, version, filename, digest }) =>
    `${project} ${version} ${filename} ${encodeHex(digest)[0]}`
  );
}

Deno.test("uv.lock: every wheel and sdist, what is local and what cannot be proven", () => {
  const lock = parseLockFile("uv.lock", utf8(UV));
  deepEqual(told(lock), [
    "idna 3.10 idna-3.10-py3-none-any.whl b",
    "idna 3.10 idna-3.10.tar.gz a",
    "direct 1.0 direct-1.0+cpu-py3-none-any.whl a",
  ]);
  deepEqual(lock.local, ["demo 0.1.0"]);
  deepEqual(lock.unprovable, [
    { project: "of-git", what: "of-git 2", why: "comes from version control" },
  ]);
});

Deno.test("pylock.toml: wheels, sdists, archives, folders, version control", () => {
  const lock = parseLockFile("pylock.toml", utf8(PYLOCK));
  deepEqual(told(lock), [
    "idna 3.10 idna-3.10-py3-none-any.whl b",
    "idna 3.10 idna-3.10.tar.gz a",
    "archived null archived-1.zip a",
  ]);
  deepEqual(lock.local, ["own"]);
  deepEqual(lock.unprovable.map(({ what }) => what), ["of-git"]);
});

Deno.test("poetry.lock: files by name, folders of one's own", () => {
  const lock = parseLockFile("poetry.lock", utf8(POETRY));
  deepEqual(told(lock), [
    "idna 3.10 idna-3.10-py3-none-any.whl 9",
    "idna 3.10 idna-3.10.tar.gz 1",
  ]);
  deepEqual(lock.local, ["own-package 0.1.0"]);
});

Deno.test("a file without digest, or with one that the log does not know, is not provable", () => {
  for (
    const [from, to, why] of [
      [`, hash = "sha256:${B}"`, "", /^has no digest/],
      [`sha256:${B}`, `sha512:${B}${B}`, /^is locked by sha512/],
      [`sha256:${B}`, `sha256:${B.slice(1)}`, /^has a sha256 that is not 64/],
      ["idna-3.10-py3-none-any.whl", "", /^has a file without a name/],
    ] as const
  ) {
    const { unprovable } = parseLockFile("uv.lock", utf8(UV.replace(from, to)));
    equal(unprovable.length, 2);
    equal(why.test(unprovable[0]!.why), true, unprovable[0]!.why);
  }
  // An installer may go by the stronger of two digests.
  const both = PYLOCK.replace(`sha256 = "${B}"`, `sha256 = "${B}"\nsha512 = "${A}${A}"`);
  const { unprovable } = parseLockFile("pylock.toml", utf8(both));
  deepEqual(unprovable.map(({ why }) => why), [
    "is locked by sha512, and the log knows only sha256",
    "comes from version control",
  ]);
});

for (
  const [format, from, to, message] of [
    ["uv.lock", "version = 1\n", "version = 2\n", /"version" must be 1/],
    ["uv.lock", 'source = { virtual = "." }', "", /"package\[0\].source" must be a table/],
    ["uv.lock", 'name = "demo"', 'name = "demo"\nname = "other"', /redefine|duplicate|already/i],
    ["pylock.toml", '"1.0"', '"2.0"', /"lock-version" must be of "1.x"/],
    ["poetry.lock", '"2.1"', '"1.1"', /"metadata.lock-version" must be of "2.x"/],
    ["poetry.lock", 'file = "idna-3.10.tar.gz", ', "", /"package\[0\].files\[1\].file" must be/],
  ] as const
) {
  Deno.test(`${format} without ${from.trim()} is refused`, () => {
    const text = { "uv.lock": UV, "pylock.toml": PYLOCK, "poetry.lock": POETRY }[format];
    equal(text.includes(from), true);
    throws(() => parseLockFile(format, utf8(text.replace(from, to))), {
      name: "SyntaxError",
      message,
    });
  });
}

Deno.test("the format is said by the name", () => {
  const expected: Record<string, LockFormat | null> = {
    "uv.lock": "uv.lock",
    "poetry.lock": "poetry.lock",
    "pylock.toml": "pylock.toml",
    "pylock.dev.toml": "pylock.toml",
    "requirements.txt": "requirements.txt",
    "requirements-dev.txt": "requirements.txt",
    "pyproject.toml": null,
    "pylock.a.b.toml": null,
  };
  for (const [name, format] of Object.entries(expected)) equal(formatOf(name), format, name);
});
