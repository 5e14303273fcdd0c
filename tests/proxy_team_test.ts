/** The proxy of a team: the nginx site of `docs/consumers.md` before it, and pip and uv behind that. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { requirePeer } from "./peers/peers.ts";
import { freePort, startProcess } from "./peers/process.ts";
import { requirePythonClients } from "./peers/python.ts";
import { Clients, ReplaceableLog, startProxy, trustFlags } from "./proxy_fixture.ts";
import { Registry } from "./registry.ts";
import { inFolder } from "./temporary.ts";

const DOCS = await Deno.readTextFile(new URL("../docs/consumers.md", import.meta.url));

Deno.test("behind the web server that the documents show, what is logged installs and the rest is refused", async () => {
  const nginx = await requirePeer("nginx");
  const python = await requirePythonClients();
  if (nginx === null || !python) return;
  await inFolder(async (folder) => {
    await using registry = new Registry();
    registry.publishWheel("app", "1.0");
    await using log = await ReplaceableLog.start(
      [...registry.files.values()].map(({ filename, sha256 }) => ({
        filename,
        checksum: `sha256:${sha256}`,
      })),
    );
    registry.publishWheel("unlogged", "1.0");
    await using proxy = await startProxy(folder, registry.simple, await trustFlags(folder, log));
    const port = freePort();
    const site = /^server \{\n[^]*?^\}$/m.exec(DOCS)![0]
      // A port and a certificate of one's own are all that may differ.
      .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
      .replace("127.0.0.1:8082", new URL(proxy.url).host);
    const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    await Deno.writeTextFile(
      `${folder}/nginx.conf`,
      `daemon off; pid ${folder}/pid; error_log ${folder}/error.log notice;
      ${Deno.uid() === 0 ? "user root;" : ""} events { }
      http { access_log ${folder}/access.log;
      ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ")}
      ${site} }`,
    );
    const front = `http://127.0.0.1:${port}`;
    const running = await startProcess(nginx, ["-p", folder, "-c", `${folder}/nginx.conf`], {
      ready: async () => {
        const response = await fetch(`${front}/status`);
        await response.body?.cancel();
        return response.headers.get("server")?.startsWith("nginx") ?? false;
      },
    });
    try {
      const clients = new Clients(python, folder);
      for (const { code, output, files } of await clients.both(`${front}/simple/`, "app")) {
        equal(code, 0, output);
        ok(files.includes("app.py"));
      }
      // The refusal is at the name that the team knows, and no address of the proxy shows.
      for (const { code, output, files } of await clients.both(`${front}/simple/`, "unlogged")) {
        ok(code !== 0);
        deepEqual(files, []);
        ok(output.includes("/refused/not-in-the-log/unlogged-1.0-py3-none-any.whl"), output);
      }
      const page = await (await fetch(`${front}/simple/unlogged/`)).text();
      ok(!page.includes(new URL(proxy.url).host), page);
      const spelled = await fetch(`${front}/simple/App`, { redirect: "manual" });
      deepEqual([spelled.status, spelled.headers.get("location")], [301, "/simple/app/"]);
      await spelled.body?.cancel();
    } finally {
      await running.stop();
    }
  });
});
