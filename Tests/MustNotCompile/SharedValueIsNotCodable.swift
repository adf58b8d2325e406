// SPDX-License-Identifier: Apache-2.0
// error: member 'shared(keys:values:)' is a function that produces expected type 'CachePlace<Int, NotCodable>'

import WarpKV

struct NotCodable: Sendable {}
let cache = try Cache<Int, NotCodable>("name", in: .shared)
