import { formatEntry, PYPI_V1, sha256, utf8 } from "@indelible/core";
import { deepEqual, equal } from "node:assert/strict";
import { Batch } from "./batch.ts";
import type { Outcome } from "./pool.ts";
import { Submissions } from "./submissions.ts";

/** A group of so many submissions, and what it was answered. */
function groupOf(writer: string, names: readonly string[]) {
  const submissions = new Submissions();
  for (const file of names) {
    const digest = sha256(utf8(file));
    submissions.append(
      formatEntry({ format: PYPI_V1, ecosystem: "pypi", event: "publish", file, digest }),
    );
  }
  const answers: Outcome[] = [];
  return {
    submissions,
    writerOf: (i: number) => `${writer} of ${names[i]}`,
    requests: 1,
    answers,
    resolve: (outcomeOf: (i: number) => Outcome) =>
      names.forEach((_, i) => answers.push(outcomeOf(i))),
  };
}

Deno.test("a batch knows of each submission what it is and whose, and answers its group", () => {
  const lists = [["a"], ["b", "c", "d"], [], ["e"], ["f", "g"]];
  for (let count = 1; count <= lists.length; count++) {
    const groups = lists.slice(0, count).map((names, i) => groupOf(`writer ${i}`, names));
    const names = lists.slice(0, count).flat();
    const batch = new Batch(groups);
    equal(batch.count, names.length);
    names.forEach((name, i) => {
      equal(batch.entry(i).file, name);
      const group = lists.findIndex((list) => list.includes(name));
      equal(batch.writer(i), `writer ${group} of ${name}`);
      deepEqual(batch.slab.bytes.subarray(batch.start(i), batch.end(i)), batch.bytes(i));
    });
    batch.resolve((i) => ({ kind: "unavailable", why: names[i]! }));
    const answers = groups.map(({ answers }) =>
      answers.map((answer) => "why" in answer && answer.why)
    );
    deepEqual(answers, lists.slice(0, count));
  }
  equal(new Batch([]).count, 0);
});
