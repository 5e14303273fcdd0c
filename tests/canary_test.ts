/**
 * F34: the canary, against real logs: behind the nginx that `deploy/nginx/` ships and
 * bare; and against sides that are not as they must be, each found out by its step.
 */

import { formatVkey } from "@indelible/core";
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { runHere } from "../tools/_testing.ts";
import { command, type StepReport } from "../tools/canary.ts";
import { checksumOf } from "./http_fixture.ts";
import { behindNginx } from "./nginx_fixture.ts";
import { runProgram } from "./programs.ts";
import {
  add,
  bulkAppend,
  madeUpFile,
  newKey,
  type RunningLog,
  startLog,
  writeLogKeys,
} from "./running_log.ts";
import { RunningWitness } from "./running_witness.ts";
import { inFolder } from "./temporary.ts";

const STEPS = [
  "checkpoint before",
  "submission",
  "the same again",
  "another digest",
  "public checkpoint",
  "growth",
  "bundle",
  "tiles",
  "public writes",
];

/** For many runs one after the other: no waiting for the next batch. */
const QUICK = ["--batch-interval=50ms"];

interface Result {
  readonly ok: boolean;
  readonly index: number | null;
  readonly size: number | null;
  readonly steps: readonly StepReport[];
}

/** Runs the canary here. */
async function canary(...args: string[]): Promise<{ code: number; result: Result }> {
  const { code, stdout, stderr } = await runHere(command, [...args, "--json"]);
  equal(stderr, "");
  return { code, result: JSON.parse(stdout) };
}

/** Runs the canary here, which must fail, and tells at which step and why. */
async function failure(...args: string[]): Promise<string> {
  const { code, result } = await canary(...args);
  deepEqual([code, result.ok], [1, false]);
  const { step, status, detail } = result.steps.at(-1)!;
  equal(status, "failed");
  deepEqual(result.steps.map(({ step }) => step), STEPS.slice(0, result.steps.length));
  return `${step}: ${detail}`;
}

type Alter = (path: string, pass: () => Promise<Response>, request: Request) => Promise<Response>;

