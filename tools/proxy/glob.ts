/**
 * Globs over names: `*` for any text, `?` for one character. Matched by walking
 * along, never by going back further than the last `*`: no pattern takes long.
 *
 * @module
 */

/** A parsed glob: whether a name matches. */
export type Glob = (name: string) => boolean;

/**
 * Parses a glob.
 *
 * @throws {SyntaxError} If it is empty.
 */
export function parseGlob(pattern: string): Glob {
  if (pattern === "") throw new SyntaxError("it must be a name, with * and ? for what varies");
  return (name) => matches(pattern, name);
}

function matches(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let afterStar = 0;
  for (let i = 0; i < name.length;) {
    if (pattern[at] === "*") {
      star = at++;
      afterStar = i;
    } else if (pattern[at] === "?" || pattern[at] === name[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++afterStar;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}
