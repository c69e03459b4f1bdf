import { ErrorCode, ProtocolError } from "./errors.js";

const aSecond = 1_000;
const atOnce = 5_000;

/** Counts the peer's frames that cost no credit: 1,000 a second, 5,000 at once, beyond those CREDITs that our own DATA called for. */
export class FloodGuard {
  #left = atOnce;
  #last: number;
  #expectedCredits = 0;

  constructor(readonly now: () => number) {
    this.#last = now();
  }

  /** We sent a piece that the peer will return credit for: to its stream and to the connection. */
  dataSent(): void {
    this.#expectedCredits += 2;
  }

  control(isCredit = false): void {
    if (isCredit && this.#expectedCredits > 0) {
      this.#expectedCredits--;
      return;
    }
    const now = this.now();
    this.#left = Math.min(atOnce, this.#left + ((now - this.#last) * aSecond) / 1_000);
    this.#last = now;
    if (this.#left < 1) throw new ProtocolError(ErrorCode.Flood, "too many control frames");
    this.#left--;
  }
}
