// SPDX-License-Identifier: Apache-2.0
// The findings as one JSON object: `machine`, `figures`, `gates`, `skipped`, `faults`. Names stay; new ones may join them.

enum JSON {
  static func text(_ machine: Machine, _ findings: Findings, _ verdicts: [Verdict], isQuick: Bool) -> String {
    let figures = findings.figures.map { figure in
      object([
        ("group", string(figure.group)), ("name", string(figure.name)), ("entries", "\(figure.entries)"),
        ("valueSize", "\(figure.valueSize)"), ("distribution", string(figure.distribution)),
        ("nanoseconds", number(figure.nanoseconds)), ("ratio", number(figure.ratio)), ("low", number(figure.low)),
        ("high", number(figure.high)), ("runs", "\(figure.runs)"),
      ])
    }
    let gates = verdicts.map { verdict in
      object([
        ("name", string(verdict.name)), ("value", number(verdict.value)), ("limit", number(verdict.limit)),
        ("ok", "\(verdict.ok)"),
      ])
    }
    let skipped = findings.skipped.map { object([("name", string($0.name)), ("reason", string($0.reason))]) }
    return """
      {
        "quick": \(isQuick),
        "machine": \(description(of: machine)),
        "figures": \(list(figures)),
        "gates": \(list(gates)),
        "skipped": \(list(skipped)),
        "faults": \(list(findings.faults.map(string)))
      }

      """
  }

  private static func description(of machine: Machine) -> String {
    object([
      ("processor", string(machine.processor)), ("cores", "\(machine.cores)"),
      ("caches", "[" + machine.caches.map(string).joined(separator: ", ") + "]"),
      ("kernel", string(machine.kernel)), ("governor", string(machine.governor)), ("load", string(machine.load)),
      ("hugePages", string(machine.hugePages)), ("memory", "\(machine.memory)"),
    ])
  }

  private static func list(_ lines: [String]) -> String {
    lines.isEmpty ? "[]" : "[\n    " + lines.joined(separator: ",\n    ") + "\n  ]"
  }

  private static func object(_ members: [(String, String)]) -> String {
    "{" + members.map { "\(string($0.0)): \($0.1)" }.joined(separator: ", ") + "}"
  }

  private static func number(_ value: Double) -> String {
    value.isFinite ? Decimal.fixed(value, 6) : "null"
  }

  private static func string(_ text: String) -> String {
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
