import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_WINDOW, LARGEST_WINDOW } from "../codec/frames.ts";
import { Account, Ledger, type ReceiveWindows, Verdict } from "./ledger.ts";

const WINDOWS: ReceiveWindows = {
  streamBytes: 65_535,
  connectionBytes: 256 * 1024,
  allowanceBytes: 1024 * 1024,
  updateRatio: 0.5,
};

function opened(ledger: Ledger): Account {
  const account = new Account();
  ledger.open(account);
  return account;
}

describe("receiving", () => {
  test("a connection begins with 65 535 octets, and announces the rest at once", () => {
    const ledger = new Ledger(WINDOWS);
    expect(ledger.receiveWindow).toBe(DEFAULT_WINDOW);
    expect(ledger.connectionUpdate()).toBe(256 * 1024 - DEFAULT_WINDOW);
    expect(ledger.connectionUpdate()).toBe(0);
  });

  test("a window of a connection that is to be smaller than 65 535 octets cannot be made so", () => {
    const ledger = new Ledger({ ...WINDOWS, connectionBytes: 1000 });
    expect(ledger.receiveWindow).toBe(DEFAULT_WINDOW);
    expect(ledger.connectionUpdate()).toBe(0);
  });

  test("a stream may be sent what its window allows, and not one octet more", () => {
    const ledger = new Ledger(WINDOWS);
    ledger.connectionUpdate();
    const account = opened(ledger);
    expect(ledger.received(account, 65_535)).toBe(Verdict.fine);
    expect(ledger.received(account, 0)).toBe(Verdict.fine);
    expect(ledger.received(account, 1)).toBe(Verdict.streamError);
    expect(account.held).toBe(65_535);
  });

  test("the window of the connection holds for all streams together, those that are over too", () => {
    const ledger = new Ledger({ ...WINDOWS, connectionBytes: DEFAULT_WINDOW, updateRatio: 0.01 });
    expect(ledger.received(opened(ledger), 40_000)).toBe(Verdict.fine);
    expect(ledger.received(null, 25_000)).toBe(Verdict.fine);
    expect(ledger.received(opened(ledger), 536)).toBe(Verdict.connectionError);
    expect(ledger.received(null, 536)).toBe(Verdict.connectionError);
    expect(ledger.received(null, 535)).toBe(Verdict.fine);
  });

  test("a stream's window opens when its octets have been forwarded and too little of it is left", () => {
    const ledger = new Ledger({ ...WINDOWS, streamBytes: 1000, updateRatio: 0.5 });
    const account = opened(ledger);
    ledger.received(account, 500);
    ledger.forwarded(account, 500);
    expect(ledger.streamUpdate(account)).toBe(0);
    ledger.received(account, 1);
    expect(ledger.streamUpdate(account)).toBe(500);
    ledger.forwarded(account, 1);
    expect(ledger.streamUpdate(account)).toBe(0);
    expect(account).toMatchObject({ receiveWindow: 999, held: 0, earned: 1 });
  });

  test("the connection's window opens for what is held, up to the allowance", () => {
    const ledger = new Ledger({
      streamBytes: 1_000_000,
      connectionBytes: 100_000,
      allowanceBytes: 150_000,
      updateRatio: 1,
    });
    ledger.connectionUpdate();
    const slow = opened(ledger);
    ledger.received(slow, 100_000);
    expect(ledger.connectionUpdate()).toBe(100_000);
    ledger.received(slow, 100_000);
    expect(ledger.connectionUpdate()).toBe(50_000); // the other 50 000 are beyond the allowance
    ledger.received(slow, 50_000);
    expect(ledger.connectionUpdate()).toBe(0);
    expect(ledger.held).toBe(250_000);
    ledger.forwarded(slow, 120_000);
    expect(ledger.connectionUpdate()).toBe(100_000);
  });

  describe("before the peer has seen that its windows are smaller than 65 535 octets", () => {
    const small = { ...WINDOWS, streamBytes: 1000 };

    function early(): { ledger: Ledger; account: Account } {
      const ledger = new Ledger(small);
      ledger.connectionUpdate();
      const account = new Account();
      ledger.open(account, DEFAULT_WINDOW);
      return { ledger, account };
    }

    test("it may send so much, and its window is negative from then on (§6.9.2)", () => {
      const { account, ledger } = early();
      expect(ledger.received(account, DEFAULT_WINDOW)).toBe(Verdict.fine);
      ledger.shrink(account, DEFAULT_WINDOW - 1000);
      expect(account.receiveWindow).toBe(1000 - DEFAULT_WINDOW);
      expect(ledger.received(account, 1)).toBe(Verdict.streamError);
      ledger.forwarded(account, DEFAULT_WINDOW);
      expect(ledger.streamUpdate(account)).toBe(DEFAULT_WINDOW);
      expect(account.receiveWindow).toBe(1000);
    });

    // "Frames with zero length with the END_STREAM flag set MAY be sent if there is no available space in either flow-control window" (§6.9.1).
    test("it may end a stream whose window is negative with a frame that is empty", () => {
      const { account, ledger } = early();
      ledger.received(account, 2000);
      ledger.shrink(account, DEFAULT_WINDOW - 1000);
      expect(account.receiveWindow).toBeLessThan(0);
      expect(ledger.received(account, 0)).toBe(Verdict.fine);
    });
  });

  test("a stream that is over gives back what was held for it, once", () => {
    const ledger = new Ledger({ streamBytes: 65_535, connectionBytes: 65_535, allowanceBytes: 0, updateRatio: 1 });
    const account = opened(ledger);
    ledger.received(account, 65_535);
    expect(ledger.connectionUpdate()).toBe(0);
    ledger.close(account);
    ledger.close(account);
    ledger.forwarded(account, 65_535); // a sink that took it late
    expect(ledger.held).toBe(0);
    expect(ledger.streamUpdate(account)).toBe(0);
    expect(ledger.connectionUpdate()).toBe(65_535);
  });
});

