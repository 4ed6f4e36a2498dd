// A service over node:http2: `service.mjs ADDRESS`. /NAME/hello greets, /NAME/trailers ends with trailers, /NAME/size/N sends N
// bytes, and what is posted comes back as it arrives.
import { createServer } from "node:http2";

const server = createServer();
server.on("stream", (stream, headers) => {
  stream.on("error", () => {});
  const [, , what, size] = headers[":path"].split("/");
  const answer = { ":status": 200, "content-type": "application/octet-stream" };
  if (headers.expect === "100-continue") stream.additionalHeaders({ ":status": 100 });
  if (headers[":method"] === "POST") {
    // Not before the body begins: who waits for 100 Continue may take an answer as the refusal of it.
    stream.once("readable", () => {
      stream.respond(answer);
      stream.pipe(stream);
    });
  } else if (what === "size") {
    stream.respond(answer);
    stream.end(headers[":method"] === "HEAD" ? undefined : Buffer.alloc(Number(size), "0123456789"));
  } else if (what === "trailers") {
    stream.respond(answer, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ checksum: "a1b2" }));
    stream.end("with trailers\n");
  } else {
    stream.respond(answer);
    stream.end("hello\n");
  }
});
const [host, port] = process.argv[2].split(":");
server.listen(Number(port), host);
