import { expect, test } from "vitest";
import { requestVectors } from "../../../../test/support/golden.ts";
import { everySplit, Http1Reader } from "../../../../test/support/http1-reader.ts";

/** What admission decides, above the codec: the form of the target, and the text of Host. */
const ABOVE = /target without a slash|authority as the target|asterisk|absolute target|CONNECT|^Host with/;

const vectors = requestVectors().filter((vector) => !ABOVE.test(vector.name));

function read(parts: readonly string[]): { requests: string[]; problem: string | undefined } {
  const reader = new Http1Reader("request");
  for (const part of parts) reader.push(part);
  const whole = reader.seen.filter((message) => message.complete);
  const requests = whole.map((m) => `${m.line} HTTP/1.${m.minor} ${JSON.stringify(m.body)}`);
  return { requests, problem: reader.problem?.token };
}

test.each(vectors)("$name ($why)", ({ input, messages, refusal }) => {
  const requests = messages.map((m) => `${m.method} ${m.target} HTTP/${m.version} ${JSON.stringify(m.body ?? "")}`);
  expect(read([input.join("")])).toEqual({ requests, problem: refusal });
});

test("every vector reads the same byte by byte and cut at every place", () => {
  const different: string[] = [];
  for (const { input, name } of vectors) {
    const text = input.join("");
    const whole = JSON.stringify(read([text]));
    for (const parts of everySplit(text)) {
      if (JSON.stringify(read(parts)) !== whole) different.push(`${name}, cut behind ${parts[0]?.length}`);
    }
  }
  expect(different).toEqual([]);
});
