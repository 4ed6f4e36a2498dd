// Sockets of the system for one event loop, by the fastest means that this Node offers.
import type { Transport } from "../core/byte-stream.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Logger } from "../telemetry/log.ts";
import { systemDescriptors } from "../transport/node/descriptors.ts";
import { proveDirectWrite } from "../transport/node/direct-write.ts";
import type { InheritedSockets } from "../transport/node/inherited-sockets.ts";
import { NodeTransport } from "../transport/node/node-transport.ts";
import { ReadBuffers } from "../transport/node/read-buffers.ts";
import { proveStaticRead } from "../transport/node/static-read.ts";

/** @param inherited listening sockets that this process was started with. */
export async function sockets(loop: DataLoop, logger: Logger, inherited?: InheritedSockets): Promise<Transport> {
  const [staticRead, directWrite] = await Promise.all([proveStaticRead(), proveDirectWrite()]);
  if (staticRead === null) {
    logger.warn(
      "this Node does not read accepted connections into a given buffer; using 'data' events, about 20 % slower",
    );
  }
  if (directWrite === null) {
    logger.warn("this Node's sockets cannot be written to directly; using streams, about 4 % slower");
  }
  const host = {
    buffers: new ReadBuffers(staticRead),
    directWrite,
    descriptors: systemDescriptors(loop.clock, logger),
    flush: () => loop.scratch.flush(),
    readerFailed: (error: unknown) => logger.error("a connection was dropped after an error of the proxy", error),
  };
  return new NodeTransport(host, inherited);
}
