// Messages of gRPC as they lie on the wire, for what its libraries hide: whether a message was compressed.
import { gunzipSync, gzipSync } from "node:zlib";

/** A message with its five bytes before it: a flag, and its length. */
export function frame(message, compressed) {
  const body = compressed ? gzipSync(message) : message;
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** All messages of a stream, each with its flag. */
export async function framesOf(stream) {
  let rest = Buffer.concat(await stream.toArray());
  const found = [];
  while (rest.length > 0) {
    const end = 5 + rest.readUInt32BE(1);
    const compressed = rest.readUInt8(0) === 1;
    const body = rest.subarray(5, end);
    found.push({ compressed, message: compressed ? gunzipSync(body) : body });
    rest = rest.subarray(end);
  }
  return found;
}
