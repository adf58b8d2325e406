// SPDX-License-Identifier: Apache-2.0
// Nothing: the functions are libFuzzer's own.
#include "CFuzz.h"
