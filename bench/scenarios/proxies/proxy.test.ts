import { expect, test } from "vitest";
import { filled } from "./proxy.ts";

const HOP = {
  name: "items",
  port: 4140,
  adminPort: 9990,
  endpoints: [8001, 8002],
  attemptMs: 300,
  totalMs: 900,
  folder: "/tmp/x",
};

test("a configuration gets the hop's values, and a line for each endpoint", () => {
  const text = "bind ${PORT} for ${NAME}, ${ATTEMPT_MS} of ${TOTAL_MS}\nserver s${NUMBER} ${ENDPOINT}\n${UNKNOWN}\n";
  expect(filled(text, HOP)).toBe(
    "bind 4140 for items, 300 of 900\nserver s1 127.0.0.1:8001\nserver s2 127.0.0.1:8002\n${UNKNOWN}\n",
  );
});
