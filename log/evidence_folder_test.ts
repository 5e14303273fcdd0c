import { utf8 } from "@indelible/core";
import { deepEqual, equal } from "node:assert/strict";
import { inFolder } from "../tests/temporary.ts";
import { EvidenceFolder } from "./evidence_folder.ts";

const file = (time: string, summary = "two heads", kind = "fork"): string =>
  JSON.stringify({ format: "indelible-evidence/v1", kind, time, summary, more: [1] });

Deno.test("EvidenceFolder lists evidence, proofs first and newest first, and gives its bytes", () =>
  inFolder(async (folder) => {
    const text = file("2026-11-22T10:00:00Z");
    await Deno.writeTextFile(`${folder}/fork-2.json`, text);
    await Deno.writeTextFile(`${folder}/fork-1.json`, text);
    await Deno.writeTextFile(
      `${folder}/second-digest-3.json`,
      file("2026-11-22T11:00:00Z", "x".repeat(9000), "second-digest"),
    );
    // However many entries somebody logs for a monitor to tell of, they hide no proof.
    const notice = file("2026-11-22T12:00:00Z", "an entry", "watched");
    for (const n of [1, 2]) await Deno.writeTextFile(`${folder}/watched-${n}.json`, notice);
    const evidence = new EvidenceFolder(folder);
    const items = await evidence.list();
    deepEqual(items.map(({ name }) => name), [
      ...["second-digest-3.json", "fork-1.json", "fork-2.json"],
      ...["watched-1.json", "watched-2.json"],
    ]);
    equal(items[0]!.summary.length, 500);
    deepEqual(items[1], {
      name: "fork-1.json",
      kind: "fork",
      time: "2026-11-22T10:00:00Z",
      summary: "two heads",
    });
    deepEqual(await evidence.read("fork-1.json"), utf8(text));
  }));

Deno.test("EvidenceFolder shows nothing but plain files of the folder, of bounded size", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/evidence`);
    const inside = `${folder}/evidence`;
    const text = file("2026-11-22T10:00:00Z");
    await Deno.writeTextFile(`${folder}/secret.json`, text);
    await Deno.symlink(`${folder}/secret.json`, `${inside}/link.json`);
    await Deno.mkdir(`${inside}/folder.json`);
    await Deno.writeTextFile(`${inside}/folder.json/x.json`, text);
    for (const name of ["A.json", ".a.json", "-a.json", "a.txt", "a.json.new", "é.json"]) {
      await Deno.writeTextFile(`${inside}/${name}`, text);
    }
    await Deno.writeTextFile(`${inside}/large.json`, text + " ".repeat(4 * 1024 * 1024));
    for (const [i, wrong] of ["", "{", "[]", "1", "null", '{"kind":"fork"}'].entries()) {
      await Deno.writeTextFile(`${inside}/wrong-${i}.json`, wrong);
    }
    const evidence = new EvidenceFolder(inside);
    deepEqual(await evidence.list(), []);
    const names = [
      ...["link.json", "folder.json", "folder.json/x.json", "A.json", ".a.json", "-a.json"],
      ...["a.txt", "é.json", "large.json", "nothing.json", "", ".", "..", "../secret.json"],
      ...["%2e%2e%2fsecret.json", "a\0.json", `${"a".repeat(200)}.json`],
    ];
    for (const name of names) equal(await evidence.read(name), null, name);
  }));

Deno.test("EvidenceFolder shows nothing before there is a folder, or without one", () =>
  inFolder(async (folder) => {
    deepEqual(await new EvidenceFolder(`${folder}/later`).list(), []);
    deepEqual(await new EvidenceFolder(null).list(), []);
    equal(await new EvidenceFolder(null).read("fork-1.json"), null);
  }));
