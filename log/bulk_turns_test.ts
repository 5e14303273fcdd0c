import { deepEqual, equal, rejects } from "node:assert/strict";
import { BulkTurns } from "./bulk_turns.ts";

/** Steps that end when they are told to. */
class Steps {
  readonly begun: string[] = [];
  readonly #open = new Map<string, PromiseWithResolvers<string>>();

  run(name: string): Promise<string> {
    this.begun.push(name);
    const step = Promise.withResolvers<string>();
    this.#open.set(name, step);
    return step.promise;
  }

  async end(name: string): Promise<void> {
    this.#open.get(name)!.resolve(name);
    await this.settled();
  }

  async fail(name: string): Promise<void> {
    this.#open.get(name)!.reject(new Error(name));
    await this.settled();
  }

  settled(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 0));
  }
}

Deno.test("BulkTurns reads one request while another is sequenced, in order, and no third", async () => {
  const steps = new Steps();
  const turns = new BulkTurns(4);
  const take = (n: number) =>
    turns.take(() => steps.run(`read ${n}`), () => steps.run(`sequence ${n}`));
  const all = [take(1), take(2), take(3), take(4)];
  equal(turns.full, true);
  await steps.settled();
  deepEqual(steps.begun, ["read 1"]);
  await steps.end("read 1");
  deepEqual(steps.begun, ["read 1", "sequence 1", "read 2"]);
  await steps.end("read 2");
  deepEqual(steps.begun.slice(3), ["sequence 2"]);
  await steps.end("sequence 1");
  deepEqual(steps.begun.slice(4), ["read 3"]);
  equal(turns.full, false);
  const failed = rejects(all[2]!, /read 3/);
  await steps.fail("read 3");
  await failed;
  deepEqual(steps.begun.slice(5), []);
  await steps.end("sequence 2");
  deepEqual(steps.begun.slice(5), ["read 4"]);
  await steps.end("read 4");
  await steps.end("sequence 4");
  deepEqual([await all[0], await all[1], await all[3]], ["sequence 1", "sequence 2", "sequence 4"]);
  equal(turns.full, false);
});
