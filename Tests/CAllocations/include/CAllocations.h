// SPDX-License-Identifier: Apache-2.0
// Counts what this process allocates, by standing in for the allocator's functions.
#pragma once

#include <stdint.h>

/// Whether the counting works on this system.
int allocations_counted(void);

/// How often this thread has allocated since it began.
uint64_t allocations(void);
