import { concat, utf8 } from "@indelible/core";
import { strToU8, zipSync } from "fflate";
import { deepEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../_testing.ts";
import { ZipFile } from "./zip_file.ts";

/** Each member's text, by name. */
async function textsOf(folder: string, bytes: Uint8Array): Promise<Record<string, string>> {
  const path = join(folder, "a.zip");
  await Deno.writeFile(path, bytes);
  using zip = await ZipFile.open(path);
  const texts: Record<string, string> = {};
  for (const member of zip.members) {
    const pieces = await Array.fromAsync(zip.read(member));
    texts[member.name] = new TextDecoder().decode(concat(...pieces));
  }
  return texts;
}

const LONG = "a line of some text\n".repeat(200_000);
const TEXTS = { "a/b.txt": "short", "empty": "", "long": LONG };

for (const level of [0, 6] as const) {
  Deno.test(`ZipFile reads members of level ${level}`, () =>
    inFolder(async (folder) => {
      const members = Object.entries(TEXTS).map(([name, text]) => [name, strToU8(text)]);
      const bytes = zipSync(Object.fromEntries(members), { level, comment: "with a comment" });
      deepEqual(await textsOf(folder, bytes), TEXTS);
    }));
}

Deno.test("ZipFile refuses what is cut, moved or no zip file at all", () =>
  inFolder(async (folder) => {
    const bytes = zipSync({ "a.txt": strToU8("some text"), "b.txt": strToU8("more of it") });
    for (let length = 0; length < bytes.length; length++) {
      await rejects(textsOf(folder, bytes.slice(0, length)), SyntaxError, `${length}`);
    }
    await rejects(textsOf(folder, concat(utf8("x"), bytes)), SyntaxError);
    await rejects(textsOf(folder, utf8("no zip file".repeat(10))), /no end of directory/);
  }));

/** A zip file with one stored member, its sizes and places written with 64 bits. */
function zip64(name: string, text: string): Uint8Array {
  const [nameBytes, data] = [utf8(name), utf8(text)];
  const local = fields([0x04034b50, 4], [0, 22], [nameBytes.length, 2], [0, 2]);
  const places = [data.length, data.length, 0].map((value) => [value, 8] as const);
  const extra = fields([1, 2], [24, 2], ...places);
  const entry = concat(
    fields([0x02014b50, 4], [0, 16], [0xffffffff, 4], [0xffffffff, 4]),
    fields([nameBytes.length, 2], [extra.length, 2], [0, 10], [0xffffffff, 4]),
    nameBytes,
    extra,
  );
  const start = local.length + nameBytes.length + data.length;
  const end64 = concat(
    fields([0x06064b50, 4], [44, 8], [0, 12], [1, 8], [1, 8], [entry.length, 8], [start, 8]),
    fields([0x07064b50, 4], [0, 4], [start + entry.length, 8], [1, 4]),
    fields([0x06054b50, 4], [0, 4], [0xffff, 2], [0xffff, 2], [0xffffffff, 4], [0xffffffff, 4]),
    fields([0, 2]),
  );
  return concat(local, nameBytes, data, entry, end64);
}

/** Little-endian numbers, each with its length in bytes. */
function fields(...numbers: (readonly [value: number, length: number])[]): Uint8Array {
  return Uint8Array.from(
    numbers.flatMap(([value, length]) =>
      Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) % 256)
    ),
  );
}

Deno.test("ZipFile reads 64-bit sizes and places", () =>
  inFolder(async (folder) => {
    deepEqual(await textsOf(folder, zip64("a.txt", "text")), { "a.txt": "text" });
  }));
