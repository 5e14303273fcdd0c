import { parseHex } from "@indelible/core";
import { deepEqual, equal, ok } from "node:assert/strict";
import type { ListedFile, Listing } from "../simple/listing.ts";
import { judgeFile, type Passage, type Said } from "./gate.ts";
import { rewritePage, streamedUrl } from "./page.ts";

const [A, B] = ["aa".repeat(32), "bb".repeat(32)];

function listed(hashes: Record<string, string>, members = {}, url?: string): ListedFile {
  const filename = "lib-1.0.tar.gz";
  return {
    filename,
    url: new URL(url ?? `https://files.example/x/${filename}`),
    hashes: new Map(Object.entries(hashes)),
    members: { filename, url: url ?? `https://files.example/x/${filename}`, hashes, ...members },
  };
}

const vouched = (hex: string, by: "log" | "first-seen" = "log"): Said => ({
  kind: "vouched",
  by,
  digest: parseHex(hex),
  index: 1n,
});
const missing: Said = { kind: "missing" };
const away: Said = { kind: "unknown", reason: "log-unreachable" };
const pass = (sha256: string, by: string) => ({ kind: "pass", sha256, by });
const refuse = (reason: string, logged: string | null = null) => ({
  kind: "refuse",
  reason,
  logged,
});

const RULES: [string, ListedFile, Said | "exempt", "refuse" | "warn", unknown][] = [
  ["the logged digest", listed({ sha256: A }), vouched(A), "refuse", pass(A, "log")],
  ["it in capitals", listed({ sha256: A.toUpperCase() }), vouched(A), "refuse", pass(A, "log")],
  ["no digest, but logged", listed({}), vouched(A), "refuse", pass(A, "log")],
  ["only md5, but logged", listed({ md5: "0".repeat(32) }), vouched(A), "refuse", pass(A, "log")],
  [
    "another digest",
    listed({ sha256: B }),
    vouched(A),
    "warn",
    refuse("digest-differs-from-the-log", A),
  ],
  [
    "another than first",
    listed({ sha256: B }),
    vouched(A, "first-seen"),
    "refuse",
    refuse("digest-differs-from-first-seen", A),
  ],
  ["an unlogged file", listed({ sha256: B }), missing, "refuse", refuse("not-in-the-log")],
  ["it, with a warning", listed({ sha256: B }), missing, "warn", pass(B, "warning")],
  ["it without a digest", listed({}), missing, "warn", refuse("registry-lists-no-sha256")],
  [
    "a digest that is none",
    listed({ sha256: "zz" }),
    missing,
    "warn",
    refuse("registry-lists-no-sha256"),
  ],
  ["a log that is away", listed({ sha256: B }), away, "warn", refuse("log-unreachable")],
  ["an exempt file", listed({ sha256: B }), "exempt", "refuse", pass(B, "exemption")],
  ["one without a digest", listed({}), "exempt", "warn", refuse("registry-lists-no-sha256")],
  [
    "a URL of another name",
    listed({ sha256: A }, {}, "https://files.example/evil-9.zip"),
    vouched(A),
    "refuse",
    refuse("registry-url-names-another-file", A),
  ],
  [
    "an exempt one, too",
    listed({ sha256: A }, {}, "https://files.example/evil-9.zip"),
    "exempt",
    "refuse",
    refuse("registry-url-names-another-file"),
  ],
  [
    "a URL with its name escaped",
    listed({ sha256: A }, {}, "https://files.example/lib%2d1.0.tar.gz"),
    vouched(A),
    "refuse",
    pass(A, "log"),
  ],
  [
    "a URL that ends in a slash",
    listed({ sha256: A }, {}, "https://files.example/lib-1.0.tar.gz/"),
    vouched(A),
    "refuse",
    refuse("registry-url-names-another-file", A),
  ],
];

for (const [what, file, said, onMissing, expected] of RULES) {
  Deno.test(`judgeFile(): ${what}`, () => {
    deepEqual(judgeFile(file, said, onMissing), expected);
  });
}

const PAGE: Listing = {
  name: "lib",
  members: { meta: { "api-version": "1.1" }, versions: [] },
  files: [],
};

Deno.test("rewritePage() never lists a file without a SHA-256, nor with another digest", () => {
  const passages: Passage[] = [
    { kind: "pass", sha256: A, by: "log" },
    { kind: "refuse", reason: "not-in-the-log", logged: null },
    { kind: "refuse", reason: "digest-differs-from-the-log", logged: A },
  ];
  for (const hashes of [{}, { sha256: B, sha512: "c".repeat(128) }, { sha256: "nonsense" }]) {
    for (const passage of passages) {
      const page = rewritePage(PAGE, [{ file: listed(hashes), passage }], { fileUrl: null });
      const [file] = page.files;
      deepEqual([...file!.hashes.keys()], ["sha256"]);
      deepEqual(Object.keys(file!.members["hashes"] as object), ["sha256"]);
      ok(/^[0-9a-f]{64}$/.test(file!.hashes.get("sha256")!));
    }
  }
});

Deno.test("rewritePage() keeps URLs of files that pass, and leads refused ones to their refusal", () => {
  const file = { ...listed({ sha256: A }), filename: 'a b&"<é>.zip' };
  const url = (passage: Passage, fileUrl: typeof streamedUrl | null) =>
    rewritePage(PAGE, [{ file, passage }], { fileUrl }).files[0]!.members["url"];
  const passes: Passage = { kind: "pass", sha256: A, by: "log" };
  equal(url(passes, null), "https://files.example/x/lib-1.0.tar.gz");
  equal(url(passes, streamedUrl), `../../files/${A}/a%20b%26%22%3C%C3%A9%3E.zip`);
  const refused: Passage = { kind: "refuse", reason: "not-in-the-log", logged: null };
  equal(url(refused, streamedUrl), "../../refused/not-in-the-log/a%20b%26%22%3C%C3%A9%3E.zip");
});

Deno.test("rewritePage() announces metadata only where it was found to be the file's own", () => {
  const file = listed({ sha256: A }, {
    "core-metadata": { sha256: B },
    "dist-info-metadata": true,
    "gpg-sig": true,
  });
  const passage: Passage = { kind: "pass", sha256: A, by: "log" };
  const plain = rewritePage(PAGE, [{ file, passage }], { fileUrl: null }).files[0]!.members;
  ok(!("core-metadata" in plain) && !("dist-info-metadata" in plain));
  equal(plain["gpg-sig"], true, "its signature is beside the file, which stays where it is");
  const options = { fileUrl: streamedUrl, metadataOf: () => B };
  const streamed = rewritePage(PAGE, [{ file, passage }], options).files[0]!.members;
  deepEqual(streamed["core-metadata"], { sha256: B });
  ok(!("gpg-sig" in streamed));
});
