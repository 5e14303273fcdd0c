/**
 * A program for `slow_client.ts`: opens connections that say nothing, or half a
 * request line, and opens those anew that the other side closes, until its standard
 * input ends. It prints how many they are once all are open.
 */

const [count, ...ports] = Deno.args.map(Number) as [number, ...number[]];
const AT_ONCE = 100;
let open = 0;

/** Keeps one connection open, whatever the other side does. */
async function idle(i: number, opened: () => void): Promise<void> {
  for (;;) {
    const connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: ports[i % ports.length]!,
    });
    open++;
    opened();
    try {
      if (i % 3 === 0) await connection.write(new TextEncoder().encode("GET /chec"));
      await connection.read(new Uint8Array(1));
    } catch {
      // Reset.
    }
    open--;
    connection.close();
  }
}

for (let i = 0; i < count; i += AT_ONCE) {
  await Promise.all(
    Array.from(
      { length: Math.min(AT_ONCE, count - i) },
      (_, j) => new Promise<void>((resolve, reject) => idle(i + j, resolve).catch(reject)),
    ),
  );
}
console.log(open);
await Deno.stdin.readable.pipeTo(new WritableStream());
Deno.exit();