describe("sending", () => {
  test("a stream may send the smaller of its window and the connection's", () => {
    const ledger = new Ledger(WINDOWS);
    const [first, second] = [opened(ledger), opened(ledger)];
    expect(ledger.allowance(first)).toBe(DEFAULT_WINDOW);
    ledger.sent(first, 60_000);
    expect(ledger.allowance(first)).toBe(5535);
    expect(ledger.allowance(second)).toBe(5535);
    ledger.connectionGranted(100_000);
    expect(ledger.allowance(first)).toBe(5535);
    expect(ledger.allowance(second)).toBe(65_535);
  });

  // The example of RFC 9113 §6.9.2.
  test("a smaller SETTINGS_INITIAL_WINDOW_SIZE makes windows negative, which have to be earned back", () => {
    const ledger = new Ledger(WINDOWS);
    ledger.connectionGranted(1_000_000);
    const account = opened(ledger);
    ledger.sent(account, 60 * 1024);
    const change = ledger.initialSendChanged(16 * 1024);
    expect(change).toBe(16 * 1024 - DEFAULT_WINDOW);
    expect(ledger.adjust(account, change)).toBe(Verdict.fine);
    expect(account.sendWindow).toBe(-44 * 1024);
    expect(ledger.allowance(account)).toBe(0);
    expect(ledger.granted(account, 44 * 1024)).toBe(Verdict.fine);
    expect(ledger.allowance(account)).toBe(0);
    ledger.granted(account, 1);
    expect(ledger.allowance(account)).toBe(1);
    expect(ledger.allowance(opened(ledger))).toBe(16 * 1024);
  });

  test("SETTINGS_INITIAL_WINDOW_SIZE does not change the connection's window", () => {
    const ledger = new Ledger(WINDOWS);
    ledger.initialSendChanged(0);
    expect(ledger.sendWindow).toBe(DEFAULT_WINDOW);
    const account = opened(ledger);
    expect(ledger.allowance(account)).toBe(0);
    expect(ledger.adjust(account, ledger.initialSendChanged(100))).toBe(Verdict.fine);
    expect(ledger.allowance(account)).toBe(100);
  });

  test("a window may become as large as 2^31-1 by a change of SETTINGS_INITIAL_WINDOW_SIZE", () => {
    const ledger = new Ledger(WINDOWS);
    const account = opened(ledger);
    expect(ledger.adjust(account, ledger.initialSendChanged(LARGEST_WINDOW))).toBe(Verdict.fine);
    expect(account.sendWindow).toBe(LARGEST_WINDOW);
  });

  test("no window may be opened beyond 2^31-1, and one that may not stays as it is (§6.9.1, §6.9.2)", () => {
    const ledger = new Ledger(WINDOWS);
    const account = opened(ledger);
    const most = LARGEST_WINDOW - DEFAULT_WINDOW;
    expect(ledger.granted(account, most)).toBe(Verdict.fine);
    expect(ledger.granted(account, 1)).toBe(Verdict.streamError);
    expect(ledger.connectionGranted(most)).toBe(Verdict.fine);
    expect(ledger.connectionGranted(1)).toBe(Verdict.connectionError);
    expect(ledger.adjust(account, ledger.initialSendChanged(DEFAULT_WINDOW + 1))).toBe(Verdict.connectionError);
    expect([account.sendWindow, ledger.sendWindow]).toEqual([LARGEST_WINDOW, LARGEST_WINDOW]);
  });
});

