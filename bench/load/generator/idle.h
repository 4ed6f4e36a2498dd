// Open loop: the callers that wait for a moment to send at. Connections of HTTP/2 take turns, so that requests spread over them as
// those of independent callers do; of HTTP/1.1, where each caller is a connection, the one that has rested longest is next.
#pragma once
#include "run.h"

/// Forgets who waits; the callers of the run that begins belong to so many queues that take turns, each to the same number.
void idle_begin(int queues);

/// Once is enough: who waits already keeps its place.
void idle_push(client *c);

/// Null when nobody waits. Who is handed out may be closed by now.
client *idle_pop(void);
