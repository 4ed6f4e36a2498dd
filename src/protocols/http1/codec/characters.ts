// @hot Character classes of RFC 9110 §5.6.2 and RFC 9112, as tables.

const TCHAR = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** The lower-case form of a token character, 0 for any other byte. */
export const TOKEN_LOWER = new Uint8Array(256);
for (let i = 0; i < TCHAR.length; i++) {
  const code = TCHAR.charCodeAt(i);
  TOKEN_LOWER[code] = code >= 65 && code <= 90 ? code | 0x20 : code;
}

/** 1 for bytes that may stand in a field value: HTAB, SP, visible ASCII, obs-text (RFC 9110 §5.5). */
export const VALUE_BYTE = new Uint8Array(256).fill(1);
VALUE_BYTE.fill(0, 0, 32);
VALUE_BYTE[9] = 1;
VALUE_BYTE[127] = 0;

/** 1 for bytes that may stand in a request target. `#`, `\`, space and controls may not; `..` is nobody's business here. */
export const TARGET_BYTE = new Uint8Array(256).fill(1);
TARGET_BYTE.fill(0, 0, 33);
TARGET_BYTE[127] = 0;
TARGET_BYTE[0x23] = 0;
TARGET_BYTE[0x5c] = 0;

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;
