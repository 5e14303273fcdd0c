/**
 * The tags that a wheel's name says (PEP 427, PEP 425), to tell which of a
 * release's wheels one was installed from.
 *
 * @module
 */

/** What a wheel's name says behind the version. */
export interface WheelTags {
  /** The build tag; `null` if there is none. */
  readonly build: string | null;
  /** Every tag that it stands for: `cp311-cp311-manylinux2014_x86_64`. */
  readonly tags: ReadonlySet<string>;
}

/** The tags of a wheel's name; `null` if it is no wheel's. */
export function wheelTags(filename: string): WheelTags | null {
  if (!filename.endsWith(".whl")) return null;
  const parts = filename.slice(0, -4).split("-");
  if (parts.length !== 5 && parts.length !== 6) return null;
  const [pythons, abis, platforms] = parts.slice(-3).map((part) => part.split("."));
  const tags = pythons!.flatMap((python) =>
    abis!.flatMap((abi) => platforms!.map((platform) => `${python}-${abi}-${platform}`))
  );
  return { build: parts.length === 6 ? parts[2]! : null, tags: new Set(tags) };
}

/**
 * Which of some wheels an installed one can be, likeliest first: those of all its
 * tags and its build, then those that share a tag.
 *
 * @param installed What the installed `WHEEL` file says.
 * @param filenames The wheels of the release.
 */
export function likelyWheels(installed: WheelTags, filenames: readonly string[]): string[] {
  const rank = (filename: string): number => {
    const named = wheelTags(filename);
    if (!named) return 0;
    const shared = installed.tags.intersection(named.tags).size;
    if (shared === 0) return 0;
    const same = shared === installed.tags.size && shared === named.tags.size;
    return same && installed.build === named.build ? 3 : same ? 2 : 1;
  };
  return filenames.filter((name) => rank(name) > 0).toSorted((a, b) => rank(b) - rank(a));
}
