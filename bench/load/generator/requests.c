#define _GNU_SOURCE
#include "requests.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "message.h"

#define FEWEST_TEMPLATES 1024
#define NO_ID "0000000000000000"

static request_template *templates;
static uint32_t template_count;
static request_shape prepared;
static uint64_t random_state;

static uint32_t draw(uint32_t below) {
  random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(random_state >> 33) % below;
}

typedef struct {
  char bytes[16384];
  uint32_t length;
} writer;

static void put(writer *w, const char *format, ...) {
  va_list args;
  va_start(args, format);
  w->length += (uint32_t)vsnprintf(w->bytes + w->length, sizeof w->bytes - w->length, format, args);
  va_end(args);
}

/// A field whose value is random and between `least` and `most` characters long.
static void put_random(writer *w, const char *name, int least, int most) {
  put(w, "%s: ", name);
  int size = least + (int)draw((uint32_t)(most - least + 1));
  for (int i = 0; i < size; i++) w->bytes[w->length++] = "abcdefghijklmnopqrstuvwxyz0123456789"[draw(36)];
  put(w, "\r\n");
}

static void put_target(writer *w, request_template *t) {
  static const char *const words[] = {"users", "orders", "invoices", "search", "catalogue", "carts", "v2/sessions", "health"};
  put(w, "%s /api/%s/%u", prepared.body_bytes ? "POST" : "GET", words[draw(8)], draw(1000000));
  for (uint32_t i = draw(5); i > 0; i--) put(w, "/%s%u", words[draw(8)], draw(100));
  put(w, "?page=%u&id=", draw(500));
  t->id_in_path = w->length;
  put(w, NO_ID " HTTP/1.1\r\n");
}

static void put_browser_fields(writer *w) {
  put(w, "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.%u\r\n", draw(9) + 1);
  put_random(w, "Cookie", 20, 160);
  put(w, "Referer: https://shop%u.example/list?page=%u\r\n", draw(1000), draw(100));
  put_random(w, "Authorization", 24, 64);
  put(w, "Cache-Control: max-age=%u\r\n", draw(3600));
  put_random(w, "X-Tenant", 4, 20);
}

static void write_template(request_template *t, uint32_t number) {
  static writer w;
  w.length = 0;
  put_target(&w, t);
  put(&w, "Host: %s%u\r\nUser-Agent: bench/1.%u (linux)\r\nAccept: */*\r\n", prepared.host_name,
      number % (uint32_t)prepared.hosts, draw(300));
  put_random(&w, "X-Session", 8, 48);
  if (prepared.headers >= 12) put_browser_fields(&w);
  for (int i = 12; i < prepared.headers; i++) {
    char name[24];
    snprintf(name, sizeof name, "X-Attribute-%02d", i);
    put_random(&w, name, 6, 36);
  }
  put(&w, "X-Bench-Id: ");
  t->id_in_header = w.length;
  put(&w, NO_ID "\r\n");
  if (prepared.body_bytes) put(&w, "Content-Type: application/octet-stream\r\nContent-Length: %u\r\n", prepared.body_bytes);
  if (prepared.close) put(&w, "Connection: close\r\n");
  put(&w, "\r\n");
  t->length = w.length;
  t->bytes = malloc(w.length);
  memcpy(t->bytes, w.bytes, w.length);
}

void requests_prepare(const request_shape *shape) {
  if (template_count && memcmp(&prepared, shape, sizeof prepared) == 0) return;
  for (uint32_t i = 0; i < template_count; i++) free(templates[i].bytes);
  free(templates);
  prepared = *shape;
  random_state = 20260101;
  template_count = FEWEST_TEMPLATES + (uint32_t)prepared.hosts - FEWEST_TEMPLATES % (uint32_t)prepared.hosts;
  templates = calloc(template_count, sizeof *templates);
  for (uint32_t i = 0; i < template_count; i++) write_template(&templates[i], i);
}

const request_template *request_take(uint32_t number, uint64_t id) {
  request_template *t = &templates[number % template_count];
  write_id(t->bytes + t->id_in_path, id);
  write_id(t->bytes + t->id_in_header, id);
  return t;
}
