#include "calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "message.h"

#define TEMPLATES 1000
#define MOST_FIELDS 24
#define HOSTS_PER_CONNECTION 13  // a caller talks to a few services, not to all 100; connections to different ones
#define TENANTS 32
#define MOST_METADATA 5

typedef struct {
  char path[128];
  size_t path_size;
  uint64_t sum;             // over what must arrive unchanged; without the path when that is unique
  hpack_field fields[MOST_FIELDS];  // method, scheme and path first
  int count;
} call_template;

static call_template *templates;
static hpack_field *authorities;
static request_shape prepared;
static uint64_t random_state;

static uint32_t draw(uint32_t below) {
  random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(random_state >> 33) % below;
}

static void add(call_template *t, const char *name, const char *value, hpack_storing storing) {
  if (t->count == MOST_FIELDS) die("a call with more than %d fields", MOST_FIELDS);
  t->fields[t->count++] = hpack_prepare(name, value, storing);
  t->sum += hpack_sum_of(name, value, strlen(value));
}

static const char *random_text(uint32_t size) {
  static char text[512];
  for (uint32_t i = 0; i < size; i++) text[i] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF-_.="[draw(46)];
  text[size] = 0;
  return text;
}

static const char *numbered(const char *format, uint32_t number) {
  static char text[64];
  snprintf(text, sizeof text, format, number);
  return text;
}

static void write_path(call_template *t, uint32_t number) {
  static const char *const words[] = {"Users", "Orders", "Invoices", "Search", "Catalogue", "Carts", "Sessions", "Health"};
  const char *word = words[number % 8];
  int n = prepared.grpc ? snprintf(t->path, sizeof t->path, "/shop.%s.v1.%sService/Get%s%u", word, word, word, number / 8)
                        : snprintf(t->path, sizeof t->path, "/api/%s/%u?page=%u", word, number, draw(500));
  if (prepared.unique_paths) n += snprintf(t->path + n, sizeof t->path - (size_t)n, "%sid=", prepared.grpc ? "/" : "&");
  t->path_size = (size_t)n;
}

/// Growing with the number: none to five fields of 8 to 72 characters, in no table. Callers that store what they do not
/// know put the first into theirs each time: then it pushes the others out, of which most would be found again.
static void add_metadata(call_template *t, uint32_t number) {
  uint32_t count = number * (MOST_METADATA + 1) / TEMPLATES;
  for (uint32_t i = 0; i < count; i++)
    add(t, numbered("x-context-%u", i), random_text(8 + number * 64 / TEMPLATES), prepared.stored_ids && i == 0 ? HPACK_ALWAYS : HPACK_LITERAL);
}

static void add_plain_fields(call_template *t) {
  add(t, "accept", "*/*", HPACK_STORED);
  add(t, "accept-encoding", "gzip, deflate, br", HPACK_STORED);
  add(t, "accept-language", numbered("en-GB,en;q=0.%u", draw(9) + 1), HPACK_STORED);
  add(t, "cookie", random_text(20 + draw(140)), HPACK_LITERAL);
  if (!prepared.body_bytes) return;
  add(t, "content-type", "application/octet-stream", HPACK_STORED);
  add(t, "content-length", numbered("%u", prepared.body_bytes), HPACK_STORED);
}

static void add_grpc_fields(call_template *t) {
  add(t, "te", "trailers", HPACK_STORED);
  add(t, "content-type", "application/grpc", HPACK_STORED);
  add(t, "grpc-accept-encoding", "identity, deflate, gzip", HPACK_STORED);
  add(t, "grpc-timeout", numbered("%uS", prepared.steady ? 10 : draw(8) + 10), HPACK_STORED);
}

static void write_template(call_template *t, uint32_t number) {
  t->count = 0, t->sum = 0;
  t->fields[t->count++] = hpack_static(prepared.grpc || prepared.body_bytes ? 3 : 2);  // POST or GET
  t->fields[t->count++] = hpack_static(6);                                             // http
  write_path(t, number);
  add(t, ":path", t->path, HPACK_LITERAL);
  if (prepared.unique_paths) t->sum = 0;
  if (prepared.grpc) add_grpc_fields(t);
  else add_plain_fields(t);
  add(t, "user-agent", numbered("bench-caller/1.%u (linux)", prepared.steady ? 0 : number % 4), HPACK_STORED);
  char token[600];
  snprintf(token, sizeof token, "Bearer %s", random_text(40 + draw(80)));
  add(t, "authorization", token, HPACK_SECRET);
  add(t, "x-tenant", numbered("tenant-%08u", prepared.steady ? 0 : draw(TENANTS) * 1000003), HPACK_STORED);
  if (!prepared.steady) add_metadata(t, number);
}

static void forget(void) {
  for (int i = 0; templates && i < TEMPLATES; i++)
    for (int field = 0; field < templates[i].count; field++) hpack_free(&templates[i].fields[field]);
  for (int i = 0; authorities && i < prepared.hosts; i++) hpack_free(&authorities[i]);
  free(templates), free(authorities);
}

void calls_prepare(const request_shape *shape) {
  if (templates && memcmp(&prepared, shape, sizeof prepared) == 0) return;
  forget();
  prepared = *shape;
  random_state = 20260101;
  templates = calloc(TEMPLATES, sizeof *templates);
  for (uint32_t i = 0; i < TEMPLATES; i++) write_template(&templates[i], i);
  authorities = calloc((size_t)prepared.hosts, sizeof *authorities);
  for (int i = 0; i < prepared.hosts; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s%d", prepared.host_name, i);
    authorities[i] = hpack_prepare(":authority", name, HPACK_STORED);
  }
}

/// Adds to the sum what the path contributes.
static char *put_unique_path(const call_template *t, uint64_t id, uint64_t *sum, char *to) {
  char path[sizeof t->path + ID_DIGITS];
  memcpy(path, t->path, t->path_size);
  write_id(path + t->path_size, id);
  *sum += hpack_sum_of(":path", path, t->path_size + ID_DIGITS);
  return hpack_put_path(path, t->path_size + ID_DIGITS, to);
}

char *call_put(hpack_encoder *e, uint32_t connection, uint32_t number, uint64_t id, char *to) {
  const call_template *t = &templates[number * 7 % TEMPLATES];  // 7 shares no factor with 1 000: all come, small and large mixed
  uint32_t host = (connection * HOSTS_PER_CONNECTION + number % HOSTS_PER_CONNECTION) % (uint32_t)prepared.hosts;
  uint64_t sum = t->sum;
  to = hpack_put(e, &t->fields[0], to);
  to = hpack_put(e, &t->fields[1], to);
  to = prepared.unique_paths ? put_unique_path(t, id, &sum, to) : hpack_put(e, &t->fields[2], to);
  to = hpack_put(e, &authorities[host], to);
  for (int i = 3; i < t->count; i++) to = hpack_put(e, &t->fields[i], to);
  to = hpack_put_id(e, id, prepared.stored_ids, to);
  return prepared.steady ? to : hpack_put_sum(sum, to);
}
