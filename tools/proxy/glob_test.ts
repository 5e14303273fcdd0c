import { equal, throws } from "node:assert/strict";
import { parseGlob } from "./glob.ts";

for (
  const [pattern, name, matches] of [
    ["mine", "mine", true],
    ["mine", "mine-too", false],
    ["mine-*", "mine-too", true],
    ["mine-*", "mine-", true],
    ["mine-*", "mine", false],
    ["*-internal", "a-b-internal", true],
    ["*-internal", "internal", false],
    ["*", "", true],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b*", "xxbxxaxx", false],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["a.c", "abc", false],
    ["a**c", "abbc", true],
  ] as const
) {
  Deno.test(`glob "${pattern}" ${matches ? "matches" : "does not match"} "${name}"`, () => {
    equal(parseGlob(pattern)(name), matches);
  });
}

Deno.test("no glob takes long", () => {
  const name = "a".repeat(20_000);
  equal(parseGlob(`${"*a".repeat(200)}*b`)(name), false);
});

Deno.test("an empty glob is refused", () => {
  throws(() => parseGlob(""), { name: "SyntaxError" });
});
