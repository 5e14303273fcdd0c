/**
 * Questions, a line each: asked on the terminal, or answered line by line from a pipe.
 *
 * @module
 */

import { parseUtf8, utf8 } from "@indelible/core";

const NEWLINE = 0x0a;
const MAX_LINE = 64 << 10;

/** Asks until the answer is yes or no. */
export function askYesNo(question: string, flag: string): boolean {
  for (;;) {
    const answer = ask(`${question} (yes/no): `, flag);
    if (answer === "yes" || answer === "no") return answer === "yes";
  }
}

/**
 * Asks one question.
 *
 * @param prompt What is asked, as it stands.
 * @param flag The flag that answers it too, for the message.
 * @throws {Error} If there is nobody to answer.
 */
export function ask(prompt: string, flag: string): string {
  const bytes = utf8(prompt);
  // Not among the answers of --json, and seen at once, without a newline.
  for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  const line = readLine();
  if (line === null) throw new Error(`Cannot ask: the input has ended; answer with ${flag}`);
  return line;
}

/** Reads no further than the line, so that the next question finds the next one. */
function readLine(): string | null {
  const line: number[] = [];
  const byte = new Uint8Array(1);
  for (;;) {
    const read = Deno.stdin.readSync(byte);
    if (read === null && line.length === 0) return null;
    if (read === null || byte[0] === NEWLINE) break;
    if (line.push(byte[0]!) > MAX_LINE) throw new Error("Cannot ask: the answer is too long");
  }
  return parseUtf8(Uint8Array.from(line)).replace(/\r$/, "");
}
