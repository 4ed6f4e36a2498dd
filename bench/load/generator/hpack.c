#define _GNU_SOURCE
#include "hpack.h"

#include <stdlib.h>
#include <string.h>

#include "huffman.h"
#include "loop.h"
#include "message.h"

#define STATIC_ENTRIES 61
#define ID_NAME "x-bench-id"
#define SUM_NAME "x-bench-sum"
#define MAX_TEXT 8192

enum { OTHER, STATUS, GRPC_STATUS, ID, SUM, CONTENT_TYPE, PATH, AUTHORIZATION, TENANT, CONTEXT, NAMES = CONTEXT + 5 };

/// Each name in both forms: the coding is unique, so raw bytes can be compared and nothing need be decoded.
static struct {
  char coded[32];
  const char *plain;
  uint8_t coded_length, plain_length;
} names[NAMES] = {
    {.plain = ""},             {.plain = ":status"},     {.plain = "grpc-status"}, {.plain = ID_NAME},       {.plain = SUM_NAME},
    {.plain = "content-type"}, {.plain = ":path"},       {.plain = "authorization"}, {.plain = "x-tenant"},  {.plain = "x-context-0"},
    {.plain = "x-context-1"},  {.plain = "x-context-2"}, {.plain = "x-context-3"}, {.plain = "x-context-4"},
};

/// Static entries whose name we send or understand (RFC 7541, Appendix A).
static const struct {
  const char *name;
  int index;
} static_names[] = {
    {":authority", 1}, {":path", 4},        {":status", 8},        {"accept-encoding", 16}, {"accept-language", 17},
    {"accept", 19},    {"authorization", 23}, {"cache-control", 24}, {"content-length", 28},  {"content-type", 31},
    {"cookie", 32},    {"date", 33},        {"etag", 34},          {"referer", 51},         {"user-agent", 58},
};
static const int static_status[] = {200, 204, 206, 304, 400, 404, 500};  // entries 8 to 14

/// Lengths of the names in the static table: what is put in under such a name counts it.
static const uint8_t static_lengths[STATIC_ENTRIES + 1] = {
    0,  10, 7,  7,  5,  5,  7,  7,  7,  7,  7,  7,  7,  7,  7,  14, 15, 15, 13, 6,  27, 3,  5,  13, 13, 19, 16, 16, 14, 16, 13,
    12, 6,  4,  4,  6,  7,  4,  4,  8,  17, 13, 8,  19, 13, 4,  8,  12, 18, 19, 5,  7,  7,  11, 6,  10, 25, 17, 10, 4,  3,  16};

static struct {
  char *text;
} slots[HPACK_SLOTS];
static int slot_count;
/// Literal forms of our own names, length first.
static struct {
  char bytes[16];
  size_t length;
} id_name, sum_name;

static char *put_integer(char *to, unsigned flags, unsigned prefix_bits, size_t value) {
  size_t most = (1u << prefix_bits) - 1;
  if (value < most) return *to = (char)(flags | value), to + 1;
  *to++ = (char)(flags | most);
  for (value -= most; value >= 128; value >>= 7) *to++ = (char)(value | 128);
  return *to = (char)value, to + 1;
}

/// The shorter of both forms, as every encoder does.
static char *put_text(char *to, const char *text, size_t size) {
  char coded[MAX_TEXT];
  size_t length = huffman_encode(text, size, coded);
  bool plain = length >= size;
  to = put_integer(to, plain ? 0 : 128, 7, plain ? size : length);
  return mempcpy(to, plain ? text : coded, plain ? size : length);
}

void hpack_fill(void) {
  huffman_fill();
  for (int i = 1; i < NAMES; i++) {
    names[i].plain_length = (uint8_t)strlen(names[i].plain);
    names[i].coded_length = (uint8_t)huffman_encode(names[i].plain, names[i].plain_length, names[i].coded);
  }
  id_name.length = (size_t)(put_text(id_name.bytes, ID_NAME, strlen(ID_NAME)) - id_name.bytes);
  sum_name.length = (size_t)(put_text(sum_name.bytes, SUM_NAME, strlen(SUM_NAME)) - sum_name.bytes);
}

