// SPDX-License-Identifier: Apache-2.0
// The outcome for scripts: one object on one line. Names stay; new ones may join them.

import ReplaySupport

extension Outcome {
  var json: String {
    let fields: [(String, String)] = [
      ("trace", JSON.string(trace)), ("requests", "\(requests)"), ("uniques", "\(uniques)"), ("hits", "\(hits)"),
      ("misses", "\(misses)"), ("hitRatio", Numbers.fixed(hitRatio, places: 6)), ("sieveMisses", "\(sieveMisses)"),
      ("sieveHitRatio", Numbers.fixed(sieveHitRatio, places: 6)), ("evictions", "\(evictions)"),
      ("noSpace", "\(noSpace)"), ("retries", "\(retries)"), ("count", "\(count)"), ("capacity", "\(capacity)"),
      ("shards", "\(shards)"), ("workers", "\(workers)"), ("seconds", Numbers.fixed(seconds, places: 6)),
      (
        "requestsPerSecond",
        "[" + tallies.map { Numbers.fixed($0.requestsPerSecond, places: 1) }.joined(separator: ", ") + "]"
      ),
      ("storedBytes", "\(storedBytes)"), ("allocatedBytes", "\(allocatedBytes)"),
      ("limitedByFileSystem", "\(isLimitedByFileSystem)"), ("path", JSON.string(path ?? "")),
    ]
    return "{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
  }
}

enum JSON {
  /// A string literal: quotes, backslashes and control characters escaped.
  static func string(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": literal += "\\\(scalar)"
      case "\0"..<" ":
        let hex = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }
}
