/**
 * A monitor that is killed while an alert is on its way: between sending and recording
 * nobody can know whether it arrived, so it is sent again, under the same id. Nothing is
 * lost, and nothing else is sent twice.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { inFolder } from "./temporary.ts";

const SENDER = fileURLToPath(new URL("testdata/alert_sender.ts", import.meta.url));
const ALERTS = 6;

Deno.test("killed at each alert in turn, a sender loses none and repeats only that one", () =>
  inFolder(async (state) => {
    /** By id, how often each was sent. */
    const sent = new Map<string, number>();
    let hold: PromiseWithResolvers<void> | null = null;
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (r) => {
      const id = r.headers.get("webhook-id")!;
      assert.equal(r.headers.get("idempotency-key"), id);
      await r.text();
      sent.set(id, (sent.get(id) ?? 0) + 1);
      // The first time it comes, its sender is killed before it gets an answer.
      if (hold && sent.get(id) === 1) {
        hold.resolve();
        await new Promise(() => {});
      }
      return new Response(null, { status: 204 });
    });
    const start = () =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--allow-all", SENDER, state, url, `${ALERTS}`],
        stdout: "null",
        stderr: "inherit",
      }).spawn();
    const url = `http://127.0.0.1:${server.addr.port}/`;
    for (let killed = 0; killed < ALERTS; killed++) {
      hold = Promise.withResolvers();
      const sender = start();
      await hold.promise;
      sender.kill("SIGKILL");
      await sender.status;
    }
    hold = null;
    for (let run = 0; run < 2; run++) assert.equal((await start().status).code, 0);
    assert.equal(sent.size, ALERTS);
    assert.deepEqual([...sent.values()], Array(ALERTS).fill(2));
    void server.shutdown();
  }));
