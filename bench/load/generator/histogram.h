// Log-linear histogram of nanoseconds: 128 cells per power of two, so every value is kept within 0.8 %.
#pragma once
#include <stdint.h>
#include <string.h>

#define HISTOGRAM_CELLS (64 * 128)

typedef struct {
  uint64_t cells[HISTOGRAM_CELLS];
  uint64_t count, sum, max;
} histogram;

static inline unsigned histogram_cell(uint64_t value) {
  if (value < 256) return (unsigned)value;
  unsigned shift = 63 - (unsigned)__builtin_clzll(value) - 7;
  return (shift << 7) + (unsigned)(value >> shift);
}

/// The middle of what a cell holds.
static inline uint64_t histogram_value(unsigned cell) {
  if (cell < 256) return cell;
  unsigned shift = (cell >> 7) - 1;
  uint64_t low = (uint64_t)(cell - (shift << 7)) << shift;
  return low + ((1ull << shift) >> 1);
}

static inline void histogram_add(histogram *h, uint64_t value) {
  h->cells[histogram_cell(value)]++;
  h->count++;
  h->sum += value;
  if (value > h->max) h->max = value;
}

static inline void histogram_clear(histogram *h) { memset(h, 0, sizeof *h); }

/// Value at a quantile in 0…1; 0 when nothing was recorded.
static inline uint64_t histogram_quantile(const histogram *h, double quantile) {
  uint64_t rank = (uint64_t)((double)h->count * quantile), seen = 0;
  for (unsigned cell = 0; cell < HISTOGRAM_CELLS && h->count; cell++) {
    seen += h->cells[cell];
    if (seen > rank) return histogram_value(cell) < h->max ? histogram_value(cell) : h->max;
  }
  return h->max;
}
