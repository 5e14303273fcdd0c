import { formatEntry, PYPI_V1, sha256, utf8 } from "@indelible/core";
import { deepEqual, equal } from "node:assert/strict";
import { Batch } from "./batch.ts";
import { type Outcome, Pool } from "./pool.ts";
import { Submissions } from "./submissions.ts";

function submissionsOf(...files: string[]): Submissions {
  const list = new Submissions();
  for (const file of files) {
    const digest = sha256(utf8(file));
    const entry = { format: PYPI_V1, ecosystem: "pypi", event: "publish", file, digest } as const;
    list.append(formatEntry(entry));
  }
  return list;
}

const filesOf = ({ submissions }: { readonly submissions: Submissions }) =>
  Array.from({ length: submissions.count }, (_, i) => submissions.entry(i).file);
const told = (file: string): Outcome => ({ kind: "not-published-yet", file });

Deno.test("Pool keeps the order of what comes, and who sent it", async () => {
  const pool = new Pool(100);
  const answers = [
    pool.add(submissionsOf("a"), "x"),
    pool.add(submissionsOf("b"), "x"),
    pool.add(submissionsOf("c"), "y"),
    pool.addAll(submissionsOf("d", "e"), "y").then((outcomeOf) => [outcomeOf(0), outcomeOf(1)]),
    pool.add(submissionsOf("f"), "y"),
    pool.addAll(submissionsOf(), "y").then(() => null), // Of nothing: no reason to wait.
  ];
  equal(pool.pending, 6);
  const groups = pool.take(100);
  deepEqual(groups.map((group) => [group.requests, ...filesOf(group)]), [
    [3, "a", "b", "c"],
    [1, "d", "e"],
    [1, "f"],
  ]);
  deepEqual([0, 1, 2, 3, 4, 5].map((i) => new Batch(groups).writer(i)), [..."xxyyyy"]);
  equal(pool.pending, 0);
  // What comes now is of the next batch.
  const later = pool.add(submissionsOf("g"), "y");
  for (const group of groups) group.resolve((i) => told(filesOf(group)[i]!));
  deepEqual(await Promise.all(answers), [
    told("a"),
    told("b"),
    told("c"),
    [told("d"), told("e")],
    told("f"),
    null,
  ]);
  const [last, ...more] = pool.take(100);
  deepEqual([filesOf(last!), more], [["g"], []]);
  last!.resolve(() => told("g"));
  deepEqual(await later, told("g"));
});

Deno.test("Pool gives whole groups, as many as fit and at least one", () => {
  const pool = new Pool(100);
  for (const size of [3, 2, 2, 5]) {
    pool.addAll(submissionsOf(...Array.from({ length: size }, (_, i) => `${size}-${i}`)), null);
  }
  const counts = () => pool.take(4).map(({ submissions }) => submissions.count);
  deepEqual([counts(), counts(), counts(), counts()], [[3], [2, 2], [5], []]);
});

Deno.test("Pool turns adds away past its limit, and everything once it is closed", async () => {
  const pool = new Pool(2);
  const waiting = [pool.add(submissionsOf("a"), null), pool.add(submissionsOf("b"), null)];
  deepEqual(await pool.add(submissionsOf("c"), null), {
    kind: "unavailable",
    why: "too many submissions are waiting",
  });
  const bulk = pool.addAll(submissionsOf("d", "e"), null); // Bulk requests have turns of their own.
  pool.clear("closed");
  const away = { kind: "unavailable", why: "closed" };
  deepEqual(await Promise.all(waiting), [away, away]);
  deepEqual((await bulk)(1), away);
  deepEqual(await pool.add(submissionsOf("f"), null), away);
  deepEqual((await pool.addAll(submissionsOf("g"), null))(0), away);
  equal(pool.pending, 0);
});

Deno.test("Pool.arrival() waits for so many submissions, for a close, or for the time", async () => {
  const pool = new Pool(100);
  let arrived = 0;
  const count = () => arrived++;
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
  const three = pool.arrival(null, 3).then(count);
  pool.add(submissionsOf("a"), null);
  pool.add(submissionsOf("b"), null);
  await settle();
  equal(arrived, 0);
  pool.add(submissionsOf("c"), null);
  await three;
  await pool.arrival(null); // They are there.
  await pool.arrival(1, 100);
  const never = pool.arrival(null, 100).then(count);
  pool.close("closed");
  await never;
  equal(arrived, 2);
});
