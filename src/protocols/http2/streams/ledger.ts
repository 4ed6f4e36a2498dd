// @hot All flow-control windows of one connection (RFC 9113 §5.2, §6.9), and nothing else.
//
// Receiving. What the peer has sent is either forwarded or still held here; a window opens again when what filled it has been forwarded.
// For every stream, at any moment:
//
//     receiveWindow + held + earned = streamBytes         (earned: forwarded, but not announced to the peer yet)
//
// The connection as a whole is opened again as soon as bytes arrive, so that one slow stream never blocks its neighbours, but only as long as
// no more than `allowanceBytes` are held; what goes beyond that is withheld until something has been forwarded:
//
//     receiveWindow + withheld + earned = connectionBytes,  withheld = max(0, held − allowanceBytes)
//
// So a peer can make us hold at most `allowanceBytes + connectionBytes`.
//
// Sending. A window is what the peer has granted minus what was sent; a stream's may become negative (§6.9.2).
import { DEFAULT_WINDOW, LARGEST_WINDOW } from "../codec/frames.ts";

/** What the ledger thinks of an event. */
export const Verdict = { fine: 0, streamError: 1, connectionError: 2 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** The windows of one stream. Only the ledger writes to them. */
export class Account {
  /** Octets we may send. */
  sendWindow = 0;
  /** Octets the peer may send. */
  receiveWindow = 0;
  /** Octets received and not forwarded. */
  held = 0;
  /** Octets forwarded and not announced. */
  earned = 0;
  open = false;
}

/** How large the windows are that we offer. */
export interface ReceiveWindows {
  readonly streamBytes: number;
  readonly connectionBytes: number;
  readonly allowanceBytes: number;
  /** A window is announced again when it has fallen under this share of its size. */
  readonly updateRatio: number;
}

/** The windows of one connection. */
export class Ledger {
  /** Octets we may send on all streams together. */
  sendWindow: number = DEFAULT_WINDOW;
  receiveWindow: number = DEFAULT_WINDOW;
  /** Octets received and not forwarded, over all streams. */
  held = 0;
  /** Octets to announce for the connection. */
  earned: number;
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE. */
  #initialSend: number = DEFAULT_WINDOW;
  readonly #windows: ReceiveWindows;
  readonly #streamLow: number;
  readonly #connectionLow: number;

  constructor(windows: ReceiveWindows) {
    this.#windows = windows;
    // A connection begins with 65 535 octets whatever the settings say; the rest has to be announced.
    this.earned = Math.max(0, windows.connectionBytes - DEFAULT_WINDOW);
    this.#streamLow = windows.streamBytes * windows.updateRatio;
    this.#connectionLow = Math.max(windows.connectionBytes, DEFAULT_WINDOW) * windows.updateRatio;
  }

  /**
   * A stream begins.
   * @param windowBytes what the peer takes its window to be: 65 535 until it has seen our settings.
   */
  open(account: Account, windowBytes: number = this.#windows.streamBytes): void {
    account.sendWindow = this.#initialSend;
    account.receiveWindow = windowBytes;
    account.held = 0;
    account.earned = 0;
    account.open = true;
  }

  /** A stream is over: what is still held of it is thrown away. */
  close(account: Account): void {
    if (!account.open) return;
    account.open = false;
    this.#release(account.held);
    account.held = 0;
  }

  // ---- Receiving ---------------------------------------------------------------------------------------------------

  /** A DATA frame of `bytes` flow-controlled octets begins; null for one on a stream that is over, whose data are dropped at once. */
  received(account: Account | null, bytes: number): Verdict {
    if (bytes === 0) return Verdict.fine; // a stream may be ended although its window is used up, or negative
    if (bytes > this.receiveWindow) return Verdict.connectionError;
    this.receiveWindow -= bytes;
    if (account === null || bytes > account.receiveWindow) {
      this.earned += bytes;
      return account === null ? Verdict.fine : Verdict.streamError;
    }
    account.receiveWindow -= bytes;
    account.held += bytes;
    const before = this.withheld;
    this.held += bytes;
    this.earned += bytes - (this.withheld - before);
    return Verdict.fine;
  }

  /** The peer has learnt that the window of a stream is smaller by so much than it took it to be; it may be negative from then on (§6.9.2). */
  shrink(account: Account, bytes: number): void {
    account.receiveWindow -= bytes;
  }

  /** Octets of a stream have been taken by whoever they are for, or were padding. */
  forwarded(account: Account, bytes: number): void {
    if (!account.open) return; // `close` has settled it
    account.held -= bytes;
    account.earned += bytes;
    this.#release(bytes);
  }

  #release(bytes: number): void {
    const before = this.withheld;
    this.held -= bytes;
    this.earned += before - this.withheld;
  }

  /** Octets held beyond the allowance, for which the connection's window stays shut. */
  get withheld(): number {
    return Math.max(0, this.held - this.#windows.allowanceBytes);
  }

  /** What to announce for a stream now: the increment, or 0 while its window is large enough. */
  streamUpdate(account: Account): number {
    if (!account.open || account.earned === 0 || account.receiveWindow >= this.#streamLow) return 0;
    const increment = account.earned;
    account.earned = 0;
    account.receiveWindow += increment;
    return increment;
  }

  /** Is there something to announce for the connection? */
  get connectionUpdateDue(): boolean {
    return this.earned > 0 && this.receiveWindow < this.#connectionLow;
  }

  /** What to announce for the connection now. */
  connectionUpdate(): number {
    if (!this.connectionUpdateDue) return 0;
    const increment = this.earned;
    this.earned = 0;
    this.receiveWindow += increment;
    return increment;
  }

  // ---- Sending -----------------------------------------------------------------------------------------------------

  /** Octets of DATA that a stream may send at the moment. */
  allowance(account: Account): number {
    const least = account.sendWindow < this.sendWindow ? account.sendWindow : this.sendWindow;
    return least > 0 ? least : 0;
  }

  sent(account: Account, bytes: number): void {
    account.sendWindow -= bytes;
    this.sendWindow -= bytes;
  }

  /** The peer has opened a stream's window further (§6.9.1). */
  granted(account: Account, increment: number): Verdict {
    if (account.sendWindow + increment > LARGEST_WINDOW) return Verdict.streamError;
    account.sendWindow += increment;
    return Verdict.fine;
  }

  /** The same for the connection. */
  connectionGranted(increment: number): Verdict {
    if (this.sendWindow + increment > LARGEST_WINDOW) return Verdict.connectionError;
    this.sendWindow += increment;
    return Verdict.fine;
  }

  /** The peer has changed its SETTINGS_INITIAL_WINDOW_SIZE: `change` is to be made to every open stream (§6.9.2). */
  initialSendChanged(bytes: number): number {
    const change = bytes - this.#initialSend;
    this.#initialSend = bytes;
    return change;
  }

  /** Makes that change to one stream. */
  adjust(account: Account, change: number): Verdict {
    if (account.sendWindow + change > LARGEST_WINDOW) return Verdict.connectionError;
    account.sendWindow += change;
    return Verdict.fine;
  }
}
