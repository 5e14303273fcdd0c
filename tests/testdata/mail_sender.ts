/** Sends one alert by mail; for the test that gives it a certificate to trust. */

import { makeAlert } from "../../tools/monitor/alerts/alert.ts";
import { Mail } from "../../tools/monitor/alerts/mail.ts";

const mail = new Mail({
  server: new URL(Deno.args[0]!),
  from: "monitor@log.example",
  to: "security@log.example",
  login: { user: "monitor", password: "secret" },
});
const { evidence: _, ...notice } = makeAlert({
  kind: "watched",
  origin: "log.test/mail",
  now: Date.now(),
  summary: "an entry is watched",
  identity: { index: "1" },
});
try {
  await mail.deliver(notice, { signal: new AbortController().signal, recent: () => [] });
  console.log("sent");
} catch (error) {
  console.log((error as Error).message);
}
mail.close();
