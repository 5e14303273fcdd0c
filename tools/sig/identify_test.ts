import { equal, match, notEqual, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { inFolder } from "../_testing.ts";
import { identify } from "./identify.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

Deno.test("identify() gives a file's SHA-256, and a folder's over names and bytes", () =>
  inFolder(async (folder) => {
    for (const path of ["one/lib", "one/empty"]) {
      Deno.mkdirSync(join(folder, path), { recursive: true });
    }
    Deno.writeTextFileSync(join(folder, "one/lib/b"), "B");
    Deno.writeTextFileSync(join(folder, "one/lib.x"), "X");
    Deno.symlinkSync("lib/b", join(folder, "one/link"));
    const text = "signet-folder/v1\n" +
      `file ${sha256("X")} lib.x\nfile ${sha256("B")} lib/b\nlink ${sha256("lib/b")} link\n`;
    const one = await identify(join(folder, "one"));
    equal(one.kind, "folder");
    equal(one.id, `sha256-folder:${sha256(text)}`);
    // A file with that text is another thing.
    Deno.writeTextFileSync(join(folder, "file"), text);
    const file = await identify(join(folder, "file"));
    equal(`${file.kind} ${file.id}`, `file sha256:${sha256(text)}`);
    notEqual(file.id, one.id);
    Deno.symlinkSync("one", join(folder, "other"));
    equal((await identify(join(folder, "other"))).id, one.id);
    Deno.renameSync(join(folder, "one/lib/b"), join(folder, "one/lib/c"));
    notEqual((await identify(join(folder, "one"))).id, one.id);
  }));

Deno.test("identify() refuses what cannot be told in a line, and what is not there", () =>
  inFolder(async (folder) => {
    await rejects(identify(join(folder, "none")), /there is no such file or folder/);
    Deno.writeTextFileSync(join(folder, `a\nfile ${"0".repeat(64)} b`), "");
    await rejects(identify(folder), (error: Error) => {
      match(error.message, /is not plain text$/);
      match(error.message, /^[^\n]+$/);
      return true;
    });
  }));
