import { deepEqual, equal } from "node:assert/strict";
import { type Publication, warningsOf } from "./history.ts";

const NOW = Date.parse("2026-06-01T00:00:00Z");
const ISSUER = "https://token.example";

/** Releases of one file each: a version, who published it, and when. */
function releases(...lines: readonly [string, string | null, string | null][]): Publication[] {
  return lines.map(([version, subject, day], i) => ({
    filename: `p-${version}.tar.gz`,
    version,
    index: BigInt(i * 10),
    publisher: subject === null ? null : { issuer: ISSUER, subject },
    uploaded: day === null ? null : Date.parse(day),
  }));
}

function kinds(publications: Publication[], now = NOW): Record<string, string[]> {
  return Object.fromEntries(
    [...warningsOf(publications, now)].map((
      [file, found],
    ) => [file, found.map(({ kind }) => kind)]),
  );
}

const tag = (version: string) => `https://code.example/o/p/release.yml@refs/tags/${version}`;

Deno.test("a new publisher is told, for all that they publish, and not the tag of a release", () => {
  const history = releases(
    ["1.0", tag("1.0"), "2026-01-01"],
    ["1.1", tag("1.1"), "2026-02-01"],
    ["1.2", "https://code.example/evil/p/release.yml@refs/heads/main", "2026-05-01"],
    ["1.3", "https://code.example/evil/p/release.yml@refs/heads/main", "2026-05-02"],
    ["1.4", tag("1.4"), "2026-05-03"],
  );
  deepEqual(kinds(history), {
    "p-1.2.tar.gz": ["publisher-changed"],
    "p-1.3.tar.gz": ["publisher-changed"],
  });
  equal(
    warningsOf(history, NOW).get("p-1.2.tar.gz")![0]!.text,
    "its publisher is https://code.example/evil/p/release.yml, by https://token.example, " +
      "before it was https://code.example/o/p/release.yml, by https://token.example",
  );
});

Deno.test("the order is the log's, not that of the list", () => {
  const history = releases(["1.0", "a", "2026-05-01"], ["1.1", "b", "2026-05-02"]);
  deepEqual(kinds(history.toReversed()), { "p-1.1.tar.gz": ["publisher-changed"] });
});

Deno.test("the same subject of another issuer is another publisher", () => {
  const [first, second] = releases(["1.0", "a", "2026-05-01"], ["1.1", "a", "2026-05-02"]);
  const other = { ...second!, publisher: { issuer: "https://other.example", subject: "a" } };
  deepEqual(kinds([first!, other]), { "p-1.1.tar.gz": ["publisher-changed"] });
});

Deno.test("the first provenance of a project is no change", () => {
  deepEqual(kinds(releases(["1.0", null, "2026-05-01"], ["1.1", "a", "2026-05-02"])), {});
});

Deno.test("a change is settled after 90 days, by upload times that cannot go back", () => {
  const change = (day: string | null) => releases(["1.0", "a", "2026-03-20"], ["1.1", "b", day]);
  deepEqual(kinds(change("2026-03-21")), { "p-1.1.tar.gz": ["publisher-changed"] });
  deepEqual(kinds(change("2026-03-21"), Date.parse("2026-06-20")), {});
  // Older than what the log has before it, or without a time: not old.
  deepEqual(kinds(change("2020-01-01")), { "p-1.1.tar.gz": ["publisher-changed"] });
  deepEqual(kinds(change(null), Date.parse("2036-01-01")), {
    "p-1.1.tar.gz": ["publisher-changed"],
  });
});

Deno.test("provenance that disappears after three releases with it is told, until it is back", () => {
  const history = releases(
    ["1.0", "a", "2026-03-20"],
    ["1.1", "a", "2026-04-01"],
    ["1.2", "a", "2026-04-02"],
    ["1.3", null, "2026-05-01"],
    ["1.4", null, "2026-05-02"],
    ["1.5", "a", "2026-05-03"],
  );
  deepEqual(kinds(history), {
    "p-1.3.tar.gz": ["provenance-disappeared"],
    "p-1.4.tar.gz": ["provenance-disappeared"],
  });
  equal(
    warningsOf(history, NOW).get("p-1.3.tar.gz")![0]!.text,
    "its entry names no publisher, after 3 releases in a row that did",
  );
  deepEqual(kinds(history.filter(({ version }) => version !== "1.1")), {});
});

Deno.test("one file without provenance in a release that has it is told", () => {
  const history = releases(
    ["1.0", "a", "2026-04-01"],
    ["1.1", "a", "2026-04-02"],
    ["1.2", "a", "2026-04-03"],
    ["1.3", "a", "2026-04-04"],
  );
  const wheel = { ...history[3]!, filename: "p-1.3-evil.whl", index: 31n, publisher: null };
  deepEqual(kinds([...history, wheel]), { "p-1.3-evil.whl": ["provenance-disappeared"] });
});

Deno.test("the first release in years is told, with what follows it at once", () => {
  const history = releases(
    ["1.0", null, "2015-01-01"],
    ["1.1", null, "2018-01-02"],
    ["1.2", null, "2018-02-02"],
    ["1.3", null, "2026-05-01"],
    ["1.4", null, "2026-05-02"],
  );
  deepEqual(kinds(history), {
    "p-1.3.tar.gz": ["first-release-in-years"],
    "p-1.4.tar.gz": ["first-release-in-years"],
  });
  equal(
    warningsOf(history, NOW).get("p-1.3.tar.gz")![0]!.text,
    "the first release in 8 years: the one before was uploaded on 2018-02-02",
  );
});

Deno.test("a project with one release, or none, has no history", () => {
  deepEqual(kinds(releases(["1.0", "a", "2026-05-01"])), {});
  deepEqual(kinds([]), {});
});
