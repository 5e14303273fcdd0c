/**
 * Zipped answers: made once, and only for those who ask.
 *
 * @module
 */

const WANTED = /(?:^|,)\s*(?:x-)?gzip\s*(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:[,;]|$)/i;

/** Whether a request asks for gzip; never when it asks for a part of the bytes. */
export function wantsGzip({ headers }: Request): boolean {
  return !headers.has("range") && WANTED.test(headers.get("accept-encoding") ?? "");
}

/** Zips bytes. */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([new Uint8Array(bytes)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
