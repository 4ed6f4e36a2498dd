// Baggage of any bytes: nothing throws, what is not ours goes on byte for byte, ours never slips through, and what we write reads back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDeadline } from "../../src/core/deadline.ts";
import { Exchange } from "../../src/core/exchange.ts";
import { parseDtab } from "../../src/naming/dtab-parser.ts";
import { SyntaxProblem } from "../../src/core/syntax.ts";
import { baggageToSend, mayHaveOwnMembers, readBaggage, withoutOwn } from "../../src/protocols/http/baggage.ts";
import { anyDentry, anyDtab, anyPath, anySegment, anyTree } from "../support/arbitrary-names.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";
import { PlainHttp2Request } from "../support/request-head.ts";

function request(...values: readonly string[]): PlainHttp2Request {
  return new PlainHttp2Request(
    "GET",
    "/",
    "web",
    values.map((value) => ["baggage", value]),
  );
}

const PIECES = [
  "fairlead-dtab",
  "fairlead-deadline",
  "fairlead%2Ddtab",
  "=",
  ",",
  ";",
  "%",
  "%25",
  "%66",
  " ",
  "+",
  "a",
];
const anyText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 200 }),
  fc.array(fc.constantFrom(...PIECES, "/a=>/b", "1 2"), { maxLength: 30 }).map((parts) => parts.join("")),
);
/** Members that nobody takes for ours. */
const anyForeign = fc
  .string({ unit: fc.constantFrom(...'abgxyz019%;= "-_\t'), minLength: 1, maxLength: 20 })
  .filter((member) => !/^[\s%]*(?:$|%)/.test(member) && !member.includes(","))
  .map((member) => `x${member}`);

test(
  "any bytes are read without an error, and what stays holds nothing of ours",
  () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 4 }), (values) => {
        const message = request(...values);
        const { others } = readBaggage(message);
        expect(readBaggage(request(others))).toMatchObject({ dtab: "", problem: null, deadlines: [], unreadable: 0 });
        const left = withoutOwn(message);
        if (left !== null) expect(withoutOwn(request(left))).toBeNull();
        if (!mayHaveOwnMembers(message)) expect([left, others]).toEqual([null, values.join(",").trimStart()]);
      }),
      fuzzing(2000),
    );
  },
  fuzzLimitMs,
);

test(
  "members of others survive byte for byte and in order, wherever ours stand among them",
  () => {
    const own = fc.constantFrom(
      "fairlead-dtab=/a%3D>/b",
      " fairlead-deadline=1%202",
      "fairlead%2Ddtab=x;p=1",
      "fairlead-dtab",
    );
    const members = fc.array(fc.oneof(anyForeign, own), { maxLength: 40 });
    fc.assert(
      fc.property(members, (list) => {
        const foreign = list.filter((member) => member.startsWith("x"));
        expect(readBaggage(request(list.join(","))).others).toBe(foreign.join(","));
      }),
      fuzzing(1000),
    );
  },
  fuzzLimitMs,
);

test(
  "an override and a deadline that are written read back as they were, however often",
  () => {
    const moment = fc.bigInt({ min: 0n, max: 10n ** 19n });
    fc.assert(
      fc.property(
        anyDtab(anyDentry(anySegment, anyTree(anyPath))),
        moment,
        moment,
        fc.array(anyForeign, { maxLength: 5 }),
        (dtab, from, to, foreign) => {
          const ex = new Exchange();
          ex.localDtab = dtab.key();
          ex.deadline = parseDeadline(`${from} ${to}`);
          const message = request();
          message.otherBaggage = foreign.join(",");
          message.ownBaggage = true;
          const written = baggageToSend(ex, message);
          fc.pre(written.length <= 8192);
          const read = readBaggage(request(written));
          expect(read).toMatchObject({ dtab: dtab.key(), problem: null, deadlines: [`${from} ${to}`] });
          expect(read.others).toBe(foreign.join(",").trimStart());
          const parsed = parseDtab(read.dtab);
          expect(parsed instanceof SyntaxProblem ? parsed.message : parsed.key()).toBe(dtab.key());
          expect(/[^\x21-\x7e]|["\\]/.test(written.slice(0, written.length - foreign.join(",").length))).toBe(false);
        },
      ),
      fuzzing(500),
    );
  },
  fuzzLimitMs,
);
