/**
 * Versions as PEP 440 compares them, as far as telling whether two spellings are
 * the same version: `1.0`, `v1.0.0` and `1.0-0` read as installers read them.
 *
 * @module
 */

const VERSION = new RegExp(
  "^v?(?:(?<epoch>[0-9]+)!)?(?<release>[0-9]+(?:\\.[0-9]+)*)" +
    "(?:[-_.]?(?<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?<preNumber>[0-9]*))?" +
    "(?<post>-(?<bare>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?<postNumber>[0-9]*))?" +
    "(?<dev>[-_.]?dev[-_.]?(?<devNumber>[0-9]*))?" +
    "(?:\\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$",
);

const PRE = new Map(
  Object.entries({ alpha: "a", beta: "b", c: "rc", pre: "rc", preview: "rc" }),
);

/**
 * The one spelling of a version; what PEP 440 does not know stays as it is.
 *
 * @param version The version.
 * @returns It without its local part, and that.
 */
function canonical(version: string): { readonly common: string; readonly local: string | null } {
  const text = version.trim().toLowerCase();
  const parts = VERSION.exec(text)?.groups;
  if (!parts) return { common: text, local: null };
  const number = (digits: string | undefined) => BigInt(digits || "0").toString();
  const release = parts["release"]!.split(".").map(number);
  while (release.length > 1 && release.at(-1) === "0") release.pop();
  const pre = parts["pre"];
  const common = [
    `${number(parts["epoch"])}!${release.join(".")}`,
    pre ? (PRE.get(pre) ?? pre) + number(parts["preNumber"]) : "",
    parts["post"] ? `.post${number(parts["bare"] ?? parts["postNumber"])}` : "",
    parts["dev"] ? `.dev${number(parts["devNumber"])}` : "",
  ].join("");
  const local = parts["local"]?.split(/[-_.]/).map((part) =>
    /^[0-9]+$/.test(part) ? number(part) : part
  );
  return { common, local: local?.join(".") ?? null };
}

/**
 * Whether a version is the one that was asked for. Asked for without a local part
 * (`+cu121`), it may have any, as PEP 440 has it for `==`.
 *
 * @param asked What was asked for.
 * @param found The version of what is there.
 */
export function isVersion(asked: string, found: string): boolean {
  const [a, b] = [canonical(asked), canonical(found)];
  return a.common === b.common && (a.local === null || a.local === b.local);
}
