/**
 * The verifying proxy before the real index, the one that pip is set up with: a few
 * projects are imported into a new log as anybody would, then installed by pip and uv.
 */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { JSON_TYPE, parseListing } from "../tools/simple/listing.ts";
import { requirePythonClients } from "./peers/python.ts";
import { runProgram } from "./programs.ts";
import { Clients, startProxy } from "./proxy_fixture.ts";
import { startLog } from "./running_log.ts";
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
];

Deno.test("the real index through the proxy: imported projects install, others do not", async () => {
  const python = await requirePythonClients();
  if (!python) return;
  await inFolder(async (folder) => {
    const index = await realIndex(python.pip);
    await Deno.mkdir(`${folder}/log`);
    await using log = await startLog({ folder: `${folder}/log` });
    const imported = await runProgram("import", [
      ...PROJECTS.map((name) => `--project=${name}`),
      `--index=${index}`,
      `--log=${log.url}`,
    ], { cwd: folder });
    equal(imported.code, 0, imported.stderr);
    await using proxy = await startProxy(folder, index, [
      `--log=${log.url}`,
      `--public-key=${log.publicKey}`,
    ]);
    const simple = `${proxy.url}simple/`;
    const clients = new Clients(python, folder);
    for (const { code, output, files } of await clients.both(simple, "requests", "six")) {
      equal(code, 0, output);
      for (const name of ["requests", "idna", "urllib3", "six.py"]) {
        ok(files.includes(name), `${name}: ${output}`);
      }
    }
    for (const { code, output } of await clients.both(simple, "tomli")) {
      ok(code !== 0);
      match(output, /refused\/not-in-the-log\/tomli-/);
    }
    const page = async (base: string) => {
      const url = new URL("six/", base);
      const response = await fetch(url, { headers: { accept: JSON_TYPE } });
      equal(response.status, 200);
      const type = response.headers.get("content-type")!;
      return parseListing(await response.bytes(), type, url, "six");
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
    const status = await (await fetch(`${proxy.url}status`)).json();
    equal(status.refused, status.files - status.passed.log);
    equal(status.checkpoint.origin, "log.test/real");
  });
});

/** The index of pip here, as its own settings say, with a final slash. */
async function realIndex(pip: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", new URL("../tools/pip_index.ts", import.meta.url).pathname],
    env: { PATH: `${pip.slice(0, pip.lastIndexOf("/"))}:${Deno.env.get("PATH")}` },
  }).output();
  const url = new TextDecoder().decode(stdout).trim();
  ok(url !== "", "pip must know an index");
  return url.endsWith("/") ? url : `${url}/`;
}
