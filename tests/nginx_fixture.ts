/** Runs the nginx that `deploy/nginx/` ships before a log of a test. */

import { fileURLToPath } from "node:url";
import { requirePeer } from "./peers/peers.ts";
import { freePort, startProcess } from "./peers/process.ts";
import { request } from "./raw_http.ts";
import { inFolder } from "./temporary.ts";

const SHIPPED = fileURLToPath(new URL("../deploy/nginx/", import.meta.url));

/** The two sides of a log behind nginx. */
export interface Sides {
  /** Port of the read-only side. */
  readonly reading: number;
  /** Port of the side for publishers. */
  readonly publishing: number;
  /** Port of the read-only side for HTTP/2, which over TLS shares the other. */
  readonly readingHttp2: number;
}

/** Runs a test with the shipped files before a log: other addresses, shorter time limits. */
export async function behindNginx(
  log: { readonly port: number },
  test: (sides: Sides) => Promise<void>,
): Promise<void> {
  const nginx = await requirePeer("nginx");
  if (nginx === null) return;
  await inFolder(async (folder) => {
    const sides = { reading: freePort(), publishing: freePort(), readingHttp2: freePort() };
    for await (const { name } of Deno.readDir(SHIPPED)) {
      const text = (await Deno.readTextFile(SHIPPED + name))
        .replaceAll("/etc/nginx/indelible/", `${folder}/`)
        .replaceAll("/var/cache/nginx/indelible", `${folder}/cache`)
        .replaceAll("server 127.0.0.1:8080", `server 127.0.0.1:${log.port}`)
        .replace(/^(client_header_timeout|keepalive_timeout) [0-9]+s;$/gm, "$1 3s;")
        .replace(/^ *(?:listen \[::\]|ssl_|server_name ).*$/gm, "")
        .replace(
          /listen 443 ssl http2/,
          `listen 127.0.0.1:${sides.reading}; listen 127.0.0.1:${sides.readingHttp2} http2`,
        )
        .replace(/listen 10.0.0.5:8443 ssl http2/, `listen 127.0.0.1:${sides.publishing}`);
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    await Deno.writeTextFile(
      `${folder}/nginx.conf`,
      `daemon off; pid ${folder}/pid; error_log ${folder}/error.log notice;
      ${Deno.uid() === 0 ? "user root;" : ""}
      worker_processes 1; worker_rlimit_nofile 20000; events { worker_connections 16384; }
      http { access_log ${folder}/access.log; include ${folder}/site.conf;
      ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ")} }`,
    );
    const running = await startProcess(nginx, ["-p", folder, "-c", `${folder}/nginx.conf`], {
      ready: async () =>
        (await request(sides.reading, ["GET /healthz HTTP/1.1"])).headers.get("server") === "nginx",
    });
    try {
      await test(sides);
    } finally {
      await running.stop();
    }
  });
}
