import { utf8 } from "@indelible/core";
import { UsageError } from "@indelible/core/command";
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { inFolder } from "../../_testing.ts";
import {
  delivery,
  HOSTILE,
  hostile,
  MailServer,
  notice,
  QUIET,
  receiver,
  SECRET,
} from "./_testing.ts";
import {
  type ChannelFlags,
  channelPermissions,
  checkChannelFlags,
  openChannels,
} from "./channels.ts";
import { jsonLine, JsonLinesFile } from "./lines.ts";
import { Mail, parseAddress, parseMailServer } from "./mail.ts";
import { Webhook } from "./webhook.ts";
import { readWebhookSecret, webhookSecret } from "./webhook_signature.ts";

Deno.test("a webhook is signed, and says which alert it is", async () => {
  const got: { headers: Headers; body: string }[] = [];
  await using hook = receiver(async (request) => {
    got.push({ headers: request.headers, body: await request.text() });
    return new Response(null, { status: 204 });
  });
  const secret = await webhookSecret(SECRET);
  const webhook = new Webhook({ url: hook.url, secret, allowPrivate: true, now: () => 99_500 });
  await webhook.deliver(hostile(), delivery());
  const { headers, body } = got[0]!;
  assert.equal(headers.get("webhook-id"), hostile().id);
  assert.equal(headers.get("idempotency-key"), hostile().id);
  assert.equal(headers.get("webhook-timestamp"), "99");
  const mac = createHmac("sha256", SECRET).update(`${hostile().id}.99.${body}`).digest("base64");
  assert.equal(headers.get("webhook-signature"), `v1,${mac}`);
  assert.equal(JSON.parse(body).data.summary, HOSTILE);
  assert.equal(JSON.parse(body).type, "alert.watched");
  assert.doesNotMatch(webhook.name, /key=1/);
});

Deno.test("a webhook that answers no, or with a redirect, has not been told", async () => {
  const asked: string[] = [];
  await using hook = receiver((request) => {
    asked.push(request.method);
    return asked.length === 1
      ? new Response(null, { status: 307, headers: { location: "/elsewhere" } })
      : new Response("no", { status: 500 });
  });
  const secret = await webhookSecret(SECRET);
  const webhook = new Webhook({ url: hook.url, secret, allowPrivate: true });
  await assert.rejects(
    webhook.deliver(notice(1), delivery()),
    /redirect \(307\), which is refused/,
  );
  await assert.rejects(webhook.deliver(notice(1), delivery()), /answers 500/);
  assert.deepEqual(asked, ["POST", "POST"]);
});

Deno.test("a webhook at an address inside is refused before anything is sent", async () => {
  const secret = await webhookSecret(SECRET);
  const refused = (url: string, addresses: string[] = []) =>
    assert.rejects(
      new Webhook({
        url: new URL(url),
        secret,
        allowPrivate: false,
        resolve: () => Promise.resolve(addresses),
      }).deliver(notice(1), delivery()),
      /not of the public internet|is not https|has no address/,
      url,
    );
  for (
    const host of [
      "127.0.0.1",
      "2130706433",
      "0x7f.1",
      "0.0.0.0",
      "10.1.2.3",
      "169.254.169.254",
      "192.168.0.1",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "[fe80::1]",
      "[fd00::1]",
    ]
  ) await refused(`https://${host}/`);
  await refused("https://hook.example/", ["10.0.0.1"]);
  await refused("https://hook.example/", ["8.8.8.8", "::1"]);
  await refused("https://hook.example/", []);
  await refused("http://hook.example/", ["8.8.8.8"]);
});

Deno.test("a webhook's secret is read strictly and never told", () =>
  inFolder(async (folder) => {
    const path = join(folder, "secret");
    const write = (text: string) => Deno.writeTextFile(path, text);
    await write(`whsec_${SECRET.toBase64()}\n`);
    await readWebhookSecret(path, "--webhook-secret-file");
    for (const text of ["", "whsec_", "whsec_c2hvcnQ=", SECRET.toBase64(), "whsec_!!!!"]) {
      await write(text);
      await assert.rejects(readWebhookSecret(path, "--webhook-secret-file"), (error: Error) => {
        assert.match(error.message, /^Cannot use --webhook-secret-file .*: it must hold "whsec_"/);
        return !error.message.includes("c2hvcnQ");
      });
    }
  }));

