// What caller and service in Node share: the description of the interop service, and payloads.
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const description = loadSync(new URL("../interop.proto", import.meta.url).pathname, { defaults: true });
const { testing } = loadPackageDefinition(description).grpc;

export const { TestService, UnimplementedService } = testing;

/** A payload of zeros, as all cases ask for. */
export function zeros(size) {
  return { type: "COMPRESSABLE", body: Buffer.alloc(size) };
}
