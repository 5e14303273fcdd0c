/**
 * Asks the policy's witnesses to cosign, all at once, until the quorum is met.
 * Those that answer later are still heard. A witness that holds a larger tree
 * than ours has seen a history that we do not have: that is said apart, because
 * the log must stop.
 *
 * @module
 */

import {
  type NoteSignature,
  parseNote,
  type Policy,
  type PolicyWitness,
  quorumHolds,
  verifierOf,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import {
  type CosignRequest,
  LogBehindWitness,
  WitnessClient,
  type WitnessClientOptions,
  type WitnessHealth,
} from "./witness_client.ts";

/** What the witnesses said. */
export interface Cosigned {
  /** Verified cosignatures. */
  readonly cosignatures: readonly NoteSignature[];
  /** Whether they are enough for the quorum. */
  readonly quorum: boolean;
  /** One sentence for each witness that did not cosign. */
  readonly failures: readonly string[];
}

/** The witnesses of a policy. */
export class Witnesses {
  readonly #policy: Policy;
  readonly #clients: readonly WitnessClient[];
  /** Whether nobody was asked yet: then all are heard, whether or not fewer would do. */
  #starting = true;
  /** What a witness with a larger tree said, perhaps after the quorum was met. */
  #behind: LogBehindWitness | null = null;

  /**
   * Makes the clients of a policy's witnesses.
   *
   * @param policy Its witnesses with URLs are asked.
   * @param options What each client works with.
   */
  constructor(policy: Policy, options: WitnessClientOptions) {
    this.#policy = policy;
    this.#clients = policy.witnesses
      .filter(({ url }) => url !== null)
      .map((witness) => new WitnessClient(witness, options));
  }

  /** How each witness is doing. */
  get health(): WitnessHealth[] {
    return this.#clients.map(({ health }) => health);
  }

  /** A published checkpoint from before the start: who has cosigned it, and when. */
  remember(note: Uint8Array, size: number): void {
    for (const line of this.linesIn(note)) {
      const name = this.#witnessOf(line)?.name;
      this.#clients.find(({ witness }) => witness.name === name)?.cosigned(size, line);
    }
  }

  /**
   * Checks that no witness is known to hold a larger tree.
   *
   * @throws {LogBehindWitness} If one does: nothing more may be signed.
   */
  checkNotBehind(): void {
    if (this.#behind) throw this.#behind;
  }

  /** The valid cosignatures of the policy's witnesses in a signed checkpoint. */
  linesIn(note: Uint8Array): NoteSignature[] {
    const { text, signatures } = parseNote(note);
    return signatures.filter((line) => {
      const witness = this.#witnessOf(line);
      return witness && verifierOf(witness.key, nativeEd25519).verify(text, line.signature);
    });
  }

  /** Whether the cosignatures in a signed checkpoint meet the quorum. */
  holds(note: Uint8Array): boolean {
    const names = this.linesIn(note).map((line) => this.#witnessOf(line)!.name);
    return quorumHolds(this.#policy, new Set(names));
  }

  #witnessOf(line: NoteSignature): PolicyWitness | undefined {
    return this.#policy.witnesses.find(({ key }) =>
      key.name === line.name && key.keyId === line.keyId
    );
  }

  /**
   * Asks for cosignatures. Resolves as soon as the quorum is met, or when every
   * witness has answered or run out of time. The first time it waits for all of
   * them: any one may know that the log was restored from an old backup.
   *
   * @param request What to cosign.
   * @param late Told of each cosignature that comes after that.
   * @throws {LogBehindWitness} If a witness holds a larger tree, or said so since.
   */
  cosign(request: CosignRequest, late: (line: NoteSignature) => void): Promise<Cosigned> {
    if (this.#behind) return Promise.reject(this.#behind);
    const everyone = this.#starting;
    this.#starting = false;
    const cosignatures: NoteSignature[] = [];
    const failures: string[] = [];
    const holding = new Set<string>();
    return new Promise((resolve, reject) => {
      let open = this.#clients.length;
      let settled = false;
      const settle = () => {
        const quorum = quorumHolds(this.#policy, holding);
        if (settled || (open > 0 && (everyone || !quorum))) return;
        settled = true;
        resolve({ cosignatures: [...cosignatures], quorum, failures: [...failures] });
      };
      settle();
      for (const client of this.#clients) {
        const { name } = client.witness;
        client.cosign(request).then((line) => {
          if (settled) return late(line);
          cosignatures.push(line);
          holding.add(name);
        }, (error: Error) => {
          if (error instanceof LogBehindWitness) reject(this.#behind = error);
          failures.push(`${name}: ${error.message}`);
        }).finally(() => {
          open--;
          settle();
        });
      }
    });
  }
}