// ---- Histories -------------------------------------------------------------------------------------------------------

/** What the peer knows of a stream: only what it was told. */
interface Known {
  readonly account: Account;
  /** Its window as the peer takes it to be when all is announced. */
  full: number;
  /** Octets it may send, by its own count. */
  window: number;
  /** Octets that are with us, by the count of the test. */
  held: number;
  sendWindow: number;
}

/** Both ends of one connection, one of them the ledger, the other a plain count of what was said. */
class Connection {
  readonly ledger: Ledger;
  readonly windows: ReceiveWindows;
  streams: Known[] = [];
  window = DEFAULT_WINDOW;
  sendWindow = DEFAULT_WINDOW;
  initialSend = DEFAULT_WINDOW;
  acknowledged = false;

  constructor(windows: ReceiveWindows) {
    this.windows = windows;
    this.ledger = new Ledger(windows);
  }

  open(): void {
    const { streamBytes } = this.windows;
    const full = this.acknowledged ? streamBytes : Math.max(streamBytes, DEFAULT_WINDOW);
    const account = new Account();
    this.ledger.open(account, full);
    this.streams.push({ account, full, window: full, held: 0, sendWindow: this.initialSend });
  }

  /** The peer has learnt how large windows are; until then it took them to be at least what is usual. */
  acknowledge(): void {
    if (this.acknowledged) return;
    this.acknowledged = true;
    const { streamBytes } = this.windows;
    for (const stream of this.streams) {
      this.ledger.shrink(stream.account, stream.full - streamBytes);
      stream.window -= stream.full - streamBytes;
      stream.full = streamBytes;
    }
  }

  /** The peer sends; it is refused exactly when it goes beyond what it was told. */
  receive(stream: Known | undefined, bytes: number): void {
    const verdict = this.ledger.received(stream === undefined ? null : stream.account, bytes);
    if (bytes === 0) return expect(verdict).toBe(Verdict.fine); // also where a window is negative
    if (bytes > this.window) return expect(verdict).toBe(Verdict.connectionError);
    this.window -= bytes;
    if (stream === undefined) expect(verdict).toBe(Verdict.fine);
    else if (bytes > stream.window) expect(verdict).toBe(Verdict.streamError);
    else {
      expect(verdict).toBe(Verdict.fine);
      stream.window -= bytes;
      stream.held += bytes;
    }
    return undefined;
  }

  forward(stream: Known, bytes: number): void {
    const taken = Math.min(bytes, stream.held);
    stream.held -= taken;
    this.ledger.forwarded(stream.account, taken);
  }

  close(stream: Known): void {
    this.ledger.close(stream.account);
    this.streams = this.streams.filter((other) => other !== stream);
  }

