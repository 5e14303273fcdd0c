/**
 * The proxy on its port.
 *
 * @module
 */

import { proxyHandler } from "./http.ts";
import type { OpenProxy } from "./open_proxy.ts";

/** A proxy that answers. */
export interface Listening extends AsyncDisposable {
  /** Its root, with a final slash. */
  readonly url: URL;
  /** Its package index. */
  readonly simple: URL;
}

const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|::1)$/;
/** How long requests under way may take at the end, in milliseconds. */
const PATIENCE = 2_000;

/**
 * Listens.
 *
 * @param proxy The proxy.
 * @param hostname The address.
 * @param port The port; 0 picks a free one.
 * @param onFault Told of what should not happen.
 * @throws {Error} If it cannot listen there; its cause is Deno's.
 */
export function listen(
  proxy: OpenProxy,
  { hostname, port }: { readonly hostname: string; readonly port: number },
  onFault: (error: Error) => void,
): Listening {
  const handler = proxyHandler(proxy.desk, {
    ...(proxy.files && { files: proxy.files }),
    loopbackOnly: LOOPBACK.test(hostname),
  });
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      hostname,
      port,
      onListen: () => {},
      onError(error) {
        onFault(error as Error);
        return new Response("internal error\n", { status: 500 });
      },
    }, handler);
  } catch (cause) {
    throw new Error(
      `Cannot listen on ${hostname}:${port}: ${(cause as Error).message}`,
      { cause },
    );
  }
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const url = new URL(`http://${host}:${server.addr.port}/`);
  return {
    url,
    simple: new URL("simple/", url),
    async [Symbol.asyncDispose]() {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, PATIENCE));
      await Promise.race([server.shutdown(), late]);
      clearTimeout(timer);
    },
  };
}