Deno.test("a mail reaches a real server once for each recipient, hostile text as text", async () => {
  await using server = await MailServer.start({ login: { user: "monitor", password: "p w" } });
  const options = { server: server.url, from: "monitor@log.example", to: "security@log.example" };
  const mail = new Mail({ ...options, login: { user: "monitor", password: "p w" } });
  await mail.deliver(hostile(), delivery());
  mail.close();
  const [{ to, message }] = server.received as [typeof server.received[0]];
  assert.deepEqual(to, ["security@log.example"]);
  const head = message.split("\r\n\r\n")[0]!.replace(/\r\n[ \t]+/g, " ");
  assert.doesNotMatch(head, /^bcc/im);
  assert.match(head, /^Subject: \[notice\] x\\u\{d\}\\u\{a\}Bcc: all@evil\.example/m);
  assert.match(head, new RegExp(`^Message-ID: <${hostile().id}\\.[0-9a-f]{8}@log\\.example>`, "m"));
  assert.match(head, /^Auto-Submitted: auto-generated/m);
  for (const one of ["\u202e", "\u0000", "\u0007", "=E2=80=AE"]) assert.ok(!message.includes(one));

  const wrong = new Mail({ ...options, login: { user: "monitor", password: "other" } });
  await assert.rejects(wrong.deliver(notice(2), delivery()), /wrong password|Invalid login/);
  wrong.close();
  // A password is not left out because a server does not ask for one.
  await using open = await MailServer.start();
  const plain = new Mail({ ...options, server: open.url });
  open.refusals.push("mailbox full");
  await assert.rejects(plain.deliver(notice(3), delivery()), /mailbox full/);
  await plain.deliver(notice(3), delivery());
  plain.close();
  assert.equal(open.received.length, 1);
});

Deno.test("a mail server elsewhere must speak TLS; one that is gone is told", async () => {
  await using server = await MailServer.start();
  const options = { from: "monitor@log.example", to: "security@log.example" };
  // By this address the server is not known to be this machine.
  const elsewhere = new URL(`smtp://0.0.0.0:${server.port}`);
  const mail = new Mail({ ...options, server: elsewhere });
  await assert.rejects(mail.deliver(notice(1), delivery()), /STARTTLS/);
  mail.close();
  assert.equal(server.received.length, 0);
  const gone = new Mail({ ...options, server: new URL("smtp://127.0.0.1:1") });
  await assert.rejects(gone.deliver(notice(1), delivery()), /Cannot reach smtp:\/\/127\.0\.0\.1:1/);
  gone.close();
});

Deno.test("addresses and mail servers are plain", () => {
  for (const text of ["a@b\r\nBcc: c@d", "A <a@b.example>", "a@b,c@d", "a b@c", "@b", "a@", ""]) {
    assert.throws(() => parseAddress(text), SyntaxError, text);
  }
  for (
    const text of ["mail.example", "http://mail.example", "smtp://u:p@m.example", "smtp://m/x"]
  ) {
    assert.throws(() => parseMailServer(text), SyntaxError, text);
  }
  assert.equal(parseMailServer("smtps://mail.example").hostname, "mail.example");
});

Deno.test("a line that was torn by a crash is ended, and its alert written whole and once", () =>
  inFolder(async (folder) => {
    const path = join(folder, "alerts.jsonl");
    await new JsonLinesFile(path).deliver(notice(1));
    const whole = await Deno.readTextFile(path);
    for (const torn of [1, 40, whole.length - 1]) {
      await Deno.writeTextFile(path, whole + JSON.stringify(hostile(2)).slice(0, torn));
      const file = new JsonLinesFile(path);
      for (const one of [notice(1), hostile(2)]) await file.deliver(one);
      const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
      const read = lines.filter((_, i) => i !== 1).map((line) => JSON.parse(line).summary);
      assert.deepEqual(read, [notice(1).summary, HOSTILE]);
    }
  }));

Deno.test("a line of JSON can be shown on a terminal, and says the same", () => {
  const summary = "\u009b2J\u202egnp\u200b\u{e0041}\ufeff é";
  const line = jsonLine(notice(1, { summary }));
  assert.match(line, /^[\x20-\x7eé]+\n$/);
  assert.equal(JSON.parse(line).summary, summary);
});

Deno.test("the flags for alerts go together, and permit what they need alone", () =>
  inFolder(async (folder) => {
    const none: ChannelFlags = { allowPrivateWebhooks: false };
    const webhook = [new URL("https://hook.example/a")];
    for (
      const wrong of [
        { ...none, webhook },
        { ...none, webhookSecretFile: "s" },
        { ...none, webhook: [new URL("http://hook.example/")], webhookSecretFile: "s" },
        { ...none, mailTo: ["a@b"] },
        { ...none, mailTo: ["a@b"], mailFrom: "a@b", smtp: new URL("smtps://m"), smtpUser: "u" },
      ]
    ) assert.throws(() => checkChannelFlags(wrong), UsageError);
    const secret = join(folder, "secret");
    await Deno.writeFile(secret, utf8(`whsec_${SECRET.toBase64()}`));
    const flags: ChannelFlags = {
      ...none,
      webhook,
      webhookSecretFile: secret,
      mailTo: ["a@log.example", "b@log.example"],
      mailFrom: "m@log.example",
      smtp: new URL("smtps://mail.example"),
      feed: "feed.atom",
      alertsFile: "-",
    };
    assert.deepEqual(channelPermissions(flags), {
      read: ["feed.atom", "feed.atom.tmp", secret],
      write: ["feed.atom", "feed.atom.tmp"],
      net: ["hook.example", "mail.example:465"],
    });
    const channels = await openChannels(flags, QUIET);
    const names = channels.map(({ name }) => name.replace(/[0-9a-f]{8}$/, "…"));
    assert.deepEqual(names, [
      "log",
      "lines -",
      "feed feed.atom",
      "webhook hook.example …",
      "mail a@log.example",
      "mail b@log.example",
    ]);
    for (const channel of channels) channel.close?.();
  }));
