/** Raises some alerts and delivers them by webhook; for the test that kills it. */

import { getLogger } from "@logtape/logtape";
import { makeAlert } from "../../tools/monitor/alerts/alert.ts";
import { Outbox } from "../../tools/monitor/alerts/outbox.ts";
import { Webhook } from "../../tools/monitor/alerts/webhook.ts";
import { webhookSecret } from "../../tools/monitor/alerts/webhook_signature.ts";

const [state, url, count] = Deno.args as [string, string, string];
const secret = await webhookSecret(new Uint8Array(32));
const outbox = await Outbox.open({
  state,
  channels: [new Webhook({ url: new URL(url), secret, allowPrivate: true })],
  logger: getLogger("alert-sender"),
});
for (let n = 0; n < Number(count); n++) {
  await outbox.raise(makeAlert({
    kind: "watched",
    origin: "log.test/crash",
    now: Date.now(),
    summary: `entry ${n}`,
    identity: { index: `${n}` },
  }));
}
console.log("raised");
Deno.exit(await outbox.settle() ? 0 : 1);
