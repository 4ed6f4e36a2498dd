// Where fairlead and nghttpx may differ, and why. A difference that is not here fails, and so does an entry of a fixed case that nothing needs.

/** Differences of this kind, in cases with one of these tags, are as they should be. */
export interface Allowed {
  /** `fairlead refuses`, `nghttpx refuses`, or the part of the message that differs. */
  readonly what: string;
  readonly tags: RegExp;
  readonly why: string;
}

/** Requests. */
export const ALLOWED_REQUESTS: readonly Allowed[] = [
  {
    what: "fairlead refuses",
    tags: /^(?:target with a (?:backslash|fragment)|octet (?:23|5c) in a target)$/,
    why: "RFC 9113 §8.3.1 and RFC 3986 allow neither in :path, and services disagree about what they mean",
  },
  {
    what: "fairlead refuses",
    tags: /^(?:authority with user|octet (?:2c|40) in an authority)$/,
    why: "RFC 9113 §8.3.1 forbids user information; a comma would be two hosts to whoever reads Host as a list",
  },
  {
    what: "fairlead refuses",
    tags: /^host other than :authority$/,
    why: "one would be routed by, and the other served by; nghttpx drops the Host (RFC 9113 §8.3.1)",
  },
  {
    what: "nghttpx refuses",
    tags: /^(?:authority that is empty|no authority, no host)$/,
    why: "a router that does not name by host takes requests without one, of either version, and sends an empty Host (RFC 9112 §3.2)",
  },
  {
    what: "nghttpx refuses",
    tags: /^(?:method in lower case|method of odd token characters|octet .. in a method)$/,
    why: "nghttpx has a list of methods; RFC 9110 §9.1 allows any token",
  },
  {
    what: "nghttpx refuses",
    tags: /^body with two equal lengths$/,
    why: "RFC 9110 §8.6 allows to take equal values for one, and one Content-Length goes on",
  },
  {
    what: "nghttpx refuses",
    tags: /^trailers that frame$/,
    why: "fairlead leaves the field out, as RFC 9110 §6.5.1 allows",
  },
  {
    what: "target",
    tags: /^target (?:with dot segments|that climbs|with two slashes|with needless percent-encoding|that may be normalised)$/,
    why: "nghttpx normalises the target; fairlead sends it as it came (RFC 9110 §7.7)",
  },
  {
    what: "fields",
    tags: /^proxy-authorization$/,
    why: "it is for the next proxy, which is fairlead (RFC 9110 §11.7.2)",
  },
  {
    what: "fields",
    tags: /^cookie that ends in a semicolon$/,
    why: "fairlead joins crumbs with a semicolon and a space and changes nothing else (RFC 9113 §8.2.3)",
  },
];

/** Answers. */
export const ALLOWED_ANSWERS: readonly Allowed[] = [
  {
    what: "fairlead refuses",
    tags: /^(?:name with a space|space before the colon|name that is empty|pseudo-header field)$/,
    why: "names are tokens, and a proxy may not pass on what it reads in its own way (RFC 9112 §5.1); nghttpx leaves the field out",
  },
  {
    what: "fairlead refuses",
    tags: /^folded line$/,
    why: "RFC 9112 §5.2 lets a proxy refuse it; nghttpx joins the lines",
  },
  {
    what: "fairlead refuses",
    tags: /^(?:gzip, chunked|coding other than chunked|chunked twice)$/,
    why: "fairlead asked for no other coding (no TE), and where such a body ends is in doubt",
  },
  {
    what: "fairlead refuses",
    tags: /^HTTP\/1\.0, chunked$/,
    why: "RFC 9112 §6.1: its framing is to be taken for faulty",
  },
  {
    what: "fairlead refuses",
    tags: /^status (?:099|999)$/,
    why: "RFC 9110 §15: a status lies between 100 and 599",
  },
  {
    what: "fairlead refuses",
    tags: /^an empty line before it$/,
    why: "RFC 9112 §2.2 has servers skip one, not clients: more likely the last answer was longer than it said",
  },
  {
    what: "nghttpx refuses",
    tags: /^two equal lengths$/,
    why: "RFC 9110 §8.6 allows to take equal values for one, and one content-length goes on",
  },
  {
    what: "fields",
    tags: /^fields about the connection$/,
    why: "what Connection names ends with the connection (RFC 9110 §7.6.1); nghttpx passes it on",
  },
];
