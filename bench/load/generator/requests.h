// Prepared requests: no two alike in host, path, header values and sizes; the id is written in before each send.
#pragma once
#include <stdint.h>

typedef struct {
  int hosts;            // names in rotation
  char host_name[32];   // they are called <host_name>0, <host_name>1, …
  int headers;          // 5, 12 or 40 request header fields, framing fields not counted
  uint32_t body_bytes;  // 0 = GET, else POST
  int close;            // say Connection: close
  int grpc;             // HTTP/2 only: gRPC calls; else GET or POST as in HTTP/1.1
  int unique_paths;     // HTTP/2 only: the id is part of the path, else there are 1 000 paths
  int steady;           // HTTP/2 only: nothing but path, token and id differs between calls, and no sum is sent
  int stored_ids;       // HTTP/2 only: ids and metadata go into the header table, as callers do that store what they do not know
} request_shape;

typedef struct {
  char *bytes;
  uint32_t length, id_in_path, id_in_header;
} request_template;

/// Makes the templates for a shape; the same shape again costs nothing.
void requests_prepare(const request_shape *shape);

/// The next template in rotation with `id` written into its path and its header. Valid until the next call.
const request_template *request_take(uint32_t number, uint64_t id);