  announce(stream: Known): void {
    stream.window += this.ledger.streamUpdate(stream.account);
  }

  announceConnection(): void {
    const { connectionUpdateDue } = this.ledger;
    const increment = this.ledger.connectionUpdate();
    expect(increment > 0).toBe(connectionUpdateDue);
    this.window += increment;
  }

  grant(stream: Known, increment: number): void {
    const fits = stream.sendWindow + increment <= LARGEST_WINDOW;
    expect(this.ledger.granted(stream.account, increment)).toBe(fits ? Verdict.fine : Verdict.streamError);
    if (fits) stream.sendWindow += increment;
  }

  grantConnection(increment: number): void {
    const fits = this.sendWindow + increment <= LARGEST_WINDOW;
    expect(this.ledger.connectionGranted(increment)).toBe(fits ? Verdict.fine : Verdict.connectionError);
    if (fits) this.sendWindow += increment;
  }

  changeInitial(bytes: number): void {
    const change = this.ledger.initialSendChanged(bytes);
    expect(change).toBe(bytes - this.initialSend);
    this.initialSend = bytes;
    for (const stream of this.streams) {
      const fits = stream.sendWindow + change <= LARGEST_WINDOW;
      expect(this.ledger.adjust(stream.account, change)).toBe(fits ? Verdict.fine : Verdict.connectionError);
      if (fits) stream.sendWindow += change;
    }
  }

  send(stream: Known, bytes: number): void {
    const allowed = this.ledger.allowance(stream.account);
    expect(allowed).toBe(Math.max(0, Math.min(stream.sendWindow, this.sendWindow)));
    const sent = Math.min(bytes, allowed);
    this.ledger.sent(stream.account, sent);
    stream.sendWindow -= sent;
    this.sendWindow -= sent;
  }

  /** What must hold at any moment. */
  check(): void {
    const { ledger, windows } = this;
    const connectionBytes = Math.max(windows.connectionBytes, DEFAULT_WINDOW);
    for (const { account, full, held, sendWindow, window } of this.streams) {
      expect(account.receiveWindow + account.held + account.earned).toBe(full);
      expect(account).toMatchObject({ receiveWindow: window, held, sendWindow });
      expect(Math.min(account.held, account.earned)).toBeGreaterThanOrEqual(0);
      expect(Math.max(account.receiveWindow, account.sendWindow)).toBeLessThanOrEqual(LARGEST_WINDOW);
    }
    const withheld = Math.max(0, ledger.held - windows.allowanceBytes);
    expect(ledger.receiveWindow + withheld + ledger.earned).toBe(connectionBytes);
    expect(ledger.held).toBe(this.streams.reduce((sum, { held }) => sum + held, 0));
    expect(ledger.held).toBeLessThanOrEqual(windows.allowanceBytes + connectionBytes);
    expect([ledger.receiveWindow, ledger.sendWindow]).toEqual([this.window, this.sendWindow]);
    expect(Math.min(ledger.receiveWindow, ledger.earned)).toBeGreaterThanOrEqual(0);
    expect(Math.max(ledger.receiveWindow, ledger.sendWindow)).toBeLessThanOrEqual(LARGEST_WINDOW);
  }

  /** When all is forwarded and announced, the peer has its windows back, but for what is not worth a frame. */
  settle(): void {
    const { streamBytes, updateRatio } = this.windows;
    const connectionBytes = Math.max(this.windows.connectionBytes, DEFAULT_WINDOW);
    this.acknowledge();
    for (const stream of this.streams) {
      this.forward(stream, stream.held);
      this.announce(stream);
      expect(stream.window + stream.account.earned).toBe(streamBytes);
      expect(stream.window).toBeGreaterThanOrEqual(streamBytes * updateRatio);
    }
    this.announceConnection();
    expect(this.window + this.ledger.earned).toBe(connectionBytes);
    expect(this.window).toBeGreaterThanOrEqual(connectionBytes * updateRatio);
  }
}

