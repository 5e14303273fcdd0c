/**
 * Damage while nobody looked: bits that flipped at rest, files that are empty,
 * cut, missing, replaced by links, or from an older backup. The log refuses to
 * start, names the object, and never makes anything anew; what it does not read
 * at the start, fsck finds.
 */

import { formatVkey, KeyType, parsePolicy, sha256, signerKey, utf8 } from "@indelible/core";
import { createWitness, MemoryStore } from "@indelible/witness";
import { equal, match, ok, rejects } from "node:assert/strict";
import { openStorage } from "../log/open_storage.ts";
import { NotStored } from "../log/storage/failure.ts";
import { checksumOf } from "./log_client.ts";
import { runProgram } from "./programs.ts";
import { inFolder } from "./temporary.ts";
import { type Stores, TestLog, VKEY, withMethods } from "./test_log.ts";

const names = (label: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${label}-${i}.tar.gz`);

/** Of a tree of 300: all that its next batch grows from. */
const RIGHT_EDGE = ["checkpoint", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"];

/** The stores as they are, but for what is read at one path. */
function reading(path: string, bytes: Uint8Array | null): (stores: Stores) => Stores {
  return ({ ledger, objects }) => ({
    ledger,
    objects: withMethods(objects, {
      read: (asked) => asked === path ? Promise.resolve(bytes) : objects.read(asked),
    }),
  });
}

async function grown(log: TestLog, size: number): Promise<void> {
  await log.open();
  equal(await log.client.bulk(names("file", size)), "logged");
  await log.check();
}

Deno.test("a log refuses to start when any byte of its right edge is another, naming the object", async () => {
  await using log = TestLog.inMemory();
  await grown(log, 300);
  const objects = new Map<string, Uint8Array>();
  for (const path of RIGHT_EDGE) {
    const response = await log.client.send!(`/${path}`);
    objects.set(path, new Uint8Array(await response.arrayBuffer()));
  }
  await log.stop();
  const refuses = async (path: string, bytes: Uint8Array | null, what: string) => {
    const opened = log.open({ wrap: reading(path, bytes) });
    await rejects(opened, ({ message }) => message.includes(path), `${path}: ${what}`);
  };
  for (const [path, bytes] of objects) {
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << (at % 8);
      await refuses(path, flipped, `byte ${at}`);
    }
    for (const length of new Set([0, 1, 31, bytes.length - 32, bytes.length - 1])) {
      await refuses(path, bytes.slice(0, length), `cut to ${length}`);
    }
    await refuses(path, new Uint8Array([...bytes, 0]), "a byte too many");
    await refuses(path, new Uint8Array(bytes.length), "zeroes");
    await refuses(path, null, "missing");
  }
  await log.open();
  equal((await log.check()).size, 300);
});

Deno.test("a log in a folder refuses to start on damage, leaves it as it is, and starts once it is undone", async () => {
  await inFolder(async (folder) => {
    const data = `${folder}/data`;
    await using log = TestLog.inFolder(data);
    await grown(log, 300);
    equal(await log.stop(), null);
    const garbage = (path: string) => {
      const size = Deno.statSync(path).size;
      Deno.writeFileSync(path, crypto.getRandomValues(new Uint8Array(Math.min(size, 60_000))));
    };
    const damages: Record<string, (path: string) => void> = {
      "zero-length": (path) => Deno.truncateSync(path, 0),
      "garbage": garbage,
      "cut": (path) => Deno.truncateSync(path, Math.floor(Deno.statSync(path).size / 2)),
      "missing": (path) => Deno.removeSync(path),
      "a folder": (path) => {
        Deno.removeSync(path);
        Deno.mkdirSync(path);
      },
      "a link": (path) => {
        Deno.renameSync(path, `${folder}/elsewhere`);
        Deno.symlinkSync(`${folder}/elsewhere`, path);
      },
    };
    for (const path of [...RIGHT_EDGE, "ledger.sqlite"]) {
      const file = `${data}/${path}`;
      const good = Deno.readFileSync(file);
      for (const [what, damage] of Object.entries(damages)) {
        damage(file);
        const before = treeOf(data);
        const named = path === "ledger.sqlite" ? /ledger/ : new RegExp(path.replaceAll(".", "\\."));
        await rejects(log.open(), named, `${path}: ${what}`);
        equal(treeOf(data), before, `${path}: ${what}: something was changed`);
        if (what !== "missing") Deno.removeSync(file, { recursive: true });
        Deno.writeFileSync(file, good);
      }
    }
    await log.open();
    equal((await log.check()).size, 300);
  });
});

Deno.test("a log never follows a link that was planted in its folders", async () => {
  await inFolder(async (folder) => {
    const data = `${folder}/data`;
    const outside = `${folder}/outside`;
    await using log = TestLog.inFolder(data);
    await grown(log, 250);
    equal(await log.stop(), null);
    for (const path of ["tile", "tile/0", "tile/entries", "tile/0/000.p", ".tmp"]) {
      Deno.renameSync(`${data}/${path}`, outside);
      Deno.symlinkSync(outside, `${data}/${path}`);
      const before = treeOf(outside);
      await rejects(log.open(), /it is not a folder/, path);
      equal(treeOf(outside), before);
      Deno.removeSync(`${data}/${path}`);
      Deno.renameSync(outside, `${data}/${path}`);
    }
  });
});

Deno.test("a log stops when a link is in the way of what it writes, and goes on when it is gone", async () => {
  for (const path of ["tile/0/000", "tile/entries/000", "tile/1"]) {
    await inFolder(async (folder) => {
      const data = `${folder}/data`;
      const outside = `${folder}/outside`;
      await using log = TestLog.inFolder(data);
      await grown(log, 250);
      Deno.mkdirSync(outside);
      Deno.symlinkSync(path === "tile/1" ? outside : `${outside}/new`, `${data}/${path}`);
      equal(await log.client.bulk(names("more", 10)), "unavailable");
      match(String(await log.stop()), /not a (plain file|folder)/);
      await rejects(log.open(), new RegExp(path));
      equal(treeOf(outside), "");
      Deno.removeSync(`${data}/${path}`);
      await log.open();
      equal(await log.client.bulk(names("more", 10)), "logged");
      equal((await log.check()).size, 260);
    });
  }
});

Deno.test("a log does not begin again where its ledger is lost and its objects are not", async () => {
  for (const kept of [["checkpoint", "tile"], ["tile"], ["checkpoint"]]) {
    await inFolder(async (folder) => {
      const data = `${folder}/data`;
      await using log = TestLog.inFolder(data);
      await grown(log, 5);
      equal(await log.stop(), null);
      Deno.renameSync(data, `${folder}/lost`);
      Deno.mkdirSync(data);
      for (const name of kept) Deno.renameSync(`${folder}/lost/${name}`, `${data}/${name}`);
      const before = treeOf(data);
      await rejects(log.open(), /ledger/, kept.join());
      equal(treeOf(data), before, `${kept}: something was made anew`);
      Deno.renameSync(`${folder}/lost/ledger.sqlite`, `${data}/ledger.sqlite`);
      for (const name of ["checkpoint", "tile"]) {
        if (!kept.includes(name)) Deno.renameSync(`${folder}/lost/${name}`, `${data}/${name}`);
      }
      await log.open();
      equal((await log.check()).size, 5);
    });
  }
});

Deno.test("fsck names a stored object in which a bit has flipped", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/public.key`, VKEY + "\n");
    await using log = TestLog.inFolder(`${folder}/data`);
    await grown(log, 600);
    equal(await log.stop(), null);
    const fsck = () =>
      runProgram("fsck", ["--log=data", "--public-key=public.key"], { cwd: folder });
    for (
      const path of ["tile/0/000", "tile/entries/001", "tile/1/000.p/2", "tile/entries/002.p/88"]
    ) {
      const file = `${folder}/data/${path}`;
      const good = Deno.readFileSync(file);
      const flipped = good.slice();
      flipped[good.length >> 1]! ^= 1;
      Deno.writeFileSync(file, flipped);
      const { code, stdout, stderr } = await fsck();
      equal(code, 1, path);
      ok((stdout + stderr).includes(path), `${path}: ${stdout}${stderr}`);
      Deno.writeFileSync(file, good);
    }
    const { code, stdout, stderr } = await fsck();
    equal(code, 0, stdout + stderr);
  });
});

