/**
 * Words of a command line that people copy: a file name is hostile input, and a
 * shell must not read more than a name in it.
 *
 * @module
 */

/** Quotes a word for a POSIX shell, unless it is plain. A path that starts with `-` is no flag. */
export function shellWord(word: string): string {
  const path = word.startsWith("-") ? `./${word}` : word;
  return /^[\w.+\/:=@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** The one command that verifies a file against the proof saved beside it. */
export function verifyCommand(file: string): string {
  return `npx -y deno@2.9.6 task verify ${shellWord(file)} --policy=policy`;
}
