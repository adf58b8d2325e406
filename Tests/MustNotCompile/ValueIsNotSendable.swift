// SPDX-License-Identifier: Apache-2.0
// error: type 'NotSendable' does not conform to the 'Sendable' protocol

import WarpKV

final class NotSendable { var number = 0 }
let cache = Cache<Int, NotSendable>(capacity: 1)
