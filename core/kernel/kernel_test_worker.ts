// The other side of kernel_test.ts: a worker with `permissions: "none"` that hashes the same batch again and again and
// counts how often the result differs from the first one.

import { instantiateKernel } from "./kernel.ts";

/** What the test asks of a worker; all offsets are in the shared memory. */
export interface Job {
  memory: WebAssembly.Memory;
  scratch: number;
  src: number;
  offsets: number;
  nodes: number;
  leaves: number;
  count: number;
  rounds: number;
  /** Make a new instance each round: its data segments are written while the other worker hashes. */
  renew: boolean;
}

/** What a worker answers. */
export interface Outcome {
  differing: number;
  canRead: boolean;
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Job>) => void;
  postMessage(outcome: Outcome): void;
};

scope.onmessage = ({ data: job }) => {
  let kernel = instantiateKernel(job.memory, job.scratch);
  const size = 32 * job.count;
  const nodes = new Uint8Array(job.memory.buffer, job.nodes, size);
  const leaves = new Uint8Array(job.memory.buffer, job.leaves, size);
  let first: Uint8Array[] | undefined;
  let differing = 0;
  for (let round = 0; round < job.rounds; round++) {
    if (job.renew) kernel = instantiateKernel(job.memory, job.scratch);
    kernel.hashNodes(job.src, job.nodes, job.count);
    kernel.hashLeaves(job.src, job.offsets, job.leaves, job.count);
    first ??= [nodes.slice(), leaves.slice()];
    if (!first[0]?.every((byte, i) => byte === nodes[i])) differing++;
    if (!first[1]?.every((byte, i) => byte === leaves[i])) differing++;
  }
  scope.postMessage({ differing, canRead: canRead() });
};

function canRead(): boolean {
  try {
    Deno.readFileSync(new URL(import.meta.url));
    return true;
  } catch {
    return false;
  }
}
