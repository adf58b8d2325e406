// SPDX-License-Identifier: Apache-2.0
// A violated rule as text and as JSON.

import WarpFormat

extension Finding {
  /// Lines for the screen; the rule stands out.
  func lines(_ output: Output) -> [String] {
    var place = "at \(offset)"
    if let shard { place += " shard \(shard)" }
    if let slot { place += " slot \(slot)" }
    var lines = wrapped("\(rule) \(place): \(message)", width: output.width, indent: 4)
    lines[0] = output.strong(rule) + lines[0].dropFirst(rule.count)
    return lines
  }

  var members: [(String, JSON)] {
    [
      ("rule", .string(rule)), ("offset", .number(offset)), ("message", .string(message)),
      ("shard", .optional(shard)), ("slot", .optional(slot)),
    ]
  }
}

extension Verifier.Summary {
  /// "2 findings in 16 shards, 1 entry".
  var text: String {
    func count(_ number: Int, _ one: String, _ many: String) -> String { "\(number) \(number == 1 ? one : many)" }
    return "\(count(findings, "finding", "findings")) in \(count(shards, "shard", "shards")), "
      + count(entries, "entry", "entries")
  }

  var unstableText: String? {
    unstable.isEmpty
      ? nil : "unstable, look again: shard " + unstable.map(String.init).joined(separator: ", ")
  }
}
