#include "cpu.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

static uint64_t cpu_ns_of_thread(int pid, const char *thread) {
  char path[320];
  uint64_t ns = 0;
  snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, thread);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  if (fscanf(file, "%" SCNu64, &ns) != 1) ns = 0;
  fclose(file);
  return ns;
}

uint64_t cpu_ns_of(const int *pids, int count) {
  uint64_t sum = 0;
  for (int i = 0; i < count; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pids[i]);
    DIR *threads = opendir(path);
    if (!threads) continue;
    for (struct dirent *entry; (entry = readdir(threads));)
      if (entry->d_name[0] != '.') sum += cpu_ns_of_thread(pids[i], entry->d_name);
    closedir(threads);
  }
  return sum;
}
