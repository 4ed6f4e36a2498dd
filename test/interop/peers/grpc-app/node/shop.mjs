// What the programs in Node share: the description of the application.
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const description = loadSync(new URL("../shop.proto", import.meta.url).pathname, { defaults: true });

export const { Orders, Users, Web } = loadPackageDefinition(description).shop;
