import { equal, ok, rejects } from "node:assert/strict";
import { openRequest, sendRequest, Unreachable } from "./http_client.ts";

/** A server that answers as told. */
function serve(answer: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  return {
    url: new URL(`http://127.0.0.1:${server.addr.port}/`),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A body that says something every few milliseconds and never ends. */
function dripping(): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start: (controller) => {
      timer = setInterval(() => controller.enqueue(new Uint8Array(1)), 10);
    },
    cancel: () => clearInterval(timer),
  });
}

Deno.test("an answer that does not end is given up at the deadline, though it is never silent", async () => {
  await using server = serve(() => new Response(dripping()));
  await rejects(
    sendRequest(server.url, { maxBytes: 1e9, silence: 60_000, deadline: 200 }),
    (error) => error instanceof Unreachable && /no whole answer in 0\.2 s/.test(error.message),
  );
});

Deno.test("a redirect is refused unless it may be followed, and another origin is sent no credentials", async () => {
  const seen: (string | null)[] = [];
  await using other = serve((request) => {
    seen.push(request.headers.get("authorization"));
    return new Response("there");
  });
  await using server = serve((request) => {
    seen.push(request.headers.get("authorization"));
    return request.url.endsWith("/here") ? new Response("here") : Response.redirect(
      request.url.endsWith("/away") ? other.url : new URL("here", request.url),
      302,
    );
  });
  const headers = { authorization: "Basic secret" };
  const request = { headers, maxBytes: 100, mayFollow: () => Promise.resolve(true) };
  equal((await sendRequest(new URL("moved", server.url), request)).status, 200);
  equal((await sendRequest(new URL("away", server.url), request)).status, 200);
  equal(seen.join(), "Basic secret,Basic secret,Basic secret,");
  await rejects(openRequest(server.url, { maxBytes: 100 }), { name: "RedirectRefused" });
  const never = { maxBytes: 100, mayFollow: () => false };
  await rejects(openRequest(server.url, never), { name: "RedirectRefused" });
  ok(seen.length === 6);
});