// ---- encoder

static int static_name(const char *name) {
  for (size_t i = 0; i < sizeof static_names / sizeof *static_names; i++)
    if (strcmp(static_names[i].name, name) == 0) return static_names[i].index;
  return 0;
}

/// The slot of a text; -1 when all are taken.
static int slot_of(const char *name, const char *value) {
  char text[MAX_TEXT];
  size_t size = (size_t)(stpcpy(stpcpy(stpcpy(text, name), ": "), value) - text);
  for (int i = 0; i < slot_count; i++)
    if (strcmp(slots[i].text, text) == 0) return i;
  if (slot_count == HPACK_SLOTS) return -1;
  slots[slot_count].text = memcpy(malloc(size + 1), text, size + 1);
  return slot_count++;
}

hpack_field hpack_prepare(const char *name, const char *value, hpack_storing storing) {
  static const struct {
    uint8_t flags, prefix_bits;
  } forms[] = {{0x40, 6}, {0x40, 6}, {0x00, 4}, {0x10, 4}};
  char bytes[MAX_TEXT];
  if (strlen(name) + strlen(value) > MAX_TEXT / 4) die("the field %s is too long", name);
  hpack_field f = {.storing = storing, .slot = storing == HPACK_STORED ? slot_of(name, value) : -1};
  if (storing == HPACK_STORED && f.slot < 0) f.storing = HPACK_LITERAL;
  int index = static_name(name);
  char *to = put_integer(bytes, forms[f.storing].flags, forms[f.storing].prefix_bits, (size_t)index);
  if (!index) to = put_text(to, name, strlen(name));
  to = put_text(to, value, strlen(value));
  f.length = (uint16_t)(to - bytes);
  f.entry_size = (uint16_t)(strlen(name) + strlen(value) + 32);
  f.bytes = memcpy(malloc(f.length), bytes, f.length);
  return f;
}

hpack_field hpack_static(int index) {
  hpack_field f = {.bytes = malloc(1), .length = 1, .storing = HPACK_LITERAL, .slot = -1};
  *f.bytes = (char)(128 | index);
  return f;
}

void hpack_free(hpack_field *f) { free(f->bytes); }

void hpack_begin(hpack_encoder *e) { *e = (hpack_encoder){.capacity = HPACK_TABLE}; }

static void evict(hpack_encoder *e, uint32_t room_for) {
  while (e->inserted != e->evicted && e->size + room_for > e->capacity) e->size -= e->sizes[e->evicted++ % HPACK_ENTRIES];
}

static void insert(hpack_encoder *e, uint16_t size) {
  evict(e, size);
  if (size > e->capacity) return;
  e->sizes[e->inserted++ % HPACK_ENTRIES] = size;
  e->size += size;
}

void hpack_limit(hpack_encoder *e, uint32_t bytes) {
  uint32_t capacity = bytes < HPACK_TABLE ? bytes : HPACK_TABLE;
  e->resized |= capacity != e->capacity;
  e->capacity = capacity;
  evict(e, 0);
}

char *hpack_start_block(hpack_encoder *e, char *to) {
  if (!e->resized) return to;
  e->resized = false;
  return put_integer(to, 0x20, 5, e->capacity);
}

char *hpack_put(hpack_encoder *e, const hpack_field *f, char *to) {
  if (f->storing == HPACK_STORED) {
    uint32_t position = e->position[f->slot];
    if (position > e->evicted) return put_integer(to, 0x80, 7, STATIC_ENTRIES + 1 + e->inserted - position);
  }
  if (f->storing <= HPACK_ALWAYS) insert(e, f->entry_size);
  if (f->storing == HPACK_STORED) e->position[f->slot] = f->entry_size <= e->capacity ? e->inserted : 0;
  return mempcpy(to, f->bytes, f->length);
}

static char *put_digits(uint64_t number, char *to) {
  char digits[ID_DIGITS];
  write_id(digits, number);
  size_t length = huffman_encode(digits, ID_DIGITS, to + 1);
  *to = (char)(128 | length);
  return to + 1 + length;
}

