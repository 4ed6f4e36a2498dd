// Program: ten backends on ten ports. `backends.ts PROTOCOL PORT…`; orders on standard input, one JSON value per line.
import type { Order } from "../remote.ts";
import { onValues, sendValue } from "../lines.ts";
import { Backend } from "./backend.ts";
import { speakGrpc } from "./grpc-backend.ts";
import { speakHttp } from "./http-backend.ts";
import { Journal } from "./journal.ts";

const [protocol, ...ports] = process.argv.slice(2);
const journal = new Journal();
const speak = protocol === "grpc" ? speakGrpc() : speakHttp();
const backends = ports.map((port) => new Backend(Number(port), speak, journal));
await Promise.all(backends.map((backend) => backend.start()));

function obey(order: Order): void {
  if (order.do === "journal") sendValue(process.stdout, { journal: journal.counts() });
  else for (const at of order.backends) void backends[at]?.become(order.fault);
}

onValues(
  process.stdin,
  (value) => obey(value as Order), // the harness sends nothing else
  () => process.exit(0),
);
sendValue(process.stdout, { ready: true });
