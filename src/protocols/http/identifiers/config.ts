// Configuration of identifiers: the name a request asks for (reference §2.1.4).
import { kindOf } from "../../../config/kinds.ts";
import {
  bool,
  headerName,
  http2HeaderName,
  int,
  object,
  oneOrMany,
  path,
  unavailable,
} from "../../../config/schema.ts";

const routeByHost = "use io.l5d.header.token, with the hosts in the dtab";

const refused = {
  "io.l5d.ingress": unavailable("The rules of Kubernetes Ingress resources.", routeByHost),
  "io.l5d.k8s.istio": unavailable("Route rules of Istio; deprecated since Linkerd 1.5.", routeByHost),
  "io.l5d.k8s.istio-ingress": unavailable("Ingress rules of Istio; deprecated since Linkerd 1.5.", routeByHost),
};

const byHost = object(
  {
    doc: "`<dstPrefix>/<host in lower case>`, and `/<port>` after it where one is written: `users` and `Users:8080` begin with the same name. What `services` are named by.",
    origin: "fairlead",
  },
  {},
);

const anyIdentifier = kindOf(
  { doc: "Where in a request its name is found.", open: "identifier" },
  {
    "io.l5d.header.token": object(
      { doc: "`<dstPrefix>/<value of a header>`; the value is one segment." },
      { header: headerName({ doc: "The header.", default: "Host" }) },
    ),
    "io.l5d.header": object(
      { doc: "`<dstPrefix><value of a header>`; the value is a path." },
      { header: headerName({ doc: "The header.", default: "l5d-name" }) },
    ),
    "io.l5d.path": object(
      { doc: "`<dstPrefix>/<first segments of the URI path>`." },
      {
        segments: int({ doc: "How many segments.", default: 1, min: 1 }),
        consume: bool({ doc: "Removes them from the forwarded request.", default: false }),
      },
    ),
    "io.l5d.methodAndHost": object(
      { doc: "`<dstPrefix>/1.1/<method>/<host in lower case>`; `<dstPrefix>/1.0/<method>` for HTTP/1.0." },
      { httpUriInDst: bool({ doc: "Appends the URI path.", default: false }) },
    ),
    "io.l5d.static": object(
      { doc: "One name for every request." },
      { path: path({ doc: "The name, after `dstPrefix`.", required: true }) },
    ),
    "fairlead.host": byHost,
    ...refused,
  },
);

export const identifier = oneOrMany(
  { doc: "How a request is named; of several, the first that finds a name.", default: { kind: "io.l5d.header.token" } },
  anyIdentifier,
);

const anyHttp2Identifier = kindOf(
  { doc: "Where in a request its name is found.", open: "identifier" },
  {
    "io.l5d.header.token": object(
      { doc: "`<dstPrefix>/<value of a header>`; the value is one segment. Of several values the last counts." },
      { header: http2HeaderName({ doc: "The header.", default: ":authority" }) },
    ),
    "io.l5d.header.path": object(
      { doc: "`<dstPrefix><path of a URI in a header>`, without the query; for gRPC that is `/<service>/<method>`." },
      {
        header: http2HeaderName({ doc: "The header.", default: ":path" }),
        segments: int({ doc: "How many leading segments, all of them required; the whole path when absent.", min: 1 }),
      },
    ),
    "fairlead.host": byHost,
    ...refused,
  },
);

/** The same for HTTP/2 (reference §2.2). */
export const http2Identifier = oneOrMany(
  { doc: "How a request is named; of several, the first that finds a name.", default: { kind: "io.l5d.header.token" } },
  anyHttp2Identifier,
);
