/** What the page's source holds to, and what its pure parts decide. */

import {
  type Entry,
  formatEntry,
  formatTlogProof,
  leafHash,
  nodeHash,
  parseEntry,
  PYPI_V1,
  sha256,
  utf8,
} from "@indelible/core";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { judgeFile } from "./file_view.ts";
import { formatAge, formatBytes, listNames } from "./format.ts";
import { merklePath } from "./merkle_path.ts";
import { judgeProof } from "./offline_proof.ts";
import type { ProvenEntry } from "./proven_entry.ts";
import { Memory } from "./remembered.ts";
import { parseRoute } from "./route.ts";
import { secondDigest } from "./search.ts";
import { impossible, parseQuery } from "./search_query.ts";
import { shellWord } from "./shell_word.ts";
import { under, verified, worst } from "./verdict.ts";

const HERE = new URL("./", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, HERE));

async function namesIn(folder: URL, ending: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (name.endsWith(ending)) names.push(name);
  return names.sort();
}

/** What turns text into markup, script or style, or reaches further than the log. */
const FORBIDDEN = [
  /\b(?:inner|outer)HTML\b/,
  /\binsertAdjacentHTML\b/,
  /\bsetHTML/,
  /\bDOMParser\b/,
  /\bcreateContextualFragment\b/,
  /\bdocument\.write/,
  /\beval\b/,
  /\bnew Function\b/,
  /\bset(?:Timeout|Interval)\(\s*["'`]/,
  /["']on[a-z]+["']/,
  /\bstyle\s*[:=]\s*["'`]/,
  /\bDeno\b/,
  /https?:\/\/(?!www\.w3\.org\/2000\/svg)/,
];

Deno.test("the page's scripts make text, never markup, and ask nobody but the log", async () => {
  const sources = (await namesIn(HERE, ".ts")).filter((name) =>
    name !== "build.ts" && !name.endsWith("_test.ts")
  );
  ok(sources.length > 20);
  for (const name of sources) {
    const code = (await read(name)).replace(/\/\*[\s\S]*?\*\//g, "");
    for (const forbidden of FORBIDDEN) equal(forbidden.exec(code)?.[0], undefined, name);
    // Elements and attributes are made in one place.
    const makes = /\bcreateElement|\bsetAttribute\b/.test(code);
    equal(makes, name === "dom.ts", `${name} makes elements by itself`);
  }
});

Deno.test("the page's HTML has no script, style or handler of its own", async () => {
  for (const name of ["index.html", "verify.html"]) {
    const html = await read(name);
    match(html, /<html lang="en">/);
    equal(/<style|\sstyle=|\son[a-z]+=|javascript:|https?:/i.exec(html), null, name);
    for (const [tag] of html.matchAll(/<script[^>]*>/g)) match(tag, / src="[^"]+" defer>$/);
  }
  deepEqual([...new Set((await read("index.html")).match(/\{\{\s*\w+\s*\}\}/g))].sort(), [
    "{{origin}}",
    "{{root}}",
    "{{size}}",
    "{{time}}",
    "{{warning}}",
  ]);
});

Deno.test("the whole page has at most 150 KB compressed", async () => {
  let total = 0;
  const dist = new URL("dist/", HERE);
  for (const name of await namesIn(dist, "")) {
    const { body } = new Response(await Deno.readFile(new URL(name, dist)));
    const zipped = body!.pipeThrough(new CompressionStream("gzip"));
    total += (await new Response(zipped).bytes()).length;
  }
  ok(total > 10_000 && total <= 150_000, `${total} bytes`);
});

Deno.test("text and ground contrast by at least 4.5, in light and in dark", async () => {
  const css = await read("page.css");
  const [light, dark] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) =>
    new Map([...block!.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, k, v]) => [k!, v!]))
  );
  for (const colours of [light!, dark!]) {
    for (const text of ["ink", "quiet", "accent", "verified", "unverifiable", "wrong"]) {
      const grounds = ["ground", "raised"];
      const own = ["verified", "unverifiable", "wrong"].includes(text) ? [`${text}-wash`] : [];
      const washes = text === "ink" || text === "quiet"
        ? ["verified-wash", "unverifiable-wash", "wrong-wash"]
        : own;
      for (const ground of [...grounds, ...washes]) {
        const ratio = contrast(colours.get(text)!, colours.get(ground)!);
        ok(ratio >= 4.5, `${text} on ${ground}: ${ratio.toFixed(2)}`);
      }
    }
    ok(contrast(colours.get("on-sign")!, colours.get("accent")!) >= 4.5);
    ok(contrast(colours.get("edge")!, colours.get("raised")!) >= 2);
  }
});

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const entryOf = (file: string, content: string, ecosystem = "pypi"): Entry => {
  const digest = sha256(utf8(content));
  if (ecosystem === "pypi") {
    return { format: PYPI_V1, ecosystem, event: "publish", file, digest };
  }
  return { format: "artifact-transparency/v2", ecosystem, event: "publish", file, digest };
};
const proven = (entry: Entry, index = 0n): ProvenEntry => {
  const bytes = formatEntry(entry);
  return { index, bytes, entry: parseEntry(bytes), verdict: verified("") };
};

Deno.test("secondDigest() finds two digests of one file, not of two ecosystems", () => {
  const [a, b] = [entryOf("x-1.whl", "a"), entryOf("x-1.whl", "b")];
  equal(secondDigest([a, b])?.kind, "wrong");
  equal(secondDigest([a, a, entryOf("y-1.whl", "b")]), null);
  equal(secondDigest([a, entryOf("x-1.whl", "b", "npm")]), null);
});

Deno.test("judgeFile() tells the logged file, another one, a renamed and an unknown one", () => {
  const entries = [proven(entryOf("x-1.whl", "a"))];
  const judge = (name: string, content: string, byName = entries, byDigest: ProvenEntry[] = []) =>
    judgeFile(name, sha256(utf8(content)), { entries: byName, failure: null }, byDigest).kind;
  equal(judge("x-1.whl", "a"), "verified");
  equal(judge("x-1.whl", "b"), "wrong");
  equal(judge("z", "a", [], entries), "verified");
  equal(judge("z", "z", [], []), "unverifiable");
  const two = [...entries, proven(entryOf("x-1.whl", "b"), 1n)];
  equal(judge("x-1.whl", "a", two), "wrong", "the promise is broken");
  const npm = [...entries, proven(entryOf("x-1.whl", "b", "npm"), 1n)];
  equal(judge("x-1.whl", "b", npm), "verified", "another ecosystem's file");
  const unproven = [{ ...entries[0]!, verdict: under("unverifiable", verified("")) }];
  equal(judge("x-1.whl", "a", unproven), "unverifiable");
});

Deno.test("merklePath() and judgeProof() agree for every leaf of a small tree, and any flipped bit", () => {
  const entries = [0, 1, 2].map((i) => formatEntry(entryOf(`x-${i}.whl`, String(i))));
  const leaves = entries.map(leafHash);
  const left = nodeHash(leaves[0]!, leaves[1]!);
  const root = nodeHash(left, leaves[2]!);
  const proofs = [[leaves[1]!, leaves[2]!], [leaves[0]!, leaves[2]!], [left]];
  const note = utf8(`o\n3\n${root.toBase64()}\n\n— o AAAAAAAA\n`);
  proofs.forEach((proof, i) => {
    const path = merklePath(BigInt(i), 3n, leaves[i]!, proof, root)!;
    equal(path.holds, true);
    equal(path.steps.length, proof.length);
    equal(merklePath(BigInt(i), 3n, leaves[i]!, [...proof, root], root), null);
    const judge = (hashes: readonly Uint8Array[]) => {
      const parts = { extra: entries[i]!, index: BigInt(i), proof: hashes, checkpoint: note };
      return judgeProof(formatTlogProof(parts), null, null);
    };
    equal(judge(proof).kind, "unverifiable", "nobody is trusted yet");
    for (const at of proof.keys()) {
      const changed = proof.map((hash, j) => j === at ? hash.map((b, k) => k ? b : b ^ 1) : hash);
      equal(judge(changed).kind, "wrong");
      equal(merklePath(BigInt(i), 3n, leaves[i]!, changed, root)!.holds, false);
    }
  });
  equal(merklePath(3n, 3n, root, [], root), null);
});

Deno.test("parseQuery() tells digests and file names from projects", () => {
  const hex = "AB".repeat(32);
  deepEqual(parseQuery(` sha256:${hex} `), { kind: "digest", text: hex.toLowerCase() });
  deepEqual(parseQuery("Foo_Bar"), { kind: "project", text: "foo-bar" });
  for (const file of ["a-1.0.tar.gz", "a-1-py3-none-any.whl", "left-pad-1.0.tgz"]) {
    deepEqual(parseQuery(file), { kind: "filename", text: file });
  }
  for (const project of ["zope.interface", "backports.zoneinfo", "pyzbar", "jazz"]) {
    equal(parseQuery(project)?.kind, "project", project);
  }
  equal(parseQuery("  "), null);
  ok(impossible({ kind: "filename", text: "a b" }));
  ok(impossible({ kind: "digest", text: "ab" }));
  equal(impossible({ kind: "filename", text: "<svg>" }), null);
});

Deno.test("parseRoute() takes its own addresses and no others", () => {
  deepEqual(parseRoute("#/entry/12"), { kind: "entry", index: 12n });
  deepEqual(parseRoute(""), { kind: "overview" });
  equal(parseRoute("#main"), null);
  const others = [
    "#/entry/01",
    "#/entry/-1",
    "#/search/x/y",
    "#/search/digest/",
    "#/%",
    "#/a/b/c/d/e",
  ];
  for (const other of [...others, "#/file/x/zz"]) deepEqual(parseRoute(other), { kind: "unknown" });
});

Deno.test("shellWord() leaves plain names and quotes all others", () => {
  equal(shellWord("a-1.0.tar.gz"), "a-1.0.tar.gz");
  equal(shellWord("-rf"), "./-rf");
  equal(shellWord("a'b"), `'a'\\''b'`);
  for (const char of '$`"*?[]{}()<>|&;!#~') equal(shellWord(`a${char}`), `'a${char}'`);
});

Deno.test("Memory keeps what it is given and takes what is not its own for nothing", () => {
  const kept = new Map<string, string>();
  const store = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  const memory = new Memory(store);
  equal(memory.read(), null);
  const remembered = { policy: "quorum none\n", own: true, note: utf8("note"), seen: "now" };
  memory.write(remembered);
  deepEqual(new Memory(store).read(), remembered);
  for (const text of ["{", "[]", '{"policy":7}', '{"policy":"p","note":"??"}']) {
    kept.set([...kept.keys()][0]!, text);
    equal(new Memory(store).read(), null, text);
  }
  memory.forget();
  equal(new Memory(store).read(), null);
  const held = new Memory(null);
  held.write(remembered);
  deepEqual(held.read(), remembered);
});

Deno.test("worst() and under() let nothing look better than what it stands on", () => {
  equal(worst([]), "verified");
  equal(worst(["verified", "wrong", "unverifiable"]), "wrong");
  equal(under("wrong", verified("x")).kind, "wrong");
  equal(under("verified", verified("x")).why, "x");
});

Deno.test("numbers, ages and lists read as people write them", () => {
  deepEqual([0, 1, 60, 119, 7200, 90_000, 172_800].map(formatAge), [
    "0 seconds",
    "1 second",
    "1 minute",
    "1 minute",
    "2 hours",
    "25 hours",
    "2 days",
  ]);
  deepEqual([1, 999, 1234, 1_500_000_000].map(formatBytes), [
    "1 byte",
    "999 bytes",
    "1.2 kB",
    "1.5 GB",
  ]);
  deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listNames), [
    "",
    "a",
    "a and b",
    "a, b and c",
  ]);
});
