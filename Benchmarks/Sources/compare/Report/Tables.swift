// SPDX-License-Identifier: Apache-2.0
// The findings as text: a table for each group, the gates, and what was skipped.

enum Tables {
  static func machine(_ machine: Machine) -> String {
    """
    machine    \(machine.processor), \(machine.cores) cores, \(machine.memory >> 30) GiB
    caches     \(machine.caches.isEmpty ? "not told" : machine.caches.joined(separator: ", "))
    system     \(machine.kernel), governor \(machine.governor), huge pages in shared memory \(machine.hugePages)
    load       \(machine.load)
    """
  }

  static func figures(_ figures: [Figure]) -> String {
    let rows = figures.map { figure in
      [
        figure.id, Decimal.nanoseconds(figure.nanoseconds), Decimal.short(figure.ratio),
        "\(Decimal.short(figure.low)) to \(Decimal.short(figure.high))", "\(figure.runs)",
      ]
    }
    return table(["", "each", "ratio", "p10 to p90", "runs"], rows)
  }

  static func gates(_ gates: [Gate], _ verdicts: [Verdict]) -> String {
    let rows = verdicts.map { verdict in
      let limit = gates.first { $0.name == verdict.name }?.limit.text ?? ""
      return [verdict.name, Decimal.short(verdict.value), limit, verdict.ok ? "ok" : "FAILED"]
    }
    return rows.isEmpty ? "no gate was evaluated" : table(["gate", "value", "limit", ""], rows)
  }

  static func skipped(_ skipped: [Skipped]) -> String {
    skipped.map { "skipped: \($0.name): \($0.reason)" }.joined(separator: "\n")
  }

  /// The first column to the left, the others to the right.
  private static func table(_ heads: [String], _ rows: [[String]]) -> String {
    let widths = heads.indices.map { column in ([heads] + rows).map { $0[column].count }.max() ?? 0 }
    return ([heads] + rows).map { row in
      row.indices.map { Decimal.padded(row[$0], widths[$0], right: $0 > 0) }.joined(separator: "  ")
        .trimmingBlanks()
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate func trimmingBlanks() -> String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
