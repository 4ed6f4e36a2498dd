// The built-in namers, `/$/…`.
import type { Namer } from "../core/namer.ts";
import type { Hosts } from "./hosts.ts";
import { failNamer, nilNamer, statusNamer } from "./utility/constants.ts";
import { fixedInetNamer, inetNamer, rinetNamer } from "./utility/inet.ts";
import { rewritingNamers } from "./utility/rewriting.ts";

/** All of linkerd1 §3.4 that needs nothing but a resolver. */
export function utilityNamers(hosts: Pick<Hosts, "live" | "fixed">): readonly Namer[] {
  return [
    inetNamer(hosts),
    fixedInetNamer(hosts),
    rinetNamer(hosts),
    nilNamer(),
    failNamer(),
    statusNamer(),
    ...rewritingNamers(),
  ];
}
