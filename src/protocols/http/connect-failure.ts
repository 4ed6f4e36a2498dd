// Why a connection could not be established, in our own words.
import { type Cause, causes } from "../../core/cause.ts";
import { isExhaustion } from "../../core/exhaustion.ts";
import { Failure } from "../../core/failure.ts";

/** The system's name of an error (`ECONNREFUSED`), `""` when it has none. */
export function errorCode(error: Error | null): string {
  if (error === null) return "";
  const code = (error as Error & { code?: unknown }).code; // Node adds it to system errors
  return typeof code === "string" ? code : error.name;
}

/** The failure of a connection that never came to be. */
export function connectFailure(error: Error | null, address: string): Failure {
  const code = errorCode(error);
  const message = `Unable to establish connection to ${address}${code === "" ? "" : ` (${code})`}`;
  return new Failure(causeOf(error, code), message, {
    endpoint: address,
    ...(code === "" ? {} : { error: code }),
  });
}

function causeOf(error: Error | null, code: string): Cause {
  if (error !== null && isExhaustion(error)) return causes.exhausted;
  return code === "ECONNREFUSED" ? causes.connectRefused : causes.connectFailed;
}