char *hpack_put_id(hpack_encoder *e, uint64_t id, bool stored, char *to) {
  *to++ = stored ? 0x40 : 0;
  if (stored) insert(e, sizeof ID_NAME - 1 + ID_DIGITS + 32);
  return put_digits(id, mempcpy(to, id_name.bytes, id_name.length));
}

char *hpack_put_sum(uint64_t sum, char *to) {
  *to++ = 0;
  return put_digits(sum, mempcpy(to, sum_name.bytes, sum_name.length));
}

char *hpack_put_path(const char *path, size_t size, char *to) {
  return put_text(put_integer(to, 0, 4, 4), path, size);
}

// ---- decoder

typedef struct {
  const char *at, *end;
  bool broken;
} reader;

typedef struct {
  const char *bytes;
  size_t length;
  bool coded;
} text;

static size_t take_integer(reader *r, unsigned prefix_bits) {
  size_t most = (1u << prefix_bits) - 1, value = (unsigned char)*r->at++ & most;
  if (value < most) return value;
  for (unsigned shift = 0; r->at < r->end && shift < 28; shift += 7) {
    unsigned char byte = (unsigned char)*r->at++;
    value += (size_t)(byte & 127) << shift;
    if (byte < 128) return value;
  }
  r->broken = true;
  return 0;
}

static text take_text(reader *r) {
  if (r->at >= r->end) return r->broken = true, (text){0};
  bool coded = *r->at & 128;
  size_t length = take_integer(r, 7);
  if (r->broken || length > (size_t)(r->end - r->at)) return r->broken = true, (text){0};
  text t = {r->at, length, coded};
  r->at += length;
  return t;
}

static size_t characters(reader *r, text t) {
  char plain[MAX_TEXT];
  long n = t.coded ? huffman_decode(t.bytes, t.length, plain, sizeof plain) : (long)t.length;
  if (n < 0) r->broken = true;
  return n < 0 ? 0 : (size_t)n;
}

static unsigned name_of(text t) {
  for (unsigned i = 1; i < NAMES; i++) {
    size_t length = t.coded ? names[i].coded_length : names[i].plain_length;
    if (length == t.length && memcmp(t.coded ? names[i].coded : names[i].plain, t.bytes, length) == 0) return i;
  }
  return OTHER;
}

static bool is_summed(unsigned name) { return name >= PATH; }

/// FNV-1a over the value; the name is in what it starts from.
static uint64_t hash(unsigned name, const char *value, size_t size) {
  uint64_t h = 0xcbf29ce484222325ull + name;
  for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)value[i]) * 0x100000001b3ull;
  return h;
}

uint64_t hpack_sum_of(const char *name, const char *value, size_t size) {
  for (unsigned i = PATH; i < NAMES; i++)
    if (strcmp(names[i].plain, name) == 0) return hash(i, value, size);
  return 0;
}

static uint64_t number_in(const char *digits, size_t size, unsigned base) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; i++) {
    int digit = digits[i] <= '9' ? digits[i] - '0' : (digits[i] | 32) - 'a' + 10;
    number = number * base + (unsigned)digit;
  }
  return number;
}

/// A value as a number: the id or the sum, a status, whether the content is gRPC, or what it adds to the sum. Also its length.
static uint64_t value_of(reader *r, unsigned name, text t, size_t *length) {
  char decoded[MAX_TEXT];
  const char *plain = t.coded ? decoded : t.bytes;
  long n = t.coded ? huffman_decode(t.bytes, t.length, decoded, sizeof decoded) : (long)t.length;
  if (n < 0) return r->broken = true, 0;
  *length = (size_t)n;
  if (is_summed(name)) return hash(name, plain, *length);
  if (name == CONTENT_TYPE) return n >= 16 && memcmp(plain, "application/grpc", 16) == 0;
  return number_in(plain, *length, name == ID || name == SUM ? 16 : 10);
}

