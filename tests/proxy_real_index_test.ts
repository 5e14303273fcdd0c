/**
 * The verifying proxy before the real index, the one that pip is set up with: a few
 * projects are imported into a new log as anybody would, then installed by real pip
 * and uv; then the registry and the log are made to lie, one way after the other.
 * `docs/consumers.md` quotes what the person sees in its section "The drill", and is
 * held to it: its commands are those that are run here, and each line that it quotes
 * came out of one of them.
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { JSON_TYPE, parseListing } from "../tools/simple/listing.ts";
import { requirePythonClients } from "./peers/python.ts";
import { runProgram } from "./programs.ts";
import { Clients, ReplaceableLog, startProxy, trustFlags } from "./proxy_fixture.ts";
import { Drill } from "./quoted_drill.ts";
import { buildWheel, sha256Of } from "./registry.ts";
import { RealIndex } from "./real_index.ts";
import { inFolder } from "./temporary.ts";

/** Small wheels without dependencies, and one with. */
const PROJECTS = [
  "six",
  "idna",
  "iniconfig",
  "certifi",
  "urllib3",
  "requests",
  "charset-normalizer",
  "pluggy",
];

const evil = (project: string, version: string) =>
  buildWheel(project, version, { module: 'print("owned")\n' }).bytes;

Deno.test("the real index through the proxy, and each lie of a registry or a log", async (t) => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    await using index = await RealIndex.open(python.pip);
    await using log = await ReplaceableLog.start([]);
    const importAll = async (projects: readonly string[]) => {
      const imported = await runProgram("import", [
        ...projects.map((name) => `--project=${name}`),
        `--index=${index.real}`,
        `--log=${log.url}`,
      ], { cwd: folder });
      equal(imported.code, 0, imported.stderr);
    };
    await importAll(PROJECTS);
    const flags = await trustFlags(folder, log);
    await using proxy = await startProxy(folder, index.simple, flags);
    const simple = `${proxy.url}simple/`;
    const clients = new Clients(python, folder);
    const drill = new Drill(clients, simple, proxy, [
      [log.url, "https://log.example"],
      [index.root, "https://registry.example"],
    ]);

    await t.step("what was imported installs, its bytes straight from the registry", async () => {
      for (const { code, output, files } of await clients.both(simple, "requests", "six")) {
        equal(code, 0, output);
        for (const name of ["requests", "idna", "urllib3", "six.py"]) {
          ok(files.includes(name), `${name}: ${output}`);
        }
      }
      const status = await (await fetch(`${proxy.url}status`)).json();
      equal(status.refused, status.files - status.passed.log);
      equal(status.checkpoint.origin, "log.test/proxied");
    });
    await t.step("a page says what the registry's says", () => samePage(index.real, simple));

    await t.step("a swapped file", async () => {
      index.serve("iniconfig-2.0.0-py3-none-any.whl", evil("iniconfig", "2.0.0"));
      await drill.refuses("A swapped file", "iniconfig==2.0.0");
    });
    await t.step("a swapped hash", async () => {
      const file = "six-1.17.0-py2.py3-none-any.whl";
      const bytes = evil("six", "1.17.0");
      index.serve(file, bytes);
      index.change(file, { hashes: { sha256: sha256Of(bytes) } });
      await drill.refuses("A swapped hash", "six==1.17.0");
    });
    await t.step("a hidden version", async () => {
      for (const file of ["idna-3.10-py3-none-any.whl", "idna-3.10.tar.gz"]) index.hide(file);
      const installed = await drill.installs("A hidden version", "idna<3.11");
      for (const files of installed) {
        ok(files.includes("idna-3.9.dist-info"), `${files}`);
      }
    });
    await t.step("an unlogged file", async () => {
      await drill.refuses("An unlogged file", "tomli==2.0.1");
    });
    await t.step("a forked log", async () => {
      // Under the same key: another order, and one more project.
      await log.replace([]);
      await importAll([...PROJECTS.toReversed(), "tomli"]);
      await drill.refuses("A forked log", "pluggy==1.5.0");
    });
    await t.step("a dead log", async () => {
      // Somebody else's machine: no fork was seen there, nothing proven is kept.
      await log.leave();
      const other = `${folder}/other`;
      await Deno.mkdir(other);
      await trustFlags(other, log);
      await using fresh = await startProxy(other, index.simple, flags);
      await drill.behind(fresh).refuses("A dead log", "pluggy==1.5.0");
    });
    drill.requireAllQuoted();
  });
});

/** Holds that nothing of a page is lost or added on the way, but digests that the log has not. */
async function samePage(index: string, simple: string): Promise<void> {
  const page = async (base: string) => {
    const url = new URL("urllib3/", base);
    const response = await fetch(url, { headers: { accept: JSON_TYPE } });
    equal(response.status, 200);
    const type = response.headers.get("content-type")!;
    return parseListing(await response.bytes(), type, url, "urllib3");
  };
  const [real, ours] = [await page(index), await page(simple)];
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
  deepEqual(plain(ours.members), plain(real.members));
  deepEqual(
    ours.files.map(({ members }) => plain(members)),
    real.files.map(({ members, hashes }) => {
      // What the log does not cover, and digests that it does not hold.
      const {
        "core-metadata": _,
        "data-dist-info-metadata": __,
        "dist-info-metadata": ___,
        ...rest
      } = members;
      return plain({ ...rest, hashes: { sha256: hashes.get("sha256") } });
    }),
  );
}
