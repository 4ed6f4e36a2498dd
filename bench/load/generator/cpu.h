// CPU time of processes, threads included, as the scheduler counts it.
#pragma once
#include <stdint.h>

/// Σ of the first field of /proc/PID/task/*/schedstat over the listed processes, in ns. Vanished ones count 0.
uint64_t cpu_ns_of(const int *pids, int count);
