// Prepared HTTP/2 requests: 1 000 paths, metadata that grows from one to the next, an authorization that is never indexed,
// and an id that is new in each.
#pragma once
#include "hpack.h"
#include "requests.h"

/// Makes the templates for a shape; the same shape again costs nothing.
void calls_prepare(const request_shape *shape);

/// Writes the field block of call `number` on connection `connection` and says where it ends.
char *call_put(hpack_encoder *e, uint32_t connection, uint32_t number, uint64_t id, char *to);
