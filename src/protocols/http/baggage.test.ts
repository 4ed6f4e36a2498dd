import { expect, test } from "vitest";
import { PlainHttp2Request, requestHead } from "../../../test/support/request-head.ts";
import { parseDeadline } from "../../core/deadline.ts";
import { Exchange } from "../../core/exchange.ts";
import { baggageToSend, fits, mayHaveOwnMembers, MAX_BYTES, MAX_MEMBERS, readBaggage, withoutOwn } from "./baggage.ts";
import type { HttpMessage } from "./message.ts";

/** A request with these header lines, in the words of both versions. */
function requests(...values: readonly string[]): readonly HttpMessage[] {
  const lines = values.map((value) => `Baggage: ${value}\r\n`).join("");
  return [
    requestHead(`GET / HTTP/1.1\r\nHost: web\r\n${lines}\r\n`),
    new PlainHttp2Request(
      "GET",
      "/",
      "web",
      values.map((value) => ["baggage", value]),
    ),
  ];
}

function request(...values: readonly string[]): HttpMessage {
  return requests(...values)[0] as HttpMessage; // there are two
}

test("Of several header lines each member is found, and what is not ours stays byte for byte and in order", () => {
  for (const message of requests(
    'a=1;p;q="x", fairlead-dtab = %2Fsvc%2Fweb%3D%3E%2Fb ; prop=1 ,b=%e2%82',
    "fairlead-deadline=1%202,,  c",
    "fairlead-other=kept,fairlead-dtab=/c%3D>/d",
  )) {
    expect(mayHaveOwnMembers(message)).toBe(true);
    expect(readBaggage(message)).toEqual({
      own: true,
      dtab: "/svc/web=>/b;/c=>/d",
      problem: null,
      deadlines: ["1 2"],
      unreadable: 0,
      others: 'a=1;p;q="x",b=%e2%82,,  c,fairlead-other=kept',
    });
    expect(withoutOwn(message)).toBe('a=1;p;q="x",b=%e2%82,,  c');
  }
});

test("A request with members of others only is seen to have none of ours", () => {
  for (const message of requests("a=1, b=2;fairlead-dtab=x", "tenant=fairlead-dtab", "")) {
    expect(mayHaveOwnMembers(message)).toBe(false);
    expect(withoutOwn(message)).toBeNull();
  }
  for (const message of requests("foo=1", "%41=1")) {
    expect(withoutOwn(message)).toBeNull();
    expect(readBaggage(message)).toMatchObject({ own: false, others: "foo=1,%41=1" });
  }
});

// What OpenTelemetry makes of our members when it writes them again: JavaScript, Go and Java, Python.
test.each(["%2Fsvc%2Fweb%3D%3E%2Fa%20%7C%20%2Fb", "/svc/web%3D%3E/a%20|%20/b", "%2Fsvc%2Fweb%3D%3E%2Fa+%7C+%2Fb"])(
  "The value %s is read as it was meant",
  (value) => {
    expect(readBaggage(request(`fairlead-dtab=${value}`)).dtab).toBe("/svc/web=>/a | /b");
    expect(readBaggage(request("fairlead-deadline=1+2")).deadlines).toEqual(["1 2"]);
  },
);

test.each([
  "fairlead%2Ddtab",
  "fairlead%252Ddtab",
  "%66airlead-dtab",
  "+fairlead-dtab+",
  "%20fairlead-dtab",
  "\tfairlead-dtab\t",
  "\xa0fairlead-dtab\x85",
  "FairLead-DTAB",
])("The name %j, which an application may write plainly again, is ours", (name) => {
  for (const message of requests(`a=1,${name}=/a%3D>/b`)) {
    expect(mayHaveOwnMembers(message)).toBe(true);
    expect(readBaggage(message)).toMatchObject({ dtab: "/a=>/b", others: "a=1" });
    expect(withoutOwn(message)).toBe("a=1");
  }
});

