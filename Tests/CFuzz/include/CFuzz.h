// SPDX-License-Identifier: Apache-2.0
// What libFuzzer gives us. The library is part of Clang; Scripts/fuzz links it.
#ifndef CFUZZ_H
#define CFUZZ_H

#include <stddef.h>
#include <stdint.h>

/// Fuzzes until the limits in the arguments are reached; returns the exit status.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*target)(const uint8_t *data, size_t size));

/// One of libFuzzer's own mutations, in place; returns the new size.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#endif
