import { equal } from "node:assert/strict";
import { HeadMemory, TrustedHead } from "../trusted_head.ts";
import { warmUp } from "./warm_up.ts";

const answers: [string, () => Response][] = [
  ["says no", () => new Response(null, { status: 503 })],
  ["is none", () => new Response("<html>")],
  ["leads elsewhere", () => Response.redirect("http://127.0.0.1:1/", 302)],
];
for (const [what, answer] of answers) {
  Deno.test(`warmUp() settles, and accepts nothing, when the log ${what}`, async () => {
    const asked: string[] = [];
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url }) => {
        asked.push(new URL(url).pathname);
        return answer();
      },
    );
    const heads = new HeadMemory();
    let kept = 0;
    heads.swap = () => Promise.resolve(++kept > 0);
    const policy = { logs: [], witnesses: [], groups: new Map(), quorum: null };
    const trusted = new TrustedHead(policy, heads, () => Promise.resolve(null));
    const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
    await warmUp({ log: { url, trusted }, signal: new AbortController().signal });
    equal(asked.join(), "/checkpoint");
    equal(kept, 0);
  });
}
