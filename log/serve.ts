/**
 * Serves an open log until it is told to stop, or must. The exit code tells which.
 *
 * @module
 */

import { EXIT_FAILURE } from "@indelible/core/command";
import type { Logger } from "@logtape/logtape";
import type { Log, LogEvents } from "./log.ts";

/** Milliseconds until a server that ended listens again. */
const LISTEN_AGAIN = 250;

/** Where and how to serve. */
export interface ServeOptions {
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 picks a free one. */
  readonly port: number;
  /** Where events go. */
  readonly logger: Logger;
  /** Told of the URL once requests are answered. */
  readonly onListen: (url: string) => void;
  /** Re-reads what can change while the log runs. */
  readonly onHangUp?: () => Promise<void>;
}

/**
 * Serves a log until SIGTERM or SIGINT: then every waiting request is answered,
 * and the exit code is 0. When an invariant breaks it is 1.
 */
export async function serveLog(log: Log, options: ServeOptions): Promise<number> {
  const { logger, onHangUp } = options;
  const asked = Promise.withResolvers<string>();
  // Before the URL is printed: whoever reads it may stop us at once.
  // `deno task` and the process group may both send it: the second changes nothing.
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => asked.resolve(signal));
  }
  Deno.addSignalListener("SIGHUP", () => {
    onHangUp?.().catch((error) =>
      logger.error("not re-read: {error}", { error: (error as Error).message })
    );
  });
  const server = new LastingServer(log.handler, options);
  try {
    const signal = await Promise.race([asked.promise, log.finished.then(() => asked.promise)]);
    logger.info("stopping on {signal}", { signal });
    // Waiting requests are answered by the log; connections close behind them.
    await Promise.all([log.stop(), Promise.race([server.shutdown(), delay(4200)])]);
    logger.info("stopped at size {size}", { size: log.size() });
    return 0;
  } catch (error) {
    logger.fatal("stopped unsigned: {error}", { error: (error as Error).message });
    await Promise.race([server.shutdown(), delay(1000)]);
    return EXIT_FAILURE;
  }
}

/**
 * Deno's server ends for ever when it cannot accept a connection, and that is
 * what too many open ones bring about. This one listens again as soon as it can;
 * requests that were accepted are answered meanwhile.
 */
class LastingServer {
  readonly #handler: Log["handler"];
  readonly #options: ServeOptions;
  #current: Deno.HttpServer<Deno.NetAddr>;
  #stopping = false;

  constructor(handler: Log["handler"], options: ServeOptions) {
    this.#handler = handler;
    this.#options = options;
    try {
      this.#current = this.#listen(options.port, options.onListen);
    } catch (error) {
      const address = `${options.host}:${options.port}`;
      const why = error instanceof Deno.errors.AddrInUse
        ? "another program listens there already"
        : (error as Error).message;
      throw new Error(`Cannot listen on ${address} (--host, --port): ${why}`);
    }
  }

  /** Accepts no more connections and resolves when those that are open are done. */
  shutdown(): Promise<void> {
    this.#stopping = true;
    return this.#current.shutdown();
  }

  #listen(port: number, onListen: (url: string) => void): Deno.HttpServer<Deno.NetAddr> {
    const { host, logger } = this.#options;
    const server = Deno.serve({
      hostname: host,
      port,
      onListen: ({ port }) => onListen(`http://${host.includes(":") ? `[${host}]` : host}:${port}`),
      onError(error) {
        logger.error("request failed: {error}", { error: String(error) });
        return new Response(null, { status: 500 });
      },
    }, this.#handler);
    server.finished.catch((error) => {
      logger.error("cannot accept connections: {error}", { error: String(error) });
      return this.#listenAgain(server.addr.port);
    });
    return server;
  }

  async #listenAgain(port: number): Promise<void> {
    const { logger } = this.#options;
    while (!this.#stopping) {
      await delay(LISTEN_AGAIN);
      try {
        this.#current = this.#listen(
          port,
          (url) => logger.info("listening again on {url}", { url }),
        );
        return;
      } catch (error) {
        logger.error("cannot listen: {error}", { error: String(error) });
      }
    }
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Turns a log's events into log lines. What goes on being so, second after
 * second, is said once; so is its end.
 */
export function logEvents(logger: Logger): LogEvents {
  let unpublishedBefore: string | null = null;
  let failedBefore = "";
  return {
    batch({ unpublished, milliseconds, ...report }) {
      const properties = { ...report, milliseconds: Math.round(milliseconds) };
      if (unpublished !== null) {
        if (report.submissions > 0 || unpublished !== unpublishedBefore) {
          logger.warn(
            "batch of {submissions}: {added} added, size {size}, not published: {unpublished}, writers {writers}",
            { ...properties, unpublished },
          );
        }
      } else {
        if (unpublishedBefore !== null) {
          logger.info("size {size} is published, with all that was waiting", { size: report.size });
          failedBefore = "";
        }
        if (report.submissions > 0) {
          logger.info(
            "batch of {submissions}: {added} added, {conflicts} refused, size {size}, {milliseconds} ms, writers {writers}",
            properties,
          );
        }
      }
      unpublishedBefore = unpublished;
    },
    witnessFailure(failures, quorum) {
      // A witness that is left alone says why it was: the same as when it was asked.
      const told = failures.map((failure) => failure.replace("left alone for a while: ", ""));
      const same = JSON.stringify([[...told].sort(), quorum]);
      if (same === failedBefore) return;
      failedBefore = same;
      const verdict = quorum ? "the others are enough" : "the quorum is not reached";
      logger.warn("witnesses did not cosign, {verdict}: {failures}", {
        verdict,
        failures: told.join("; "),
        quorum,
      });
    },
    identifiersDerived(leaves, size) {
      logger.info("which files are logged, from the entries: {leaves} of {size}", { leaves, size });
    },
    fault(error, where) {
      logger.error("fault in {where}: {error}", { where, error: String(error) });
    },
  };
}
