import { ErrorCode, ProtocolError } from "./errors.js";

export const minCost = 16;
export const maxCredit = 2 ** 31 - 1;

/** What a piece of a message costs. */
export function costOf(bytes: number): number {
  return Math.max(minCost, bytes);
}

/** What we may still send. */
export class SendCredit {
  constructor(public left: number) {}

  grant(increment: number): void {
    if (this.left + increment > maxCredit) throw new ProtocolError(ErrorCode.CreditExceeded, "credit above 2^31-1");
    this.left += increment;
  }
}

/** What the peer may still send. Returned credit is saved up to half of the whole, so that few CREDIT frames go. */
export class ReceiveCredit {
  #left: number;
  #taken = 0;

  constructor(readonly whole: number, readonly grant: (increment: number) => void) {
    this.#left = whole;
  }

  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new ProtocolError(ErrorCode.CreditExceeded, "more bytes than were granted");
  }

  giveBack(cost: number): void {
    this.#taken += cost;
    if (this.#taken === 0 || this.#taken < this.whole / 2) return;
    const increment = this.#taken;
    this.#taken = 0;
    this.#left += increment;
    this.grant(increment);
  }
}
