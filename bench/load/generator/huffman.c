#include "huffman.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "loop.h"

#define SHORTEST 5
#define LONGEST 15
#define FIRST ' '
#define LAST '~'

/// Bits per character from blank to tilde, in base 16. The code is canonical: lengths are all there is to know. The
/// backslash (19 bits) is left out, and so is all that needs longer codes still.
static const char LENGTHS[] =
    "6aacd68baa8b8666"
    "5556666666"
    "78f6cad"
    "67777777777777777777777878"
    "d0de6f"
    "56565666577666567655677777"
    "fbed";

static struct {
  uint16_t code;
  uint8_t length;
} codes[128];
static struct {
  char symbol;
  uint8_t length;  // 0 = not a code of eight bits or fewer
} short_codes[256];
static struct {
  uint16_t first, count;
  char symbols[32];
} by_length[LONGEST + 1];

static unsigned length_of(char symbol) {
  if (symbol == 0) return 13;  // the one unprintable among them
  char digit = LENGTHS[symbol - FIRST];
  return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void assign(char symbol, unsigned length, unsigned code) {
  codes[(int)symbol].code = (uint16_t)code, codes[(int)symbol].length = (uint8_t)length;
  by_length[length].symbols[by_length[length].count++] = symbol;
  if (length > 8) return;
  for (unsigned i = 0; i < 1u << (8 - length); i++) {
    short_codes[(code << (8 - length)) + i].symbol = symbol;
    short_codes[(code << (8 - length)) + i].length = (uint8_t)length;
  }
}

void huffman_fill(void) {
  unsigned code = 0;
  for (unsigned length = SHORTEST; length <= LONGEST; length++, code <<= 1) {
    by_length[length].first = (uint16_t)code;
    if (length_of(0) == length) assign(0, length, code++);
    for (char symbol = FIRST; symbol <= LAST; symbol++)
      if (length_of(symbol) == length) assign(symbol, length, code++);
  }
}

size_t huffman_encode(const char *text, size_t size, char *to) {
  uint64_t bits = 0;
  unsigned count = 0;
  char *at = to;
  for (size_t i = 0; i < size; i++) {
    unsigned symbol = (unsigned char)text[i], length = symbol < 128 ? codes[symbol].length : 0;
    if (!length) die("%.*s has a character that is not coded here", (int)size, text);
    bits = bits << length | codes[symbol].code;
    for (count += length; count >= 8; count -= 8) *at++ = (char)(bits >> (count - 8));
  }
  if (count) *at++ = (char)(bits << (8 - count) | 0xffu >> count);
  return (size_t)(at - to);
}

/// The next `want` bits, with ones behind the end.
static unsigned look(uint64_t bits, unsigned count, unsigned want) {
  unsigned mask = (1u << want) - 1;
  if (count >= want) return (unsigned)(bits >> (count - want)) & mask;
  return ((unsigned)(bits << (want - count)) | mask >> count) & mask;
}

static unsigned long_code(uint64_t bits, unsigned count, char *symbol) {
  for (unsigned length = 9; length <= LONGEST && length <= count; length++) {
    unsigned offset = look(bits, count, length) - by_length[length].first;
    if (offset < by_length[length].count) return *symbol = by_length[length].symbols[offset], length;
  }
  return 0;
}

/// Four bytes at once while there are so many.
static unsigned refill(uint64_t *bits, const char *bytes, size_t size, size_t *at) {
  uint32_t four;
  if (size - *at >= sizeof four) {
    memcpy(&four, bytes + *at, sizeof four);
    *bits = *bits << 32 | __builtin_bswap32(four);
    *at += sizeof four;
    return 32;
  }
  unsigned count = 0;
  for (; *at < size; count += 8) *bits = *bits << 8 | (unsigned char)bytes[(*at)++];
  return count;
}

long huffman_decode(const char *bytes, size_t size, char *to, size_t room) {
  uint64_t bits = 0;
  unsigned count = 0;
  size_t n = 0, at = 0;
  for (;;) {
    if (count < 32) count += refill(&bits, bytes, size, &at);
    for (; count >= 8 && n < room; n++) {
      unsigned code = (unsigned)(bits >> (count - 8)) & 255;
      if (!short_codes[code].length) break;
      to[n] = short_codes[code].symbol;
      count -= short_codes[code].length;
    }
    if (count < 16 && at < size) continue;
    unsigned window = look(bits, count, 8), length = short_codes[window].length;
    char symbol = short_codes[window].symbol;
    if (!length || length > count) length = long_code(bits, count, &symbol);
    if (!length) return count < 8 && look(bits, count, 8) == 0xff ? (long)n : -1;
    if (n == room) return -1;
    to[n++] = symbol;
    count -= length;
  }
}
