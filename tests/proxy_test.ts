/**
 * The verifying proxy with real pip and uv: what installs, what does not, and what
 * the person sees. The sentences that are looked for here stand in
 * `docs/consumers.md`, word for word.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { requirePythonClients } from "./peers/python.ts";
import {
  Clients,
  type Installed,
  ReplaceableLog,
  startProxy,
  trustFlags,
} from "./proxy_fixture.ts";
import { buildWheel, Registry, sha256Of } from "./registry.ts";
import type { LoggedFile } from "./running_log.ts";
import { inFolder } from "./temporary.ts";

const DOCS = await Deno.readTextFile(new URL("../docs/consumers.md", import.meta.url))
  .catch(() => "");

/** What is in the log: every file of the registry as it was published. */
function logged(registry: Registry): LoggedFile[] {
  return [...registry.files.values()].map(({ filename, bytes }) => ({
    filename,
    checksum: `sha256:${sha256Of(bytes)}`,
  }));
}

/** Holds that both clients were refused a file, for a reason that the documents explain. */
function bothRefused([pip, uv]: [Installed, Installed], reason: string, file: string): void {
  const url = `http://127.0.0.1:8082/refused/${reason}/${file}`;
  failed(pip, `ERROR: HTTP error 403 while getting ${url}`);
  failed(uv, `error: Failed to fetch: ${url}`);
  ok(DOCS.includes(`\`${reason}\``), `docs/consumers.md must explain ${reason}`);
}

/** Holds that a client failed, installed nothing and said so. */
function failed({ code, output, files }: Installed, why: string): void {
  ok(code !== 0, `it must fail: ${output}`);
  deepEqual(files, []);
  const plain = output.replaceAll(/\s+/g, " ");
  ok(plain.includes(why), `expected "${why}" in: ${output}`);
}

/** Holds that a client failed, installed nothing and said a sentence that the documents quote. */
function refused(one: Installed, quote: string): void {
  failed(one, quote);
  quoted(one.output, quote);
}

/** Holds that something was said as the documents quote it. */
function quoted(output: string, quote: string): void {
  const plain = output.replaceAll(/\s+/g, " ");
  ok(plain.includes(quote), `expected "${quote}" in: ${output}`);
  ok(DOCS.replaceAll(/\s+/g, " ").includes(quote), `docs/consumers.md must quote: ${quote}`);
}

function installed({ code, output, files }: Installed, ...names: string[]): void {
  equal(code, 0, output);
  for (const name of names) ok(files.includes(name), `${name} in ${files}: ${output}`);
}

