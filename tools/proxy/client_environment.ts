/**
 * How a command is led to the proxy and nowhere else: the variables that pip and
 * uv read. What would lead past it is set aside: further indexes, which pip gives
 * equal rank, and places with files that no index lists. Pure.
 *
 * @module
 */

/** What the user has set that matters here. */
export const READ_VARIABLES = [
  "PIP_EXTRA_INDEX_URL",
  "PIP_FIND_LINKS",
  "PIP_NO_INDEX",
  "UV_INDEX",
  "UV_EXTRA_INDEX_URL",
  "UV_FIND_LINKS",
  "UV_NO_INDEX",
  "NO_PROXY",
  "no_proxy",
] as const;

/** Those that say where files come from, besides the index. */
const SET_ASIDE = READ_VARIABLES.filter((name) => /^(?:PIP|UV)_/.test(name));

/** The variables for a command, and which of the user's they overrule. */
export interface ClientEnvironment {
  /** To be set. */
  readonly variables: Readonly<Record<string, string>>;
  /** The user's that are set aside, by name. */
  readonly setAside: readonly string[];
}

/**
 * Works out the variables.
 *
 * @param simple The proxy's index.
 * @param noFiles URL of a folder without files.
 * @param own The user's values of {@linkcode READ_VARIABLES}.
 */
export function clientEnvironment(
  simple: URL,
  noFiles: URL,
  own: (name: string) => string | undefined,
): ClientEnvironment {
  const around = [own("NO_PROXY") || own("no_proxy"), simple.hostname].filter((host) => host)
    .join(",");
  return {
    variables: {
      PIP_INDEX_URL: simple.href,
      // An empty value would leave pip's configuration in force. The same index twice is one.
      PIP_EXTRA_INDEX_URL: simple.href,
      PIP_FIND_LINKS: noFiles.href,
      PIP_NO_INDEX: "0",
      UV_DEFAULT_INDEX: simple.href,
      UV_INDEX_URL: "",
      UV_INDEX: "",
      UV_EXTRA_INDEX_URL: "",
      UV_FIND_LINKS: "",
      UV_NO_INDEX: "0",
      // This machine is not reached through a web proxy.
      NO_PROXY: around,
      no_proxy: around,
    },
    setAside: SET_ASIDE.filter((name) => own(name)),
  };
}

const OPTIONS = [
  "--index-url",
  "--extra-index-url",
  "--index",
  "--default-index",
  "--no-index",
  "--find-links",
  "-i",
  "-f",
];

/**
 * The option of a pip or uv command that would lead past the proxy; `null` if there
 * is none. Other commands are not looked into.
 *
 * @param words The command.
 */
export function leadsPast(words: readonly string[]): string | null {
  const [program = "", ...rest] = words;
  const name = program.split("/").at(-1)!;
  const isPip = /^pip[0-9.]*$/.test(name) || (/^python[0-9.]*$/.test(name) && rest[1] === "pip");
  // What `uv run` is given belongs to the program that it runs.
  const isUv = name === "uv" && !["run", "tool"].includes(rest[0] ?? "");
  if (!isPip && !isUv) return null;
  for (const word of rest) {
    if (word === "--") return null;
    const found = OPTIONS.find((option) =>
      word === option ||
      (option.startsWith("--")
        ? word.startsWith(`${option}=`)
        : word.startsWith(option) && !word.startsWith("--"))
    );
    if (found) return found;
  }
  return null;
}