static void note(hpack_head *out, unsigned name, uint64_t value) {
  if (name == STATUS) out->status = (int)value;
  else if (name == GRPC_STATUS) out->grpc_status = (int)value;
  else if (name == CONTENT_TYPE) out->grpc = value != 0;
  else if (is_summed(name)) out->seen += value;
  else if (name == SUM) out->sum = value, out->has_sum = true;
  else if (name == ID) out->id = value, out->has_id = true;
}

void hpack_decoder_begin(hpack_decoder *d) {
  d->inserted = d->evicted = d->size = d->blocks = 0;
  d->capacity = HPACK_TABLE;
}

static void decoder_evict(hpack_decoder *d, size_t room_for) {
  while (d->inserted != d->evicted && d->size + room_for > d->capacity) d->size -= d->entries[d->evicted++ % HPACK_ENTRIES].size;
}

static void decoder_insert(hpack_decoder *d, unsigned name, size_t name_length, uint64_t value, size_t value_length) {
  size_t size = name_length + value_length + 32;
  decoder_evict(d, size);
  if (size > d->capacity) return;
  uint32_t at = d->inserted++ % HPACK_ENTRIES;
  d->entries[at].name = (uint8_t)name, d->entries[at].name_length = (uint16_t)name_length;
  d->entries[at].value = value, d->entries[at].size = (uint16_t)size;
  d->size += (uint32_t)size;
}

/// Number of the entry in `entries`; -1 when the index names none.
static long entry_at(const hpack_decoder *d, size_t index) {
  size_t back = index - STATIC_ENTRIES;
  return back > d->inserted - d->evicted ? -1 : (long)((d->inserted - back) % HPACK_ENTRIES);
}

static unsigned static_kind(size_t index) {
  if (index >= 8 && index <= 14) return STATUS;
  return index == 31 ? CONTENT_TYPE : index == 4 || index == 5 ? PATH : index == 23 ? AUTHORIZATION : OTHER;
}

static void take_indexed(hpack_decoder *d, reader *r, hpack_head *out) {
  size_t index = take_integer(r, 7);
  if (index == 0) r->broken = true;
  else if (index <= STATIC_ENTRIES) {
    if (static_kind(index) == STATUS) note(out, STATUS, (uint64_t)static_status[index - 8]);
  } else {
    long at = entry_at(d, index);
    if (at < 0) r->broken = true;
    else note(out, d->entries[at].name, d->entries[at].value);
  }
}

static void take_literal(hpack_decoder *d, reader *r, bool stored, hpack_head *out) {
  size_t index = take_integer(r, stored ? 6 : 4), name_length = 0;
  unsigned name = OTHER;
  if (index == 0) {
    text t = take_text(r);
    name = name_of(t);
    if (stored) name_length = characters(r, t);
  } else if (index <= STATIC_ENTRIES) {
    name = static_kind(index), name_length = static_lengths[index];
  } else {
    long at = entry_at(d, index);
    if (at < 0) r->broken = true;
    else name = d->entries[at].name, name_length = d->entries[at].name_length;
  }
  text t = take_text(r);
  if (r->broken) return;
  bool wanted = is_summed(name) || name == SUM ? stored || out->summed : name != OTHER;
  size_t length = 0;
  uint64_t value = wanted ? value_of(r, name, t, &length) : stored ? (length = characters(r, t), 0) : 0;
  note(out, name, value);
  if (stored) decoder_insert(d, name, name_length, value, length);
}

bool hpack_decode(hpack_decoder *d, const char *block, size_t size, hpack_head *out) {
  reader r = {.at = block, .end = block + size};
  *out = (hpack_head){.grpc_status = -1, .summed = d->blocks++ % HPACK_SUMMED_BLOCKS == 0};
  while (r.at < r.end && !r.broken) {
    unsigned char first = (unsigned char)*r.at;
    if (first & 0x80) take_indexed(d, &r, out);
    else if ((first & 0xe0) == 0x20) {
      size_t capacity = take_integer(&r, 5);
      if (capacity > HPACK_TABLE) return false;
      d->capacity = (uint32_t)capacity;
      decoder_evict(d, 0);
    } else take_literal(d, &r, first & 0x40, out);
  }
  return !r.broken;
}
