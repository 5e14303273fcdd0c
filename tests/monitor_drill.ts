/**
 * What the monitor's drill is made of: whoever is told (a webhook and a mail server, both
 * real), and an operator who edits the ledger of a log that is stopped.
 */

import {
  appendLeafHash,
  bundleCount,
  concat,
  EMPTY_EDGE,
  encodeEntryBundle,
  formatCheckpoint,
  leafHash,
  LogReader,
  parseCheckpoint,
  parseNote,
  parseSkey,
  rootHash,
  signerOf,
  signNote,
  tilePath,
} from "@indelible/core";
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MailServer } from "../tools/monitor/alerts/_testing.ts";

/** How long something may take to be told. */
const PATIENCE = 60_000;

/** An alert as somebody was told of it. */
export interface Told {
  readonly id: string;
  readonly kind: string;
}

/** Whom the monitor tells. */
export class Audience implements AsyncDisposable {
  /** By webhook, each signature checked. */
  readonly byWebhook: Told[] = [];
  readonly #mail: MailServer;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #secret = crypto.getRandomValues(new Uint8Array(32));

  private constructor(mail: MailServer) {
    this.#mail = mail;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#take(request),
    );
  }

  /** Begins to listen. */
  static async start(): Promise<Audience> {
    return new Audience(await MailServer.start());
  }

  /** The flags that have it told; writes the secret. */
  async flags(folder: string): Promise<string[]> {
    const path = join(folder, "webhook.secret");
    await Deno.writeTextFile(path, `whsec_${this.#secret.toBase64()}\n`, { mode: 0o600 });
    return [
      `--webhook=http://127.0.0.1:${this.#server.addr.port}/hook`,
      `--webhook-secret-file=${path}`,
      "--allow-private-webhooks",
      "--mail-to=security@registry.example",
      "--mail-from=monitor@registry.example",
      `--smtp=${this.#mail.url.href}`,
    ];
  }

  /** By mail. */
  get byMail(): Told[] {
    return this.#mail.received.map(({ message }) => {
      const head = message.split("\r\n\r\n")[0]!.replace(/\r\n[ \t]+/g, " ");
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "mi").exec(head)![1]!;
      return { id: field("x-indelible-alert"), kind: field("x-indelible-kind") };
    });
  }

  /** Waits until an alert of a kind was told both ways. */
  async hears(kind: string): Promise<void> {
    await until(
      () => [this.byWebhook, this.byMail].every((told) => told.some((one) => one.kind === kind)),
      () => `nobody is told of ${kind}: ${JSON.stringify([this.byWebhook, this.byMail])}`,
    );
  }

  async #take(request: Request): Promise<Response> {
    const body = await request.text();
    const [id, time, signature] = ["id", "timestamp", "signature"].map((name) =>
      request.headers.get(`webhook-${name}`)
    );
    const mac = createHmac("sha256", this.#secret).update(`${id}.${time}.${body}`).digest("base64");
    if (signature !== `v1,${mac}`) return new Response("not signed", { status: 401 });
    const { data } = JSON.parse(body);
    this.byWebhook.push({ id: data.id, kind: data.kind });
    return new Response(null, { status: 204 });
  }

  /** Stops listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await this.#mail[Symbol.asyncDispose]();
  }
}

/** Waits for something. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  otherwise: () => string,
): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!await holds()) {
    if (performance.now() > deadline) assert.fail(otherwise());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Appends an entry to the data of a log that is stopped, past its door: tiles and bundle
 * are written, and the ledger says that this was committed. The log itself will ask its
 * witnesses and publish it when it starts.
 */
export async function slipIn(
  { storageDir, folder }: { readonly storageDir: string; readonly folder: string },
  entry: Uint8Array,
): Promise<void> {
  using ledger = new DatabaseSync(join(storageDir, "ledger.sqlite"));
  const row = ledger.prepare("SELECT checkpoint FROM head").get() as { checkpoint: Uint8Array };
  const head = parseCheckpoint(parseNote(row.checkpoint).text);
  const reader = new LogReader(head, (path) => Deno.readFile(join(storageDir, path)));
  const entries: Uint8Array[] = [];
  for (let bundle = 0n; bundle < bundleCount(head.size); bundle++) {
    entries.push(...await reader.readEntries(bundle));
  }
  entries.push(entry);
  const size = head.size + 1n;
  const leaves = entries.map(leafHash);
  // Nothing above level 0 is new as long as no tile becomes full.
  assert.notEqual(size % 256n, 0n);
  const bundle = (size - 1n) / 256n;
  const [start, width] = [Number(bundle) * 256, Number(size % 256n)];
  const write = async (level: number | "entries", bytes: Uint8Array<ArrayBuffer>) => {
    const path = join(storageDir, tilePath({ level, index: bundle, width }));
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, bytes);
  };
  await write(0, concat(...leaves.slice(start)));
  await write("entries", encodeEntryBundle(entries.slice(start)));
  const key = parseSkey((await Deno.readTextFile(join(folder, "private.key"))).trim());
  const text = formatCheckpoint({
    ...head,
    size,
    root: rootHash(leaves.reduce(appendLeafHash, EMPTY_EDGE)),
  });
  const note = signNote(text, [signerOf(key, () => 0n)]);
  ledger.prepare("UPDATE head SET size = ?, checkpoint = ?").run(size, note);
}