/** Serves what a log serves, but for what is altered. */
function between(log: RunningLog, alter: Alter): AsyncDisposable & { readonly url: string } {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, search } = new URL(request.url);
    const pass = async () => {
      const { method } = request;
      const body = method === "POST" ? await request.bytes() : null;
      const headers = { "Content-Type": request.headers.get("content-type") ?? "" };
      return await fetch(log.url + pathname + search, { method, headers, body });
    };
    return alter(pathname, pass, request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** As a public side is: reads only. */
const readOnly = (alter: Alter): Alter => async (path, pass, request) =>
  request.method === "GET" ? await alter(path, pass, request) : new Response(null, { status: 405 });

async function flipped(response: Response, at: number): Promise<Response> {
  const bytes = await response.bytes();
  bytes[at]! ^= 1;
  return new Response(bytes);
}

Deno.test("F34 the canary follows its entry through a witnessed log behind nginx", () =>
  inFolder(async (folder) => {
    await using witness = await RunningWitness.start(folder);
    const token = "canary-token";
    await Deno.writeTextFile(join(folder, "token"), `${token}\n`, { mode: 0o600 });
    await Deno.writeTextFile(join(folder, "publishers"), `canary ${checksumOf(token)}\n`);
    const key = (await writeLogKeys(folder, "log.test/canary"))!;
    const policy = `log ${formatVkey(key)}\n${witness.policyLine}\nquorum ours\n`;
    await Deno.writeTextFile(join(folder, "policy"), policy);
    await witness.addLog(formatVkey(key));
    const flags = ["--publishers=publishers", "--policy=policy"];
    await using log = await startLog({ folder, flags });
    await behindNginx({ port: Number(new URL(log.url).port) }, async (sides) => {
      const args = [
        `--log=http://127.0.0.1:${sides.publishing}`,
        `--public-url=http://127.0.0.1:${sides.reading}`,
        "--policy=policy",
        "--max-age=1h",
      ];
      for (let run = 0; run < 2; run++) {
        const probe = [...args, "--token-file=token", "--json"];
        const { code, stdout, stderr } = await runProgram("canary", probe, { cwd: folder });
        deepEqual([code, stderr], [0, ""], stdout);
        const { ok, index, size, steps } = JSON.parse(stdout) as Result;
        // One new leaf a run, and no more.
        deepEqual([ok, index, size], [true, run, run + 1]);
        deepEqual(
          steps.map(({ step, status }) => [step, status]),
          STEPS.map((step) => [step, "ok"]),
        );
      }
      // What it leaves behind is no package of any registry.
      const entries = await (await fetch(`${log.url}/tile/entries/000.p/2`)).text();
      equal(
        entries.match(/^ecosystem canary\nevent publish\nfile canary-[0-9TZ]+-[0-9a-f]{8}$/gm)
          ?.length,
        2,
      );

      const forgotten = await runProgram("canary", args, { cwd: folder });
      equal(forgotten.code, 1);
      match(forgotten.stderr, /^canary: submission failed after [0-9]+ ms: .*\(401\)/);
      match(forgotten.stdout, /^ok +[0-9]+ ms {2}checkpoint before +size 2\n$/);
    });
  }));

Deno.test("F34 the canary probes a bare log, and says what it could not see", () =>
  inFolder(async (folder) => {
    await using log = await startLog({ folder });
    const args = [`--log=${log.url}`, "--public-key=public.key"];
    const { code, stdout, stderr } = await runProgram("canary", args, { cwd: folder });
    deepEqual([code, stderr], [0, ""]);
    const lines = stdout.trimEnd().split("\n");
    for (const [i, step] of STEPS.slice(0, -1).entries()) {
      match(lines[i]!, new RegExp(`^ok +[0-9]+ ms {2}${step} `));
    }
    match(lines.at(-2)!, /^skipped +0 ms {2}public writes/);
    equal(lines.at(-1), `canary: all is well at ${log.url}`);
  }));

Deno.test("F34 the canary names the step at which a public side is not as it must be", () =>
  inFolder(async (folder) => {
    await using log = await startLog({ folder, flags: QUICK });
    const trust = `--public-key=${log.publicKey}`;
    // A tree with something in it, whose tiles are full and partial.
    await bulkAppend(log.url, Array.from({ length: 300 }, (_, i) => madeUpFile(i)));
    const first = await canary(`--log=${log.url}`, trust);
    equal(first.code, 0);
    const bundles: string[] = [];
    const altered = async (alter: Alter, ...more: string[]) => {
      await using side = between(log, readOnly(alter));
      return await failure(`--log=${log.url}`, `--public-url=${side.url}`, trust, ...more);
    };

    let stale: Uint8Array<ArrayBuffer> | undefined;
    match(
      await altered(async (path, pass) => {
        if (path !== "/checkpoint") return await pass();
        stale ??= await (await pass()).bytes();
        return new Response(stale);
      }, "--timeout=2s"),
      /^public checkpoint: http\S+ still serves size 301 after 2 s, the receipt is of size 302$/,
    );
    match(
      await altered(async (path, pass) =>
        path.startsWith("/tile/0/") ? await flipped(await pass(), 40) : await pass()
      ),
      /^growth: .*root hash/,
    );
    match(
      await altered(async (path, pass) =>
        path.startsWith("/tile/entries/") ? await flipped(await pass(), 40) : await pass()
      ),
      /^tiles: entry 256 in tile\/entries\/001.p\/[0-9]+ is not the one under the root hash$/,
    );
    match(
      await altered(async (path, pass) =>
        path.startsWith("/tile/1/") ? new Response(null, { status: 404 }) : await pass()
      ),
      /^growth: the log does not serve tile\/1\/000.p\/1$/,
    );
    match(
      await altered(async (path, pass) => {
        if (path.startsWith("/bundle/")) bundles.push(await (await pass()).text());
        return path.startsWith("/bundle/")
          ? new Response("not found", { status: 404 })
          : await pass();
      }),
      /^bundle: the public side has no bundle\/canary-/,
    );
    match(
      await altered(async (path, pass) =>
        path.startsWith("/bundle/") ? new Response(bundles[0]!) : await pass()
      ),
      /^bundle: the (?:digest|name) differs/,
    );
    match(
      await altered(async (_, pass) => {
        await (await pass()).body?.cancel();
        return new Response("moved", { status: 500 });
      }),
      /^checkpoint before: http\S+ answers 500$/,
    );
    // A proxy that makes the whole world look like this machine.
    await using open = between(log, (_, pass) => pass());
    match(
      await failure(`--log=${log.url}`, `--public-url=${open.url}`, trust),
      /^public writes: \/add does not refuse writes: it answers 200$/,
    );
  }));

Deno.test("F34 the canary names the step at which a log is not as it must be", () =>
  inFolder(async (folder) => {
    await using log = await startLog({ folder, flags: QUICK });
    const trust = `--public-key=${log.publicKey}`;
    const other = join(folder, "other.key");
    await Deno.writeTextFile(other, formatVkey(newKey("log.test/real")));
    match(
      await failure(`--log=${log.url}`, `--public-key=${other}`),
      /^checkpoint before: no trusted key signed the checkpoint$/,
    );
    // One that tells every sender that the digest they sent stands.
    let kept = "";
    await using yes = between(log, async (path, pass) => {
      if (path !== "/add") return await pass();
      const response = await pass();
      if (response.status === 200) kept = await response.text();
      else await response.body?.cancel();
      return new Response(kept);
    });
    match(
      await failure(`--log=${yes.url}`, trust),
      /^another digest: a second digest was logged for it, as entry 0$/,
    );

    // One that was restored from an old backup, and went on in another way.
    const second = join(folder, "second");
    await Deno.mkdir(second);
    for (const name of ["private.key", "public.key"]) {
      await Deno.copyFile(join(folder, name), join(second, name));
    }
    await using fork = await startLog({ folder: second, flags: QUICK });
    for (let i = 0; i < 3; i++) equal((await add(fork.url, madeUpFile(i))).status, 200);
    let reads = 0;
    await using forked = between(
      fork,
      (path, pass) =>
        path === "/checkpoint" && reads++ === 0 ? fetch(`${log.url}/checkpoint`) : pass(),
    );
    match(
      await failure(`--log=${forked.url}`, trust),
      /^growth: the tree of size 1 is NOT a prefix of the tree of size 4$/,
    );
  }));

Deno.test("canary says what is missing in how it was called", async () => {
  const { code, stderr } = await runHere(command, ["--log=http://127.0.0.1:1"]);
  equal(code, 2);
  match(stderr, /^canary: whom to trust is not said/);
  await inFolder(async (folder) => {
    const key = join(folder, "public.key");
    await Deno.writeTextFile(key, formatVkey(newKey("log.test/real")));
    const args = ["--log=http://127.0.0.1:1", `--public-key=${key}`, "--max-age=1h"];
    const dated = await runHere(command, args);
    equal(dated.code, 2);
    match(dated.stderr, /^canary: --max-age is about cosignatures/);
  });
});
