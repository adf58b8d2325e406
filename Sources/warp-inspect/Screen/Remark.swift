// SPDX-License-Identifier: Apache-2.0
// A sentence on standard error about something that is no failure, as that nothing was found.

import WarpFormat

enum Remark {
  static func say(_ sentence: String) { try? System.write(2, Array("warp-inspect: \(sentence)\n".utf8)) }
}
