import { expect, test } from "vitest";
import { causes } from "../../core/cause.ts";
import { Failure } from "../../core/failure.ts";
import { Outcome } from "../../core/outcome.ts";
import { cannedFields, failureFields } from "./failure-answer.ts";

const OPTIONS = { replayable: true, clearContext: false, maxErrBytes: 4096 };
const refused = new Failure(causes.connectRefused, "nobody listens at é", { endpoint: "10.0.0.1:80" });

test("The answer to a failure says in fields what a program wants to know, and in its body what a person does", () => {
  expect(failureFields(refused, OPTIONS)).toEqual({
    status: 502,
    fields: [
      ["l5d-err", "nobody%20listens%20at%20%C3%A9"],
      ["l5d-retryable", "true"],
      ["l5d-success-class", "0.0"],
      ["fairlead-cause", "upstream.connect.refused;endpoint=10.0.0.1:80"],
      ["Content-Type", "text/plain"],
      ["Content-Length", "21"],
    ],
    body: "nobody listens at é\n",
  });
});

test("The answer to a failure tells nothing at the edge", () => {
  expect(failureFields(refused, { ...OPTIONS, clearContext: true })).toEqual({
    status: 502,
    fields: [["Content-Length", "0"]],
    body: "",
  });
});

test("An answer that consists of its status has a length only where one may stand", () => {
  const names = (status: number, clearContext: boolean) =>
    cannedFields(status, Outcome.success, clearContext).fields.map(([name]) => name);
  expect(names(503, false)).toEqual(["Content-Length", "l5d-success-class"]);
  expect(names(204, false)).toEqual(["l5d-success-class"]);
  expect(names(304, true)).toEqual([]);
});
