/**
 * Limits an address by its failed requests alone: a log in good standing is
 * never slowed. Behind one address a log and a stranger may stand together, so
 * an address that was cosigned for lately is still heard when its failures are
 * over the limit; only the answers to its failures are cut short.
 *
 * @module
 */

/** How to limit. */
export interface RateLimitOptions {
  /** Failed requests that an address may make a minute; 0 for no limit. */
  readonly failures: number;
  /** The time in milliseconds, never going back. */
  readonly clock: () => number;
}

/** What an address did of late. */
interface Standing {
  /** When its current minute began. */
  since: number;
  /** Failed requests in it. */
  failures: number;
  /** When a request of it was last cosigned. */
  succeeded: number;
}

const WINDOW = 60_000;
/** For how long a success counts. */
const GOOD_STANDING = 24 * 60 * WINDOW;
/** Addresses remembered; the one heard of least lately is forgotten first. */
const MAX_ADDRESSES = 10_000;

/** Counts failures by address. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #addresses = new Map<string, Standing>();

  /**
   * Has counted nothing yet.
   *
   * @param options How to limit.
   */
  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Whether a request is refused before it is looked at. */
  refuses(address: string): boolean {
    const standing = this.#addresses.get(keyOf(address));
    return standing !== undefined && this.#isOver(standing) &&
      this.#options.clock() - standing.succeeded > GOOD_STANDING;
  }

  /**
   * Counts a failed request.
   *
   * @returns Whether the address is over its limit with it.
   */
  failed(address: string): boolean {
    const standing = this.#standing(address);
    standing.failures++;
    return this.#isOver(standing);
  }

  /** Remembers that the address is that of a log in good standing. */
  succeeded(address: string): void {
    this.#standing(address).succeeded = this.#options.clock();
  }

  #isOver({ since, failures }: Standing): boolean {
    const limit = this.#options.failures;
    return limit > 0 && failures > limit &&
      this.#options.clock() - since < WINDOW;
  }

  #standing(address: string): Standing {
    const key = keyOf(address);
    const now = this.#options.clock();
    const standing = this.#addresses.get(key) ??
      { since: now, failures: 0, succeeded: -Infinity };
    if (now - standing.since >= WINDOW) {
      standing.since = now;
      standing.failures = 0;
    }
    this.#addresses.delete(key);
    this.#addresses.set(key, standing);
    if (this.#addresses.size > MAX_ADDRESSES) {
      this.#addresses.delete(this.#addresses.keys().next().value!);
    }
    return standing;
  }
}

/** One subscriber has a whole /64 of IPv6, so its first four groups count. */
function keyOf(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (v4) return v4[1]!;
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%")[0]!.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail ? tail.split(":") : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  return [...front, ...Array(zeros).fill("0"), ...back].slice(0, 4).join(":");
}
