/**
 * One `start` at a time on a data folder, and a second one is told where the first
 * is. What decides is a lock of the operating system on the file `running`, which
 * ends with its process; what stands in that file is for people.
 *
 * @module
 */

import { join } from "node:path";

/** The sole right to run on a data folder, until it is disposed of. */
export interface Running extends Disposable {
  /** Notes where it listens, for whoever tries as well. */
  listensOn(url: string): void;
}

/**
 * Takes that right, making the folder if it is missing.
 *
 * @param folder The data folder.
 * @throws {Error} If another process has it; the message says which, and where it listens.
 */
export function runAlone(folder: string): Running {
  Deno.mkdirSync(folder, { recursive: true });
  const path = join(folder, "running");
  const file = Deno.openSync(path, { read: true, write: true, create: true });
  if (!file.tryLockSync(true)) {
    file.close();
    throw new Error(`A log is running on the folder ${folder} already${whereabouts(path)}`);
  }
  const note = (text: string): void => {
    file.truncateSync();
    file.seekSync(0, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode(text));
  };
  note(`${Deno.pid}`);
  return {
    listensOn: (url) => note(`${Deno.pid} ${url}`),
    [Symbol.dispose]() {
      note("");
      file.close();
    },
  };
}

/** What its holder has noted, as far as it has. */
function whereabouts(path: string): string {
  const [pid, url] = Deno.readTextFileSync(path).split(" ");
  if (!pid) return "";
  const where = url ? `, at ${url}` : "";
  return `${where}: stop it with \`kill ${pid}\`, or name another folder with --data`;
}
