import { deepEqual, equal, ok } from "node:assert/strict";
import { failure, methodNotAllowed, unavailable } from "./respond.ts";

Deno.test("F33 errors and refusals are never stored, and say what is allowed", async () => {
  const refused = failure(400, "no", { field: "checksum" });
  equal(refused.headers.get("cache-control"), "no-store");
  equal(refused.headers.get("access-control-allow-origin"), null);
  deepEqual(await refused.json(), { error: "no", field: "checksum" });
  equal(methodNotAllowed("GET, HEAD").headers.get("allow"), "GET, HEAD");
});

Deno.test("F27 unavailable() spreads retries over some seconds", async () => {
  const seconds = Array.from({ length: 200 }, () => unavailable("busy").headers.get("retry-after"));
  deepEqual([...new Set(seconds)].sort(), ["1", "2", "3"]);
  deepEqual(await unavailable("busy", 7).json(), { error: "busy", index: 7 });
  ok(!("index" in await unavailable("busy").json()));
});
