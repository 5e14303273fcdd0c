/** A PostgreSQL server of our own, for tests: Debian's package, in a temporary folder. */

import { dirname, join } from "node:path";
import { requirePeer } from "./peers.ts";
import { freePort, run, startProcess } from "./process.ts";

/** A running server. */
export interface Postgres extends AsyncDisposable {
  /** URL of a new, empty database. */
  newDatabase(): Promise<string>;
  /** Dumps a database as SQL. */
  dump(url: string): Promise<string>;
  /** Fills an empty database from a dump. */
  restore(url: string, dump: string): Promise<void>;
  /** Forces the server to end at once, as a crash would, and starts it again. */
  crash(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Where Debian keeps the server's programs, which are not on the PATH. */
const DEBIAN = "/usr/lib/postgresql";

/**
 * Starts PostgreSQL on a free port of 127.0.0.1, durable as by default.
 *
 * @returns The server, or `null` if it is not installed.
 */
export async function startPostgres(): Promise<Postgres | null> {
  const bin = await findServer();
  if (bin === null) return null;
  const folder = await Deno.makeTempDir({ prefix: "indelible-postgres-" });
  const data = join(folder, "data");
  // The server refuses to run as root. This runs in place: it leaves no process between.
  const user = Deno.uid() === 0
    ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
    : [];
  const [command, ...words] = [...user, join(bin, "postgres")];
  try {
    if (user.length > 0) {
      await must("chown", ["postgres", folder]);
    }
    const [initdb, ...before] = [...user, join(bin, "initdb")];
    await must(initdb!, [
      ...before,
      `--pgdata=${data}`,
      "--auth=trust",
      "--username=test",
      "--no-sync",
    ]);
    const port = freePort();
    const start = () =>
      startProcess(command!, [
        ...words,
        "-D",
        data,
        "-h",
        "127.0.0.1",
        "-p",
        `${port}`,
        "-k",
        folder,
      ], {
        cwd: folder,
        ready: (output) => output().includes("database system is ready to accept connections"),
        // "Fast": connections that are still open do not hold it up.
        stopSignal: "SIGINT",
      });
    let server = await start();
    let databases = 0;
    let stopped = false;
    const stop = async () => {
      if (stopped) return;
      stopped = true;
      await server.stop();
      await Deno.remove(folder, { recursive: true });
    };
    return {
      async newDatabase() {
        const name = `test${++databases}`;
        await must(join(bin, "createdb"), [
          "--host=127.0.0.1",
          `--port=${port}`,
          "--username=test",
          name,
        ]);
        return `postgres://test@127.0.0.1:${port}/${name}`;
      },
      dump: (url) => must(join(bin, "pg_dump"), [`--dbname=${url}`]),
      async restore(url, dump) {
        const file = join(folder, "dump.sql");
        await Deno.writeTextFile(file, dump);
        const flags = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", `--file=${file}`];
        await must(join(bin, "psql"), [`--dbname=${url}`, ...flags]);
      },
      async crash() {
        await server.kill();
        await Deno.remove(join(data, "postmaster.pid")).catch(() => {});
        server = await start();
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

/** The folder of the server's programs. */
async function findServer(): Promise<string | null> {
  const versions: string[] = [];
  try {
    for await (const { name } of Deno.readDir(DEBIAN)) versions.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  versions.sort((a, b) => Number(b) - Number(a));
  for (const version of versions) {
    const bin = join(DEBIAN, version, "bin");
    if (await Deno.stat(join(bin, "initdb")).catch(() => null)) return bin;
  }
  const initdb = await requirePeer("initdb");
  return initdb === null ? null : dirname(await Deno.realPath(initdb));
}

async function must(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command} failed: ${stdout}${stderr}`);
  return stdout;
}
