// The thread border: what control and data say to each other. Plain values only, so that with several workers the same
// messages travel by `postMessage`; with one they are direct calls.

/** A name tree after binding, without alternatives. */
export type BoundTree =
  | { readonly type: "leaf"; readonly id: string; readonly residual: string; readonly canned: number }
  | { readonly type: "union"; readonly branches: readonly { readonly weight: number; readonly tree: BoundTree }[] }
  | { readonly type: "neg" | "fail" | "empty" };

/** One address of a client, as discovery reports it. */
export interface EndpointInfo {
  /** `host:port`, or `unix:/path`. */
  readonly key: string;
  /** The path of a unix socket begins with a slash (`socket-address`). */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly weight: number;
}

/** The addresses of a client. `pending` until discovery has answered once. */
export type EndpointSet =
  | { readonly at: "bound"; readonly endpoints: readonly EndpointInfo[] }
  | { readonly at: "neg" | "pending" }
  | { readonly at: "failed"; readonly message: string };

/** Data asks control. `router` is the key control gave the router, `binding` a number data chose. */
export type ToControl =
  | {
      readonly type: "bind";
      readonly router: string;
      readonly binding: number;
      readonly path: string;
      readonly localDtab: string;
    }
  | { readonly type: "unbind"; readonly router: string; readonly binding: number }
  | { readonly type: "watch"; readonly router: string; readonly client: string }
  | { readonly type: "unwatch"; readonly router: string; readonly client: string };

/** Control answers, and answers again whenever something changes. */
export type ToData =
  | { readonly type: "bound"; readonly router: string; readonly binding: number; readonly tree: BoundTree }
  | { readonly type: "unbound"; readonly router: string; readonly binding: number; readonly message: string }
  | { readonly type: "endpoints"; readonly router: string; readonly client: string; readonly set: EndpointSet };
