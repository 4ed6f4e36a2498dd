// `/delegator.json`: how a name is resolved, step by step (linkerd1 §3.6).
import type { Env } from "../../base/env.ts";
import { parsePath } from "../../core/path.ts";
import { SyntaxProblem } from "../../core/syntax.ts";
import type { Var } from "../../core/var.ts";
import { type Delegation, isSettled } from "../../naming/delegation.ts";
import { parseDtab } from "../../naming/dtab-parser.ts";
import { type LocalAnswer, LocalProblem } from "../../protocols/http1/local-answer.ts";
import { json } from "../answers.ts";
import type { Parameters } from "../parameters.ts";
import type { RouterSubject, Subject } from "../subject.ts";
import { routerOf } from "./state.ts";

const TIMEOUT_MS = 2_000;

/**
 * Explains `path` by the rules of `dtab`, or without it by those of the router `namespace`. As in the original the table given
 * stands for the router's, so that a person can try out a changed one; `override` comes after either, as `l5d-dtab` does.
 */
export async function delegator(subject: Subject, asked: Parameters): Promise<LocalAnswer> {
  const path = parsed(parsePath(asked.required("path", "the name to explain, such as /svc/users")), "path");
  const router = await routerAsked(subject, asked.get("namespace"));
  const written = asked.get("dtab");
  const dtab = written === undefined ? router.dtab() : parsed(parseDtab(written), "dtab");
  if (dtab === undefined)
    throw new LocalProblem(
      503,
      `router ${router.label} has no delegation table: ${router.dtabProblem() ?? "it is not known yet"}`,
    );
  const override = parsed(parseDtab(asked.get("override") ?? ""), "override");
  const { interpreter } = router;
  if (interpreter.delegate === undefined)
    throw new LocalProblem(501, `the interpreter of router ${router.label} cannot explain names`);
  return json(await settled(interpreter.delegate(dtab, override, path), subject.env));
}

async function routerAsked(subject: Subject, label: string | undefined): Promise<RouterSubject> {
  if (label !== undefined) return routerOf(subject, label);
  const routers = await subject.routers();
  const [only] = routers;
  if (only !== undefined && routers.length === 1) return only;
  const labels = routers.map((router) => router.label).join(", ");
  throw new LocalProblem(400, `the parameter "namespace" is missing: the label of a router, one of ${labels}`);
}

function parsed<T>(result: T | SyntaxProblem, name: string): T {
  if (!(result instanceof SyntaxProblem)) return result;
  throw new LocalProblem(400, `${name}, line ${result.line}, column ${result.column}: ${result.show()}`);
}

/** The explanation once everything in it is known. */
function settled(explanation: Var<Delegation>, { timers }: Env): Promise<Delegation> {
  const { promise, resolve, reject } = Promise.withResolvers<Delegation>();
  const limit = timers.after(TIMEOUT_MS, () => {
    reject(
      new LocalProblem(503, `discovery did not answer within ${TIMEOUT_MS} ms; parts of the name are still pending`),
    );
  });
  const watch = explanation.observe((tree) => {
    if (isSettled(tree)) resolve(tree);
  });
  return promise.finally(() => {
    limit.cancel();
    watch[Symbol.dispose]();
  });
}