Deno.test("pip and uv behind the proxy: what is in the log installs, whatever was changed does not", async (t) => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    registry.publishWheel("good", "1.0", { requires: ["good-dependency>=1"] });
    registry.publishWheel("good-dependency", "1.0");
    registry.publishWheel("good-dependency", "1.1");
    for (const version of ["1.0", "1.1"]) {
      for (const name of ["swapped-bytes", "swapped-hash", "no-digest", "moved"]) {
        registry.publishWheel(name, version);
      }
    }
    registry.publishWheel("unlogged", "1.0");
    registry.publishWheel("hidden", "1.0");
    registry.publishWheel("hidden", "1.1");
    registry.publishWheel("mine", "1.0");
    await using log = await ReplaceableLog.start(
      logged(registry).filter(({ filename }) => filename !== "mine-1.0-py3-none-any.whl"),
    );
    registry.publishWheel("unlogged", "1.1");
    const flags = await trustFlags(folder, log);
    await using proxy = await startProxy(folder, registry.simple, [...flags, "--exempt=mine"]);
    const simple = `${proxy.url}simple/`;
    const clients = new Clients(python, folder);
    const evil = 'import os; print("owned")\n';

    await t.step(
      "a logged file and its dependency install, bytes straight from the registry",
      async () => {
        registry.requests.length = 0;
        for (const one of await clients.both(simple, "good")) {
          installed(one, "good.py", "good_dependency-1.1.dist-info");
        }
        ok(registry.requests.includes("GET /files/good-1.0-py3-none-any.whl"));
      },
    );

    await t.step("an index without JSON, too", async () => {
      registry.form = "html";
      for (const one of await clients.both(simple, "good")) installed(one, "good.py");
      registry.form = "both";
    });

    await t.step(
      "swapped bytes: the client itself finds that they are not the logged ones",
      async () => {
        const file = registry.file("swapped_bytes-1.1-py3-none-any.whl");
        file.bytes = buildWheel("swapped-bytes", "1.1", { module: evil }).bytes;
        const [pip, uv] = await clients.both(simple, "swapped-bytes");
        refused(pip, "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.");
        refused(uv, "Hash mismatch for `swapped-bytes==1.1`");
      },
    );

    await t.step(
      "swapped bytes with their own digest listed: refused by name of the reason",
      async () => {
        const file = registry.file("swapped_hash-1.1-py3-none-any.whl");
        file.bytes = buildWheel("swapped-hash", "1.1", { module: evil }).bytes;
        file.sha256 = sha256Of(file.bytes);
        bothRefused(
          await clients.both(simple, "swapped-hash"),
          "digest-differs-from-the-log",
          "swapped_hash-1.1-py3-none-any.whl",
        );
        // A pin of the tampered digest does not help it either.
        await Deno.writeTextFile(
          `${folder}/pinned.txt`,
          `swapped-hash==1.1 --hash=sha256:${file.sha256}\n`,
        );
        const pinned = await clients.pip(simple, "--require-hashes", "-r", `${folder}/pinned.txt`);
        failed(pinned, "HTTP error 403 while getting http://127.0.0.1:8082/refused/digest-differs");
      },
    );

    await t.step(
      "an unlogged newest version is refused loudly: no older one in its place",
      async () => {
        const file = "unlogged-1.1-py3-none-any.whl";
        bothRefused(await clients.both(simple, "unlogged"), "not-in-the-log", file);
        for (const one of await clients.both(simple, "unlogged==1.0")) {
          installed(one, "unlogged.py", "unlogged-1.0.dist-info");
        }
      },
    );

    await t.step("no digest listed: the log's stands in, and the client checks it", async () => {
      const file = registry.file("no_digest-1.1-py3-none-any.whl");
      file.sha256 = null;
      for (const one of await clients.both(simple, "no-digest")) installed(one, "no_digest.py");
      file.bytes = buildWheel("no-digest", "1.1", { module: evil }).bytes;
      const [pip, uv] = await clients.both(simple, "no-digest");
      refused(pip, "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.");
      refused(uv, "Hash mismatch for `no-digest==1.1`");
    });

    await t.step(
      "another logged file under this one's URL is refused: names count, not digests alone",
      async () => {
        const file = registry.file("moved-1.1-py3-none-any.whl");
        file.members["url"] = `${registry.root}/files/moved-9.9-py3-none-any.whl`;
        bothRefused(
          await clients.both(simple, "moved"),
          "registry-url-names-another-file",
          "moved-1.1-py3-none-any.whl",
        );
      },
    );

    await t.step(
      "a hidden version: an older one installs, and the proxy says what is missing",
      async () => {
        for (const one of await clients.both(simple, "hidden")) {
          installed(one, "hidden-1.1.dist-info");
        }
        registry.file("hidden-1.1-py3-none-any.whl").listed = false;
        for (const one of await clients.both(simple, "hidden")) {
          installed(one, "hidden-1.0.dist-info");
        }
        quoted(
          proxy.output(),
          "proxy: warning: hidden-1.1-py3-none-any.whl: no longer listed, though the log has it: withdrawn, or hidden",
        );
      },
    );

    await t.step(
      "an exempt project installs on the registry's word, and the log is not asked",
      async () => {
        const asked: string[] = [];
        log.fault = (request) => {
          request.clone().text().then((text) => asked.push(text));
          return null;
        };
        for (const one of await clients.both(simple, "mine")) installed(one, "mine.py");
        log.fault = () => null;
        deepEqual(asked.filter((text) => text.includes("mine")), []);
      },
    );

    await t.step("what is not there is not there, and a name is written one way", async () => {
      const [pip, uv] = await clients.both(simple, "nowhere");
      refused(pip, "No matching distribution found for nowhere");
      refused(uv, "nowhere was not found in the package registry");
      const response = await fetch(`${simple}Good.Dependency`, { redirect: "manual" });
      equal(response.status, 301);
      equal(response.headers.get("location"), "/simple/good-dependency/");
      await response.body?.cancel();
    });

    await t.step("the proxy tells the whole story", async () => {
      const why = async (file: string) => {
        const response = await fetch(`${proxy.url}why/${file}`);
        return await response.text();
      };
      match(await why("good-1.0-py3-none-any.whl"), /passes: the log proves its digest/);
      const story = await why("swapped_hash-1.1-py3-none-any.whl");
      match(story, /REFUSED: the registry lists another digest than the one that was logged/);
      const { bytes } = buildWheel("swapped-hash", "1.1");
      match(story, new RegExp(`log says +sha256:${sha256Of(bytes)}`));
      match(story, /checkpoint +log\.test\/proxied, size [0-9]+, witnessed by nobody/);
      const status = await (await fetch(`${proxy.url}status`)).json();
      ok(status.met.includes("not-in-the-log/unlogged-1.1-py3-none-any.whl"));
    });
  });
});

