// A span as Zipkin's Thrift has it (version 1 of its model; finagle §8.3), in the binary protocol: what version 2 says by kind, there are
// annotations for: sr and ss of a server, cs and cr of a client, ca and sa for the other end.
import { ThriftWriter } from "./thrift-writer.ts";
import type { ZipkinEndpoint, ZipkinSpan } from "./spans.ts";

/** Of `zipkinCore.thrift`. */
const AnnotationType = { bool: 0, string: 6 } as const;

/** One span. A shared one has no time of its own: that is the caller's to tell. */
export function thriftSpan(span: ZipkinSpan): Buffer {
  const { duration, id, kind, localEndpoint, parentId, remoteEndpoint, shared, tags, timestamp, traceId } = span;
  const out = new ThriftWriter();
  const high = traceId.length > 16 ? traceId.slice(0, -16) : null;
  const [begin, end, other] = kind === "SERVER" ? ["sr", "ss", "ca"] : ["cs", "cr", "sa"];
  out.id(1, traceId.slice(-16));
  out.text(3, span.name);
  out.id(4, id);
  if (parentId !== undefined) out.id(5, parentId);
  out.list(6, [
    () => annotation(out, timestamp, begin, localEndpoint),
    () => annotation(out, timestamp + duration, end, localEndpoint),
  ]);
  const binary = Object.entries(tags).map(
    ([key, value]) =>
      () =>
        binaryAnnotation(out, key, Buffer.from(value, "utf8"), AnnotationType.string, localEndpoint),
  );
  if (remoteEndpoint !== undefined)
    binary.push(() => binaryAnnotation(out, other, Buffer.of(1), AnnotationType.bool, remoteEndpoint));
  out.list(8, binary);
  if (span.debug === true) out.bool(9, true);
  if (shared !== true) {
    out.int64(10, timestamp);
    out.int64(11, duration);
  }
  if (high !== null) out.id(12, high);
  out.stop();
  return out.take();
}

function annotation(out: ThriftWriter, timestamp: number, value: string, host: ZipkinEndpoint): void {
  out.int64(1, timestamp);
  out.text(2, value);
  out.struct(3, () => endpoint(out, host));
  out.stop();
}

function binaryAnnotation(out: ThriftWriter, key: string, value: Buffer, type: number, host: ZipkinEndpoint): void {
  out.text(1, key);
  out.bytes(2, value);
  out.int32(3, type);
  out.struct(4, () => endpoint(out, host));
  out.stop();
}

/** IPv4 0.0.0.0 and port 0 where they are not known, as the format has no other word for it. */
function endpoint(out: ThriftWriter, { ipv4, ipv6, port, serviceName }: ZipkinEndpoint): void {
  out.int32(1, ipv4 === undefined ? 0 : ipv4.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0));
  out.int16(2, port ?? 0);
  out.text(3, serviceName ?? "");
  if (ipv6 !== undefined) out.bytes(4, ipv6Bytes(ipv6));
  out.stop();
}

/** RFC 4291 §2.2, a zone left out. */
function ipv6Bytes(text: string): Buffer {
  const [address = ""] = text.split("%", 1);
  const [head = "", tail] = withoutDots(address).split("::", 2);
  const groups = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(tail)];
  const between = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0");
  const all = tail === undefined ? before : [...before, ...between, ...after];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

/** `::ffff:1.2.3.4` as `::ffff:102:304`. */
function withoutDots(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a: string, b: string, c: string, d: string) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":"),
  );
}
