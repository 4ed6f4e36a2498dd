// node bench/micro/hpack.bench.ts: what the header blocks of gRPC calls cost to read and to write, per block.
import { hpackOperations, rememberingOperations } from "./hpack.ts";
import { measure } from "./measure.ts";

for (const { name, run } of [...hpackOperations(), ...rememberingOperations()]) measure(name, run, 500_000);
