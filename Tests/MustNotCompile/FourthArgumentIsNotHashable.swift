// SPDX-License-Identifier: Apache-2.0
// error: requires that 'NotHashable' conform to 'Hashable'

import WarpKV

struct NotHashable: Sendable {}
let remembered = cached { (_: Int, _: Int, _: Int, _: NotHashable) in 1 }
