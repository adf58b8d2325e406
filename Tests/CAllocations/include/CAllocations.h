// SPDX-License-Identifier: Apache-2.0
// Counts what a thread allocates, how often it counts references, and how often it checks at run time that an access is
// exclusive, by standing in for the functions that do it.
#pragma once

#include <stdint.h>

typedef struct call_counts {
  uint64_t allocations;
  /// Retains and releases.
  uint64_t references;
  /// Dynamic checks for exclusive access.
  uint64_t accesses;
} call_counts;

/// Whether the counting works on this system.
int calls_counted(void);

/// What this thread has done since it began.
call_counts calls(void);
