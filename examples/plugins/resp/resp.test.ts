// Commands and answers in any pieces.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Command, CommandReader, Malformed } from "./command.ts";
import { commandSpec } from "./commands.ts";
import { BAD, ReplyScanner } from "./reply.ts";

const limits = { maxBytes: 1000, maxArguments: 5 };

function encoded(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}

/** Cuts bytes at some places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 20,
});

test("Commands are read as they were written, whatever pieces they arrive in", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(latin1, { minLength: 1, maxLength: 5 }), { maxLength: 4 }),
      fc.array(fc.nat()),
      (commands, cuts) => {
        const reader = new CommandReader(limits);
        const read: Command[] = [];
        for (const piece of pieces(Buffer.from(commands.map(encoded).join(""), "latin1"), cuts)) {
          reader.push(piece, 0, piece.length);
          for (let next = reader.next(); next instanceof Command; next = reader.next()) read.push(next);
        }
        expect(read.map(({ args }) => args)).toEqual(commands);
        expect(read.map(({ bytes }) => bytes.toString("latin1"))).toEqual(commands.map(encoded));
        expect(reader.waiting).toBe(0);
      },
    ),
  );
});

test("Empty lines between commands are nothing", () => {
  const reader = new CommandReader(limits);
  const bytes = Buffer.from(`\r\n${encoded(["PING"])}\r\n\r\n${encoded(["GET", "a"])}\r\n`);
  reader.push(bytes, 0, bytes.length);
  const read = [reader.next(), reader.next(), reader.next()];
  expect(read.map((command) => (command instanceof Command ? command.args : command))).toEqual([
    ["PING"],
    ["GET", "a"],
    null,
  ]);
  expect(reader.waiting).toBe(0);
});

for (const [text, message] of [
  ["PING\r\n", "expected '*', got 'P'"],
  ["*0\r\n", "invalid multibulk length"],
  ["*-1\r\n", "invalid multibulk length"],
  ["*6\r\n", "invalid multibulk length"],
  ["*1\n", "invalid length"],
  ["*1x\r\n", "invalid length"],
  ["*1\r\n:1\r\n", "expected '$', got ':'"],
  ["*1\r\n$-1\r\n", "invalid bulk length"],
  ["*1\r\n$3\r\nGETxx", "a bulk string does not end in CRLF"],
  ["*1\r\n$2000\r\n", "the command is too long"],
  ["*1111111111111111", "a length is too long"],
  ["\x00", "expected '*', got '\\x00'"],
]) {
  test(`What is no command is said to be none: ${JSON.stringify(text)}`, () => {
    const reader = new CommandReader(limits);
    const bytes = Buffer.from(text ?? "", "latin1");
    reader.push(bytes, 0, bytes.length);
    expect(reader.next()).toEqual(new Malformed(message ?? ""));
  });
}

const scalar = fc.oneof(
  fc.stringMatching(/^[a-zA-Z ]{0,20}$/).map((text) => `+${text}\r\n`),
  fc.stringMatching(/^[A-Z]{1,8} [a-z ]{0,20}$/).map((text) => `-${text}\r\n`),
  fc.integer().map((number) => `:${number}\r\n`),
  latin1.map((text) => `$${text.length}\r\n${text}\r\n`),
  fc.constantFrom("$-1\r\n", "*-1\r\n", "*0\r\n", "$0\r\n\r\n"),
);
const { reply } = fc.letrec<{ reply: string }>((tie) => ({
  reply: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    fc.array(tie("reply"), { maxLength: 4 }).map((items) => `*${items.length}\r\n${items.join("")}`),
  ),
}));

test("The end of an answer is found wherever it is cut, and not before", () => {
  fc.assert(
    fc.property(reply, fc.array(fc.nat()), (text, cuts) => {
      const scanner = new ReplyScanner();
      const parts = pieces(Buffer.from(text, "latin1"), cuts);
      for (const [i, piece] of parts.entries()) {
        expect(scanner.scan(piece, 0, piece.length)).toBe(i === parts.length - 1 ? piece.length : -1);
      }
      expect(scanner.head?.type).toBe(text[0]);
    }),
  );
});

test("An answer ends where the next begins", () => {
  const bytes = Buffer.from("*2\r\n:1\r\n$1\r\nx\r\n+OK\r\n");
  expect(new ReplyScanner().scan(bytes, 0, bytes.length)).toBe(bytes.length - 5);
});

test.each([
  "?\r\n",
  "x",
  "$x\r\n",
  "$-2\r\n",
  "*-2\r\n",
  "+OK\n",
  "$999999999999\r\n",
  "$536870913\r\n",
  "*1\r\n".repeat(40),
])("What is no answer is bad: %j", (text) => {
  const bytes = Buffer.from(`${text}\r\n`);
  expect(new ReplyScanner().scan(bytes, 0, bytes.length)).toBe(BAD);
});

test("Keys are where Redis has them", () => {
  const keys = (...args: string[]) => {
    const command = new Command(Buffer.alloc(0), args);
    command.spec = commandSpec(command.name) ?? null;
    return command.keys();
  };
  expect(keys("GET", "a")).toEqual(["a"]);
  expect(keys("MGET", "a", "b")).toEqual(["a", "b"]);
  expect(keys("MSET", "a", "1", "b", "2")).toEqual(["a", "b"]);
  expect(keys("RENAME", "a", "b")).toEqual(["a", "b"]);
  expect(keys("DBSIZE")).toEqual([]);
});
