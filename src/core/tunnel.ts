// Exchanges that end in a tunnel: from a moment on both of their bodies are bytes without a form of ours, and without an end foreseen.

/** What an exchange has to do with one. */
export const Tunnel = {
  /** Nothing. */
  none: 0,
  /** It becomes one if the service agrees (`Upgrade`, RFC 9110 §7.8); otherwise it is answered like any other. */
  offered: 1,
  /** It becomes one as soon as there is a connection to an endpoint, which hears of no request (`CONNECT`, RFC 9110 §9.3.6). */
  direct: 2,
  /** It is one. */
  open: 3,
} as const;
export type Tunnel = (typeof Tunnel)[keyof typeof Tunnel];