/** A folder as it was, put in place of what it became. */
class Backup {
  readonly #data: string;
  readonly #copy: string;

  constructor(data: string, copy: string) {
    this.#data = data;
    this.#copy = copy;
    copyTree(data, copy);
  }

  /** Restores some of it: all but `but`, or only `only`. */
  restore(which: "ledger" | "objects" | "all"): void {
    for (const { name } of Deno.readDirSync(this.#data)) {
      const isLedger = name.startsWith("ledger");
      if (which !== "all" && isLedger !== (which === "ledger")) continue;
      Deno.removeSync(`${this.#data}/${name}`, { recursive: true });
    }
    for (const { name } of Deno.readDirSync(this.#copy)) {
      const isLedger = name.startsWith("ledger");
      if (which !== "all" && isLedger !== (which === "ledger")) continue;
      copyTree(`${this.#copy}/${name}`, `${this.#data}/${name}`);
    }
  }
}

Deno.test("a log refuses a stale ledger with newer objects, and stale objects with a newer ledger", async () => {
  for (const which of ["ledger", "objects"] as const) {
    await inFolder(async (folder) => {
      const data = `${folder}/data`;
      await using log = TestLog.inFolder(data);
      await grown(log, 10);
      equal(await log.stop(), null);
      const old = new Backup(data, `${folder}/old`);
      await log.open();
      equal(await log.client.bulk(names("newer", 5)), "logged");
      equal(await log.stop(), null);
      const now = new Backup(data, `${folder}/now`);
      old.restore(which);
      const before = treeOf(data);
      await rejects(log.open(), /older copy/, which);
      equal(treeOf(data), before);
      now.restore("all");
      await log.open();
      equal((await log.check()).size, 15);
    });
  }
});

Deno.test("a log refuses a checkpoint of another history, though it is smaller and well signed", async () => {
  await using shown = TestLog.inMemory();
  await grown(shown, 12);
  const note = new Uint8Array(await (await shown.client.send!("/checkpoint")).arrayBuffer());
  for (const size of [12, 15, 300]) {
    await using log = TestLog.inMemory();
    await log.open({
      // Committed and applied, but never published.
      wrap: ({ ledger, objects }) => ({
        ledger,
        objects: withMethods(objects, {
          replace: () => Promise.reject(new NotStored("full", "there is no room")),
        }),
      }),
    });
    equal(await log.client.bulk(names("other", size)), "unavailable");
    equal(log.log.size(), size);
    equal(await log.stop(), null);
    await rejects(log.open({ wrap: reading("checkpoint", note) }), /checkpoint|ledger/, `${size}`);
    await log.open();
    equal((await log.check()).size, size);
  }
});

Deno.test("a log that is an older copy as a whole is stopped by its witness before it signs", async () => {
  await inFolder(async (folder) => {
    const key = signerKey("w.test", KeyType.ed25519Cosignature, sha256(utf8("w")));
    const logs = [{ origin: VKEY.split("+")[0]!, vkeys: [VKEY] }];
    const { fetch } = await createWitness({ store: new MemoryStore(), keys: [key], logs });
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => fetch(request),
    );
    const line = `witness w ${formatVkey(key)} http://127.0.0.1:${server.addr.port}`;
    const policy = parsePolicy(utf8(`log ${VKEY}\n${line}\nquorum w\n`));
    try {
      const data = `${folder}/data`;
      await using log = TestLog.inFolder(data);
      await log.open({ policy });
      equal(await log.client.bulk(names("file", 10)), "logged");
      equal(await log.stop(), null);
      const old = new Backup(data, `${folder}/old`);
      await log.open({ policy });
      equal(await log.client.bulk(names("newer", 5)), "logged");
      equal(await log.stop(), null);
      const now = new Backup(data, `${folder}/now`);
      old.restore("all");
      await rejects(log.open({ policy }), /older than what it has published/);
      await using storage = await openStorage(data);
      equal((await storage.ledger.load()).head?.size, 10, "nothing was signed");
      await storage[Symbol.asyncDispose]();
      now.restore("all");
      await log.open({ policy });
      equal(await log.client.add("newest.tar.gz"), "logged");
      equal(await log.client.add("newer-0.tar.gz", checksumOf("other")), "conflict");
      equal((await log.check()).size, 16);
      equal(await log.stop(), null);
    } finally {
      await server.shutdown();
    }
  });
});

function copyTree(from: string, to: string): void {
  if (!Deno.statSync(from).isDirectory) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to);
  for (const { name } of Deno.readDirSync(from)) copyTree(`${from}/${name}`, `${to}/${name}`);
}

/** Every name below a folder, with what it is: any change shows. */
function treeOf(folder: string): string {
  return [...Deno.readDirSync(folder)].map(({ name, isDirectory, isSymlink }) => {
    const path = `${folder}/${name}`;
    if (isSymlink) return `${name} -> ${Deno.readLinkSync(path)}\n`;
    if (isDirectory) return `${name}/\n${treeOf(path).replace(/^(?=.)/gm, "  ")}`;
    return `${name} ${new Uint8Array(sha256(Deno.readFileSync(path))).toHex()}\n`;
  }).sort().join("");
}
