// SPDX-License-Identifier: Apache-2.0
// compiles: the others can't fail only because a module is missing.

import WarpKV

struct Point: Hashable, Sendable {}
let remembered = cached { (_: Point) in 1 }
print(remembered(Point()))
