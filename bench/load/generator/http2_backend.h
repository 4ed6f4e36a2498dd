// The servers' side of HTTP/2 connections: gRPC calls, and plain requests that a proxy translated.
#pragma once
#include "backend.h"
#include "loop.h"

void http2_backend_fill(void);
void http2_backend_plan(const answer_plan *plan);

/// Takes an accepted connection over, with what was read of it. `listener` is told of what comes.
void http2_backend_adopt(source *from, void *listener, const char *bytes, size_t size);

// Offered by backend.c.
void backend_heard(void *listener, bool mismatch);
void backend_left(void *listener);