Deno.test("a log that goes away: what it proved installs for --max-age, the rest is refused", async (t) => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    registry.publishWheel("known", "1.0");
    registry.publishWheel("other", "1.0");
    await using log = await ReplaceableLog.start(logged(registry));
    const flags = await trustFlags(folder, log);
    const clients = new Clients(python, folder);
    const [known, other] = ["known-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"];
    {
      await using proxy = await startProxy(folder, registry.simple, flags);
      const simple = `${proxy.url}simple/`;
      for (const one of await clients.both(simple, "known")) installed(one, "known.py");
      await log.leave();
      await t.step("while the proxy runs", async () => {
        for (const one of await clients.both(simple, "known")) installed(one, "known.py");
        bothRefused(await clients.both(simple, "other"), "log-unreachable", other);
        quoted(proxy.output(), "proxy: trouble: Cannot reach http://127.0.0.1:");
      });
    }
    await t.step("and after a restart, from what is kept on disk", async () => {
      await using proxy = await startProxy(folder, registry.simple, flags);
      const simple = `${proxy.url}simple/`;
      for (const one of await clients.both(simple, "known")) installed(one, "known.py");
      bothRefused(await clients.both(simple, "other"), "log-unreachable", other);
    });
    await t.step("but not for longer than --max-age", async () => {
      await using proxy = await startProxy(folder, registry.simple, [...flags, "--max-age=1ms"]);
      const both = await clients.both(`${proxy.url}simple/`, "known");
      bothRefused(both, "log-unreachable", known);
    });
    await t.step("nor changed meanwhile", async () => {
      await using proxy = await startProxy(folder, registry.simple, flags);
      const file = registry.file(known);
      file.bytes = buildWheel("known", "1.0", { module: "evil" }).bytes;
      file.sha256 = sha256Of(file.bytes);
      const both = await clients.both(`${proxy.url}simple/`, "known");
      bothRefused(both, "digest-differs-from-the-log", known);
    });
  });
});

