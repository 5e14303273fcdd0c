/**
 * Where `--stream` may fetch files from. A registry names any URL it likes, and a
 * registry that was broken into would name one of this machine or its network: a
 * proxy must not fetch that for anybody (faults P4, P5).
 *
 * A name is resolved before it is fetched from, and may resolve otherwise a moment
 * later; what then still protects is that files of an https index must be https,
 * and that nothing is delivered but bytes with the logged digest.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { hostOf, isLoopback } from "../http_client.ts";

/** The addresses of a name. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const PRIVATE = new BlockList();
for (
  const [subnet, prefix] of [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["224.0.0.0", 3],
  ] as const
) PRIVATE.addSubnet(subnet, prefix, "ipv4");

/** Global unicast, the part that hides no IPv4 address. */
const PUBLIC_V6 = new BlockList();
PUBLIC_V6.addSubnet("2000::", 3, "ipv6");
const TUNNELS = new BlockList();
TUNNELS.addSubnet("2002::", 16, "ipv6");
TUNNELS.addSubnet("2001::", 32, "ipv6");

/** Whether an address is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !PRIVATE.check(address, "ipv4");
    case 6:
      return PUBLIC_V6.check(address, "ipv6") && !TUNNELS.check(address, "ipv6");
    default:
      return false;
  }
}

/** Decides it for one index. */
export class FileHosts {
  readonly #index: URL;
  readonly #named: ReadonlySet<string>;
  readonly #resolve: Resolve;

  /**
   * @param index The registry's index, which the user trusts to be where it is.
   * @param named Hosts that the user named besides, wherever they are.
   * @param resolve Resolves names.
   */
  constructor(index: URL, named: readonly string[], resolve: Resolve = resolveName) {
    this.#index = index;
    this.#named = new Set(named);
    this.#resolve = resolve;
  }

  /** Whether a file may be fetched from a URL. */
  async allow(url: URL): Promise<boolean> {
    if (url.username !== "" || url.password !== "") return false;
    const isProtected = url.protocol === "https:";
    if (!isProtected && (url.protocol !== "http:" || this.#index.protocol === "https:")) {
      return false;
    }
    if (url.host === this.#index.host || this.#named.has(hostOf(url))) return true;
    if (this.#named.has(url.hostname)) return true;
    // A registry on this machine, as one has for trying out, keeps its files there too.
    if (isLoopback(this.#index)) return true;
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0) return isPublicAddress(host);
    const addresses = await this.#resolve(host);
    return addresses.every(isPublicAddress);
  }

  /** Whether a redirect may be followed. */
  async allowRedirect(from: URL, to: URL): Promise<boolean> {
    return (from.protocol !== "https:" || to.protocol === "https:") && await this.allow(to);
  }
}

async function resolveName(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    // It cannot be connected to either, unless by a proxy that is not on our network.
    return [];
  }
}
