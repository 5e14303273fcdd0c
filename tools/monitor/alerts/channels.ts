/**
 * The monitor's flags for where alerts go, what it may touch for them, and the channels
 * themselves. The program's log always tells.
 *
 * @module
 */

import { parseUtf8 } from "@indelible/core";
import { type Permissions, UsageError } from "@indelible/core/command";
import type { Logger } from "@logtape/logtape";
import { pathsToReplace, readSmallFile } from "../../files.ts";
import type { Channel } from "./channel.ts";
import { Feed } from "./feed.ts";
import { JsonLinesFile, JsonLinesOutput, LogLines } from "./lines.ts";
import { Mail, mailPort, parseAddress, parseMailServer } from "./mail.ts";
import { requireHttps, Webhook } from "./webhook.ts";
import { readWebhookSecret } from "./webhook_signature.ts";

/** Flags for where alerts go. */
export interface ChannelFlags {
  /** A file of JSON lines, `-` for standard output. */
  readonly alertsFile?: string;
  /** An Atom feed. */
  readonly feed?: string;
  /** Webhooks. */
  readonly webhook?: readonly URL[];
  /** What signs them. */
  readonly webhookSecretFile?: string;
  /** Whether they may be on this machine or a private network. */
  readonly allowPrivateWebhooks: boolean;
  /** Who is sent mail. */
  readonly mailTo?: readonly string[];
  /** Who sends it. */
  readonly mailFrom?: string;
  /** Its mail server. */
  readonly smtp?: URL;
  /** How to log in there. */
  readonly smtpUser?: string;
  /** The password for that. */
  readonly smtpPasswordFile?: string;
}

/** Those flags, as the command takes them. */
export const CHANNEL_FLAGS = {
  alertsFile: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "PATH",
    brief: "File to append alerts to as JSON Lines, or - for standard output",
  },
  feed: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "PATH",
    brief: "File to write the latest alerts to as an Atom feed",
  },
  webhook: {
    kind: "parsed",
    parse: parseWebhook,
    optional: true,
    variadic: ",",
    placeholder: "URL",
    brief: "URL to POST each alert to, signed; may be given more than once",
  },
  webhookSecretFile: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "PATH",
    brief: 'File with the secret that signs webhooks: "whsec_" and base64',
  },
  allowPrivateWebhooks: {
    kind: "boolean",
    default: false,
    withNegated: false,
    brief: "Allow webhooks over http and to addresses of this machine and private networks",
  },
  mailTo: {
    kind: "parsed",
    parse: parseAddress,
    optional: true,
    variadic: ",",
    placeholder: "ADDRESS",
    brief: "E-mail address to send each alert to; may be given more than once",
  },
  mailFrom: {
    kind: "parsed",
    parse: parseAddress,
    optional: true,
    placeholder: "ADDRESS",
    brief: "E-mail address that sends them",
  },
  smtp: {
    kind: "parsed",
    parse: parseMailServer,
    optional: true,
    placeholder: "URL",
    brief: "Mail server: smtps://host:465, or smtp://host:587 for STARTTLS",
  },
  smtpUser: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "User name at the mail server",
  },
  smtpPasswordFile: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "PATH",
    brief: "File with the password there",
  },
} as const;

function parseWebhook(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.hash
  ) return url;
  throw new SyntaxError("it must be an http or https URL without user and fragment");
}

/**
 * Refuses flags that contradict each other.
 *
 * @throws {UsageError} If they do.
 */
export function checkChannelFlags(flags: ChannelFlags): void {
  const { webhook, webhookSecretFile, mailTo, mailFrom, smtp, smtpUser, smtpPasswordFile } = flags;
  if ((webhook === undefined) !== (webhookSecretFile === undefined)) {
    throw new UsageError("--webhook=URL and --webhook-secret-file=F go together");
  }
  if (!flags.allowPrivateWebhooks) {
    for (const url of webhook ?? []) {
      try {
        requireHttps(url);
      } catch (error) {
        throw new UsageError((error as Error).message);
      }
    }
  }
  const mail = [mailTo, mailFrom, smtp];
  if (mail.some((flag) => flag !== undefined) && mail.includes(undefined)) {
    throw new UsageError("--mail-to=ADDRESS, --mail-from=ADDRESS and --smtp=URL go together");
  }
  if ((smtpUser === undefined) !== (smtpPasswordFile === undefined)) {
    throw new UsageError("--smtp-user and --smtp-password-file go together");
  }
  if (smtpUser !== undefined && smtp === undefined) {
    throw new UsageError("--smtp-user goes with --smtp");
  }
}

/** What the program may touch for them. */
export function channelPermissions(flags: ChannelFlags): Permissions {
  checkChannelFlags(flags);
  const { alertsFile, feed, webhook, webhookSecretFile, smtp, smtpPasswordFile } = flags;
  const written = [
    ...alertsFile === undefined || alertsFile === "-" ? [] : [alertsFile],
    ...feed === undefined ? [] : pathsToReplace(feed),
  ];
  return {
    read: [
      ...written,
      ...[webhookSecretFile, smtpPasswordFile].filter((path) => path !== undefined),
    ],
    write: written,
    net: [
      // Without a port: resolving a name is permitted only so.
      ...(webhook ?? []).map(({ hostname }) => hostname),
      ...smtp ? [`${smtp.hostname}:${mailPort(smtp)}`] : [],
    ],
  };
}

/**
 * Opens the channels that the flags name.
 *
 * @param flags The flags.
 * @param logger The program's log.
 * @throws {Error} If a secret cannot be read.
 */
export async function openChannels(flags: ChannelFlags, logger: Logger): Promise<Channel[]> {
  checkChannelFlags(flags);
  const channels: Channel[] = [new LogLines(logger)];
  const { alertsFile, feed, webhook, mailTo, allowPrivateWebhooks: allowPrivate } = flags;
  if (alertsFile !== undefined) {
    channels.push(alertsFile === "-" ? new JsonLinesOutput() : new JsonLinesFile(alertsFile));
  }
  if (feed !== undefined) channels.push(new Feed(feed));
  if (webhook !== undefined) {
    const secret = await readWebhookSecret(flags.webhookSecretFile!, "--webhook-secret-file");
    channels.push(...webhook.map((url) => new Webhook({ url, secret, allowPrivate })));
  }
  if (mailTo !== undefined) {
    const login = await readLogin(flags);
    const mail = { server: flags.smtp!, from: flags.mailFrom!, ...login && { login } };
    channels.push(...mailTo.map((to) => new Mail({ ...mail, to })));
  }
  return channels;
}

async function readLogin(
  { smtpUser: user, smtpPasswordFile: path }: ChannelFlags,
): Promise<{ user: string; password: string } | null> {
  if (user === undefined || path === undefined) return null;
  const password = parseUtf8(await readSmallFile(path, "--smtp-password-file")).trim();
  if (password !== "") return { user, password };
  throw new Error(`Cannot use --smtp-password-file ${path}: it is empty`);
}
