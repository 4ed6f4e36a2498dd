// TCP for one event loop, by the fastest means that this Node offers.
import type { Transport } from "../core/byte-stream.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Logger } from "../telemetry/log.ts";
import { proveDirectWrite } from "../transport/node/direct-write.ts";
import { NodeTransport } from "../transport/node/node-transport.ts";
import { ReadBuffers } from "../transport/node/read-buffers.ts";
import { proveStaticRead } from "../transport/node/static-read.ts";

export async function tcp(loop: DataLoop, logger: Logger): Promise<Transport> {
  const [staticRead, directWrite] = await Promise.all([proveStaticRead(), proveDirectWrite()]);
  if (staticRead === null) {
    logger.warn(
      "this Node does not read accepted connections into a given buffer; using 'data' events, about 20 % slower",
    );
  }
  if (directWrite === null) {
    logger.warn("this Node's sockets cannot be written to directly; using streams, about 4 % slower");
  }
  return new NodeTransport({
    buffers: new ReadBuffers(staticRead),
    directWrite,
    flush: () => loop.scratch.flush(),
    readerFailed: (error) => logger.error("a connection was dropped after an error of the proxy", error),
  });
}
