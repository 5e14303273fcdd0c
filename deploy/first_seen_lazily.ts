/**
 * The log of what was seen first, loaded when it is wanted: without `--tofu` a proxy
 * starts without any of it.
 *
 * @module
 */

import type { Permissions } from "@indelible/core/command";
import type { ProxyOptions } from "../tools/proxy/open_proxy.ts";
import type { JudgingFlags } from "../tools/proxy/settings.ts";

/** As `first_seen.ts` has it. */
export const firstSeen = {
  /** Opens it. */
  async open(
    ...args: Parameters<ProxyOptions["openFirstSeen"]>
  ): ReturnType<ProxyOptions["openFirstSeen"]> {
    return await (await import("./first_seen.ts")).openFirstSeen(...args);
  },
  /** Adds what it takes to what a proxy may touch. */
  async permissions(flags: JudgingFlags, permissions: Permissions): Promise<Permissions> {
    if (!flags.tofu) return permissions;
    return await (await import("./first_seen.ts")).permissionsForFirstSeen(flags, permissions);
  },
};
