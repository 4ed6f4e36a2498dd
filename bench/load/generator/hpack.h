// HPACK (RFC 7541) as far as generator and backend need it. The encoder puts out prepared fields and keeps a real
// dynamic table; the decoder follows the peer's table in full, but only understands the few fields that matter.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HPACK_TABLE 4096                  // bytes, the default of both directions (RFC 9113 §6.5.2)
#define HPACK_ENTRIES (HPACK_TABLE / 32)  // an entry counts 32 bytes besides its text (RFC 7541 §4.1)
#define HPACK_SLOTS 1024

/// Fills the tables of known names and of the Huffman code.
void hpack_fill(void);

// ---- encoder

typedef enum {
  HPACK_STORED,   // put into the table once, then named by its index
  HPACK_ALWAYS,   // put into the table each time and never found again: what many callers do with values that do not repeat
  HPACK_LITERAL,  // never put into the table
  HPACK_SECRET,   // never indexed, by anybody on the way (RFC 7541 §7.1.3)
} hpack_storing;

typedef struct {
  char *bytes;  // the literal form
  uint16_t length, entry_size;
  hpack_storing storing;
  int slot;
} hpack_field;

typedef struct {
  uint32_t position[HPACK_SLOTS];  // of the field in the order of insertions, from 1; 0 = never put in
  uint16_t sizes[HPACK_ENTRIES];
  uint32_t inserted, evicted, size, capacity;
  bool resized;  // the peer must be told the new capacity
} hpack_encoder;

/// Prepares a field for use with any encoder. The same stored text twice gives the same slot.
hpack_field hpack_prepare(const char *name, const char *value, hpack_storing storing);

/// A field of the static table as a whole, such as 8 for `:status: 200`.
hpack_field hpack_static(int index);

void hpack_free(hpack_field *f);

void hpack_begin(hpack_encoder *e);

/// The peer allows its table so many bytes. More than the default is not used.
void hpack_limit(hpack_encoder *e, uint32_t bytes);

/// Each block starts with this and then puts its fields; all return where the next byte goes.
char *hpack_start_block(hpack_encoder *e, char *to);
char *hpack_put(hpack_encoder *e, const hpack_field *f, char *to);
char *hpack_put_id(hpack_encoder *e, uint64_t id, bool stored, char *to);
char *hpack_put_sum(uint64_t sum, char *to);
char *hpack_put_path(const char *path, size_t size, char *to);

// ---- decoder

/// What must arrive as it was sent, in any order: path, authorization, tenant and context. A request carries the sum over
/// them; to take it again costs more than all else here, so a decoder does that for one block in so many.
#define HPACK_SUMMED_BLOCKS 16
uint64_t hpack_sum_of(const char *name, const char *value, size_t size);

/// What a block said about the things we look at.
typedef struct {
  bool summed, has_sum;
  uint64_t sum, seen;  // as the block says, and as it is; comparable when both are true
  int status;       // 0 = none
  int grpc_status;  // -1 = none
  bool has_id, grpc;
  uint64_t id;
} hpack_head;

typedef struct {
  struct {
    uint64_t value;
    uint16_t size, name_length;
    uint8_t name;
  } entries[HPACK_ENTRIES];
  uint32_t inserted, evicted, size, capacity, blocks;
} hpack_decoder;

void hpack_decoder_begin(hpack_decoder *d);

/// False when the block is broken, which ends the connection (RFC 9113 §4.3).
bool hpack_decode(hpack_decoder *d, const char *block, size_t size, hpack_head *out);
