import { equal } from "node:assert/strict";
import { HTML_TYPE, JSON_TYPE } from "../simple/listing.ts";
import { prefersJson } from "./http.ts";

for (
  const [what, accept, json] of [
    ["pip", `${JSON_TYPE}, ${HTML_TYPE}; q=0.1, text/html; q=0.01`, true],
    ["uv", `${JSON_TYPE}, ${HTML_TYPE};q=0.2, text/html;q=0.01`, true],
    ["an old pip", "text/html", false],
    ["a browser", "text/html,application/xhtml+xml,*/*;q=0.8", false],
    ["curl", "*/*", false],
    ["nothing", "", false],
    ["JSON in capitals", JSON_TYPE.toUpperCase(), true],
    ["the latest JSON", "application/vnd.pypi.simple.latest+json", true],
    ["JSON refused", `${JSON_TYPE};q=0, text/html`, false],
    ["JSON at less", `${JSON_TYPE};q=0.1, ${HTML_TYPE}`, false],
    ["nonsense", `${JSON_TYPE};q=x`, false],
  ] as const
) {
  Deno.test(`${what} ${json ? "gets" : "does not get"} JSON`, () =>
    equal(prefersJson(accept), json));
}
