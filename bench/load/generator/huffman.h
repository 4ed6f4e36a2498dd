// HPACK's Huffman code (RFC 7541, Appendix B) for printable ASCII, which is all that this traffic is made of.
#pragma once
#include <stddef.h>

void huffman_fill(void);

/// Writes the coded text, padded with ones, and says how many bytes that took.
size_t huffman_encode(const char *text, size_t size, char *to);

/// Number of characters; -1 = not in the code, or more than `room`.
long huffman_decode(const char *bytes, size_t size, char *to, size_t room);