const anyBytes = fc.oneof(
  { weight: 3, arbitrary: fc.nat(20_000) },
  { weight: 2, arbitrary: fc.nat(200_000) },
  { weight: 1, arbitrary: fc.nat(LARGEST_WINDOW) },
);
const anyWindows: fc.Arbitrary<ReceiveWindows> = fc.record({
  streamBytes: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom(1, DEFAULT_WINDOW, LARGEST_WINDOW)),
  connectionBytes: fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.constantFrom(DEFAULT_WINDOW, LARGEST_WINDOW)),
  allowanceBytes: fc.oneof(fc.nat(500_000), fc.constant(0)),
  updateRatio: fc.constantFrom(0.01, 0.5, 0.99),
});

const EVENTS = [
  "open",
  "receive",
  "receive",
  "receive all",
  "receive for none",
  "forward",
  "forward",
  "close",
  "acknowledge",
  "announce",
  "announce connection",
  "grant",
  "grant connection",
  "change initial",
  "send",
  "send",
] as const;
const anyEvent = fc.record({ kind: fc.constantFrom(...EVENTS), which: fc.nat(), bytes: anyBytes });

function happen(connection: Connection, kind: (typeof EVENTS)[number], which: number, bytes: number): void {
  if (kind === "open") return connection.open();
  if (kind === "receive for none") return connection.receive(undefined, bytes);
  if (kind === "acknowledge") return connection.acknowledge();
  if (kind === "announce connection") return connection.announceConnection();
  if (kind === "grant connection") return connection.grantConnection(bytes);
  if (kind === "change initial") return connection.changeInitial(bytes);
  const stream = connection.streams[which % Math.max(1, connection.streams.length)];
  if (stream === undefined) return connection.open();
  switch (kind) {
    case "receive":
      return connection.receive(stream, bytes);
    case "receive all":
      return connection.receive(stream, Math.max(0, Math.min(stream.window, connection.window)));
    case "forward":
      return connection.forward(stream, bytes);
    case "close":
      return connection.close(stream);
    case "announce":
      return connection.announce(stream);
    case "grant":
      return connection.grant(stream, bytes);
    default:
      return connection.send(stream, bytes);
  }
}

test("whatever happens, the ledger agrees with a peer that counts what it was told, and nothing is lost", () => {
  fc.assert(
    fc.property(anyWindows, fc.array(anyEvent, { maxLength: 80 }), (windows, events) => {
      const connection = new Connection(windows);
      connection.check();
      for (const { bytes, kind, which } of events) {
        happen(connection, kind, which, bytes);
        connection.check();
      }
      connection.settle();
      connection.check();
    }),
    { numRuns: 400 },
  );
});

test("a peer that keeps to its windows gets any amount through, as long as somebody forwards it", () => {
  fc.assert(
    fc.property(anyWindows, fc.array(anyBytes, { minLength: 1, maxLength: 30 }), (windows, portions) => {
      const connection = new Connection(windows);
      connection.acknowledge();
      connection.announceConnection();
      connection.open();
      connection.open();
      for (const [i, bytes] of portions.entries()) {
        const stream = connection.streams[i % 2] as Known; // opened above
        const sent = Math.min(bytes + 1, stream.window, connection.window);
        expect(sent).toBeGreaterThan(0);
        connection.receive(stream, sent);
        connection.forward(stream, sent);
        connection.announce(stream);
        connection.announceConnection();
        connection.check();
      }
    }),
  );
});

test("a stream that nobody forwards blocks itself, and no other as long as the allowance lasts", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 0, max: 40 }), (portion, slowStreams) => {
      const connection = new Connection({ ...WINDOWS, allowanceBytes: 65_535 * 40 });
      connection.announceConnection();
      for (let n = 0; n < slowStreams; n++) {
        connection.open();
        connection.receive(connection.streams[n], 65_535);
        connection.announceConnection();
      }
      connection.open();
      const quick = connection.streams.at(-1) as Known; // just opened
      expect(Math.min(quick.window, connection.window)).toBe(65_535);
      connection.receive(quick, portion);
      connection.check();
    }),
  );
});
