/**
 * Work on a list, some of it at once.
 *
 * @module
 */

/**
 * Maps each item, in the items' order.
 *
 * @param items What to work on.
 * @param limit How many at once.
 * @param map The work; its first failure is the whole's.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  async function work(): Promise<void> {
    while (next < items.length) {
      const at = next++;
      results[at] = await map(items[at]!);
    }
  }
  await Promise.all(Array.from({ length: limit }, work));
  return results;
}

/**
 * Works on items that are taken one by one, so that there may be any number of them.
 *
 * @param items What to work on.
 * @param limit How many at once.
 * @param act The work; `false` takes no further item. Its first failure is the whole's.
 */
export async function eachInParallel<T>(
  items: Iterable<T>,
  limit: number,
  act: (item: T) => Promise<boolean>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  async function work(): Promise<void> {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      if (!await act(next.value)) return;
    }
  }
  await Promise.all(Array.from({ length: limit }, work));
}

/**
 * Maps each item as its turn comes, with some of them under way already.
 *
 * @param items What to work on.
 * @param limit How many at once.
 * @param map The work; a failure is told when its item's turn comes.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  limit: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const window: Promise<R>[] = [];
  for (const item of items) {
    const result = map(item);
    result.catch(() => {});
    window.push(result);
    if (window.length === limit) yield await window.shift()!;
  }
  for (const result of window) yield await result;
}
