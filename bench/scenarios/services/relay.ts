// Program: a service in the middle of the chain. `relay.ts PROTOCOL NEXT-NAME NEXT-PORT PORT…`; ends with its standard input.
import { onValues, sendValue } from "../lines.ts";
import { relayGrpc } from "./grpc-relay.ts";
import { relayHttp } from "./http-relay.ts";

const [protocol = "", name = "", port, ...ports] = process.argv.slice(2);
const next = { name, port: Number(port) };
await (protocol === "grpc" ? relayGrpc : relayHttp)(ports.map(Number), next);
onValues(
  process.stdin,
  () => undefined,
  () => process.exit(0),
);
sendValue(process.stdout, { ready: true });
