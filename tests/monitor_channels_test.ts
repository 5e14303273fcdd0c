/**
 * What receives alerts, written by others: the recipe of `docs/monitor.md` verifies a
 * webhook, and a strict XML parser reads the feed.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { delivery, hostile, notice, receiver, SECRET } from "../tools/monitor/alerts/_testing.ts";
import { Feed } from "../tools/monitor/alerts/feed.ts";
import { Webhook } from "../tools/monitor/alerts/webhook.ts";
import { webhookSecret } from "../tools/monitor/alerts/webhook_signature.ts";
import { requirePeer } from "./peers/peers.ts";
import { run } from "./peers/process.ts";
import { inFolder } from "./temporary.ts";

Deno.test("the recipe of docs/monitor.md verifies a webhook, and nothing that was changed", async () => {
  const python = await requirePeer("python3");
  if (python === null) return;
  const got: { headers: Record<string, string>; body: string }[] = [];
  await using hook = receiver(async (request) => {
    got.push({ headers: Object.fromEntries(request.headers), body: await request.text() });
    return new Response(null, { status: 200 });
  });
  const secret = await webhookSecret(SECRET);
  const webhook = new Webhook({ url: hook.url, secret, allowPrivate: true });
  await webhook.deliver(hostile(), delivery());
  const docs = await Deno.readTextFile(new URL("../docs/monitor.md", import.meta.url));
  const recipe = /^```python\n([\s\S]*?)^```$/m.exec(docs)![1]!;
  const [{ headers, body }] = got as [typeof got[0]];
  const cases = [
    [headers, body],
    [headers, body.replace("watched", "Watched")],
    [{ ...headers, "webhook-id": "another" }, body],
    [{ ...headers, "webhook-timestamp": `${Number(headers["webhook-timestamp"]) + 1}` }, body],
    [{ ...headers, "webhook-timestamp": "1" }, body],
    [{ ...headers, "webhook-signature": "v1,AAAA" }, body],
  ];
  const script = `${recipe}\nimport json, sys\n` +
    "print(json.dumps([verify(sys.argv[1], h, b.encode()) for h, b in json.loads(sys.argv[2])]))";
  const args = ["-c", script, `whsec_${SECRET.toBase64()}\n`, JSON.stringify(cases)];
  const { stdout, stderr } = await run(python, args);
  assert.equal(stderr, "");
  assert.deepEqual(JSON.parse(stdout), [true, false, false, false, false, false]);
});

Deno.test("the feed is well-formed XML that shows hostile text as text, once each", () =>
  inFolder(async (folder) => {
    const python = await requirePeer("python3");
    if (python === null) return;
    const path = join(folder, "alerts.atom");
    const feed = new Feed(path);
    const notices = [hostile(2), notice(1)];
    for (const one of notices) await feed.deliver(one, delivery(notices));
    // Another process that has to tell one of them again writes the same.
    const before = await Deno.readTextFile(path);
    await new Feed(path).deliver(notices[0]!, delivery(notices));
    const text = await Deno.readTextFile(path);
    assert.equal(text, before);
    for (const one of ["<script", "\u202e", "\u0000"]) assert.ok(!text.includes(one));
    // Python's expat refuses whatever is not well-formed.
    const script = "import sys, json, xml.etree.ElementTree as e\n" +
      "f = e.parse(sys.argv[1]).getroot(); a = '{http://www.w3.org/2005/Atom}'\n" +
      "print(json.dumps([[x.find(a + 'id').text, x.find(a + 'title').text, " +
      "x.find(a + 'updated').text] for x in f.findall(a + 'entry')] + [f.find(a + 'id').text]))";
    const { stdout, stderr, code } = await run(python, ["-c", script, path]);
    assert.equal(code, 0, stderr);
    const [first, second, id] = JSON.parse(stdout);
    assert.match(first[0], /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    assert.match(first[1], /<script>alert\(1\)<\/script>/);
    assert.equal(second[2], notices[1]!.time);
    assert.match(id, /^urn:uuid:/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["alerts.atom"]);
  }));