Deno.test("a forked log: everything is refused, the evidence is kept, also after a restart", async () => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    registry.publishWheel("known", "1.0");
    registry.publishWheel("other", "1.0");
    const files = logged(registry);
    await using log = await ReplaceableLog.start(files);
    const flags = await trustFlags(folder, log);
    const clients = new Clients(python, folder);
    const reason = "log-shows-two-histories";
    const [known, other] = ["known-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl"];
    {
      await using proxy = await startProxy(folder, registry.simple, flags);
      const simple = `${proxy.url}simple/`;
      for (const one of await clients.both(simple, "known")) installed(one, "known.py");
      // Another history under the same key, grown further than the one before.
      await log.replace([...files.toReversed(), { ...files[0]!, filename: "new-1.0.tar.gz" }]);
      bothRefused(await clients.both(simple, "other"), reason, other);
      // What was proven before is not to be relied on either.
      bothRefused(await clients.both(simple, "known"), reason, known);
      quoted(
        proxy.output(),
        "shows two histories: its checkpoint of size 3 is not consistent with the one of size 2 accepted before",
      );
    }
    const kept = [...Deno.readDirSync(`${folder}/state/heads`)].map(({ name }) => name);
    equal(kept.filter((name) => name.includes("split-view")).length, 2, kept.join());
    // The log goes back to the first history, or is away: the evidence stands.
    await log.replace(files);
    for (const away of [false, true]) {
      if (away) await log.leave();
      await using proxy = await startProxy(folder, registry.simple, flags);
      bothRefused(await clients.both(`${proxy.url}simple/`, "known"), reason, known);
    }
  });
});

Deno.test("--on-missing=warn and --cooldown let through and leave out what they say, and no more", async () => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    registry.publishWheel("changed", "1.0");
    await using log = await ReplaceableLog.start(logged(registry));
    const changed = registry.file("changed-1.0-py3-none-any.whl");
    changed.bytes = buildWheel("changed", "1.0", { module: "evil" }).bytes;
    changed.sha256 = sha256Of(changed.bytes);
    registry.publishWheel("unlogged", "1.0");
    registry.publishWheel("unlogged", "2.0", {
      members: { "upload-time": new Date().toISOString() },
    });
    const bare = registry.publishWheel("bare", "1.0");
    bare.sha256 = null;
    const flags = await trustFlags(folder, log);
    await using proxy = await startProxy(folder, registry.simple, [
      ...flags,
      "--on-missing=warn",
      "--cooldown=3d",
    ]);
    const simple = `${proxy.url}simple/`;
    const clients = new Clients(python, folder);
    for (const one of await clients.both(simple, "unlogged")) {
      installed(one, "unlogged-1.0.dist-info");
    }
    quoted(
      proxy.output(),
      "proxy: warning: unlogged-1.0-py3-none-any.whl: the log has no entry for this file",
    );
    match(
      await (await fetch(`${proxy.url}why/unlogged-2.0-py3-none-any.whl`)).text(),
      /LEFT OUT: .* newer than --cooldown/,
    );
    const changedFile = "changed-1.0-py3-none-any.whl";
    bothRefused(await clients.both(simple, "changed"), "digest-differs-from-the-log", changedFile);
    // Never an entry without a digest, whoever lets it through.
    const bareFile = "bare-1.0-py3-none-any.whl";
    bothRefused(await clients.both(simple, "bare"), "registry-lists-no-sha256", bareFile);
  });
});

Deno.test("--tofu: what was seen first stands, across projects and restarts, without any log", async () => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    registry.publishWheel("lib", "1.0");
    registry.publishWheel("lib", "1.1");
    const clients = new Clients(python, folder);
    {
      await using proxy = await startProxy(folder, registry.simple, ["--tofu"]);
      for (const one of await clients.both(`${proxy.url}simple/`, "lib")) installed(one, "lib.py");
    }
    registry.publishWheel("lib", "1.2");
    const file = registry.file("lib-1.1-py3-none-any.whl");
    file.bytes = buildWheel("lib", "1.1", { module: "evil" }).bytes;
    file.sha256 = sha256Of(file.bytes);
    await using proxy = await startProxy(folder, registry.simple, ["--tofu"]);
    const simple = `${proxy.url}simple/`;
    for (const one of await clients.both(simple, "lib")) installed(one, "lib-1.2.dist-info");
    const both = await clients.both(simple, "lib==1.1");
    bothRefused(both, "digest-differs-from-first-seen", "lib-1.1-py3-none-any.whl");
    const bare = registry.publishWheel("bare", "1.0");
    bare.sha256 = null;
    const bareFile = "bare-1.0-py3-none-any.whl";
    bothRefused(await clients.both(simple, "bare"), "registry-lists-no-sha256", bareFile);
  });
});
