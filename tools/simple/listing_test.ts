import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { formatJson, HTML_TYPE, JSON_TYPE, type Listing, parseListing } from "./listing.ts";
import { formatHtml } from "./listing_html.ts";

const BASE = new URL("https://index.example/simple/sample/");
const DIGEST = "ab".repeat(32);
const PAGE = {
  meta: { "api-version": "1.4", "_last-serial": 7 },
  name: "sample",
  versions: ["1.0"],
  "project-status": { status: "archived", reason: 'done & "dusted"' },
  files: [{
    filename: "sample-1.0.tar.gz",
    url: "../../files/sample-1.0.tar.gz",
    hashes: { sha256: DIGEST },
    "requires-python": ">=3.9,<4",
    size: 12,
    "upload-time": "2024-01-01T00:00:00Z",
    yanked: "it's <broken>",
    "core-metadata": { sha256: DIGEST },
    "gpg-sig": false,
    provenance: "https://index.example/p?a=1&b=2",
    "x-unknown": [1, { deep: null }],
  }, {
    filename: "sample-0.9.tar.gz",
    url: "https://elsewhere.example/sample-0.9.tar.gz",
    hashes: {},
    yanked: true,
    "dist-info-metadata": true,
  }],
};

function parse(page: unknown, type = JSON_TYPE): Listing {
  const body = typeof page === "string" ? page : JSON.stringify(page);
  return parseListing(new TextEncoder().encode(body), type, BASE, "sample");
}

Deno.test("a JSON listing is carried whole, unknown members too", () => {
  const listing = parse(PAGE, `${JSON_TYPE}; charset=utf-8`);
  const [first, second] = PAGE.files;
  const files = [{ ...first, url: "https://index.example/files/sample-1.0.tar.gz" }, second];
  deepEqual(JSON.parse(formatJson(listing)), { ...PAGE, files });
  equal(listing.files[0]!.url.href, "https://index.example/files/sample-1.0.tar.gz");
  deepEqual([...listing.files[0]!.hashes], [["sha256", DIGEST]]);
  equal(listing.files[1]!.hashes.size, 0);
});

Deno.test("a listing keeps through HTML all that HTML can say", () => {
  const back = parse(formatHtml(parse(PAGE)), HTML_TYPE);
  const [first, second] = PAGE.files;
  const { size: _size, "upload-time": _time, "x-unknown": _unknown, ...said } = first as Record<
    string,
    unknown
  >;
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
  deepEqual(plain(back.files[0]!.members), {
    ...said,
    url: "https://index.example/files/sample-1.0.tar.gz",
  });
  equal(back.files[0]!.url.href, "https://index.example/files/sample-1.0.tar.gz");
  deepEqual(plain(back.files[1]!.members), plain(second));
  deepEqual(plain(back.members["project-status"]), PAGE["project-status"]);
  deepEqual(plain(back.members["meta"]), { "api-version": "1.4" });
});

Deno.test("text in HTML cannot become markup", () => {
  const filename = '<img src=x onerror="a()">&-1.0.tar.gz';
  const html = formatHtml(
    parse({ ...PAGE, files: [{ filename, url: 'https://x.example/"><b>', hashes: {} }] }),
  );
  ok(!html.includes("<img"));
  ok(!html.includes("<b>"));
  equal(parse(html, HTML_TYPE).files[0]!.filename, filename);
});

for (
  const [why, page, type, message] of [
    ["another type", PAGE, "application/json", /PEP 691 JSON or HTML/],
    ["a newer major version", { ...PAGE, meta: { "api-version": "2.0" } }, JSON_TYPE, /1\.x/],
    ["no files", { ...PAGE, files: {} }, JSON_TYPE, /"files" must be a list/],
    [
      "a file URL that is no web address",
      { ...PAGE, files: [{ filename: "a", url: "file:///etc/passwd", hashes: {} }] },
      JSON_TYPE,
      /must be http or https/,
    ],
    [
      "hashes that are no strings",
      { ...PAGE, files: [{ filename: "a", url: "a", hashes: { sha256: 1 } }] },
      JSON_TYPE,
      /must be a string/,
    ],
    [
      "a member twice",
      '{"meta":{"api-version":"1.0"},"name":"a","files":[],"files":[]}',
      JSON_TYPE,
      /files/,
    ],
  ] as const
) {
  Deno.test(`parseListing() refuses ${why}`, () => {
    throws(() => parse(page, type), { name: "SyntaxError", message });
  });
}