test.each([
  "fairlead-dtab",
  "fairlead-dtab;x=y",
  "fairlead-dtab=%2",
  "fairlead-dtab=%zz",
  "fairlead-dtab=/a%0d%0ax: y",
  "fairlead-dtab=%00",
])("The member %j is a problem, and does not go on", (member) => {
  const { dtab, others, problem } = readBaggage(request(`a=1,${member},b=2`));
  expect({ dtab, others }).toEqual({ dtab: "", others: "a=1,b=2" });
  expect(problem).toBe("the member fairlead-dtab of the baggage cannot be read");
});

test("A deadline that cannot be read is counted and left out", () => {
  const { deadlines, others, unreadable } = readBaggage(request("fairlead-deadline,fairlead-deadline=%,x=y"));
  expect({ deadlines, others, unreadable }).toEqual({ deadlines: [], others: "x=y", unreadable: 2 });
});

test("An empty override is none", () => {
  expect(readBaggage(request("fairlead-dtab="))).toMatchObject({ dtab: "", problem: null, others: "" });
});

test("Beyond the bounds of the specification nothing of ours is read", () => {
  const member = "fairlead-dtab=/a%3D>/b";
  const many = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=1`).join(",");
  expect(readBaggage(request(`${many(MAX_MEMBERS - 1)},${member}`)).dtab).toBe("/a=>/b");
  expect(readBaggage(request(`${many(MAX_MEMBERS)},${member}`)).problem).not.toBeNull();
  const [, http2] = requests(`a=${"x".repeat(MAX_BYTES - 3 - member.length)},${member}`);
  const [, tooLong] = requests(`a=${"x".repeat(MAX_BYTES - 2 - member.length)},${member}`);
  expect(readBaggage(http2 as HttpMessage).dtab).toBe("/a=>/b");
  expect(readBaggage(tooLong as HttpMessage).problem).not.toBeNull();
});

test("Baggage that Connection names ends here, but for what it says to this proxy", () => {
  const head = requestHead(
    "GET / HTTP/1.1\r\nHost: web\r\nConnection: baggage\r\nbaggage: a=1,fairlead-dtab=/a%3D>/b\r\n\r\n",
  );
  expect(readBaggage(head)).toMatchObject({ dtab: "/a=>/b", others: "" });
});

function exchange(localDtab: string, deadline: string): Exchange {
  const ex = new Exchange();
  ex.localDtab = localDtab;
  ex.deadline = deadline === "" ? null : parseDeadline(deadline);
  return ex;
}

test("Our members are written first, with only those characters that baggage allows", () => {
  const message = request();
  message.ownBaggage = true;
  message.otherBaggage = "a=1, b=2";
  const ex = exchange('/svc/*=>/a & 0.5*/b;/x=>/\\x22\\x2c "', "1790000000000000001 1790000000000000002");
  const written = baggageToSend(ex, message);
  expect(written).toBe(
    "fairlead-dtab=/svc/*%3D>/a%20&%200.5*/b%3B/x%3D>/%5Cx22%5Cx2c%20%22,fairlead-deadline=1790000000000000001%201790000000000000002,a=1, b=2",
  );
  expect(readBaggage(request(written))).toEqual({
    own: true,
    dtab: ex.localDtab,
    problem: null,
    deadlines: ["1790000000000000001 1790000000000000002"],
    unreadable: 0,
    others: "a=1, b=2",
  });
  message.ownBaggage = false;
  expect(baggageToSend(ex, message)).toBe("a=1, b=2");
  message.ownBaggage = true;
  message.otherBaggage = "";
  expect(baggageToSend(exchange("", ""), message)).toBe("");
});

test("Our members find room only within the bounds of the specification", () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `k${i}=1`).join(",");
  expect(fits("/a=>/b", "")).toBe(true);
  expect(fits("/a=>/b", many(MAX_MEMBERS - 2))).toBe(true);
  expect(fits("/a=>/b", many(MAX_MEMBERS - 1))).toBe(false);
  expect(fits("/a=>/b", "x".repeat(MAX_BYTES - 100))).toBe(true);
  expect(fits("/a=>/b", "x".repeat(MAX_BYTES - 80))).toBe(false);
  expect(fits("", "x".repeat(MAX_BYTES - 80))).toBe(true);
});
