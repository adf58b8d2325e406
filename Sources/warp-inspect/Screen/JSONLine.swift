// SPDX-License-Identifier: Apache-2.0
// JSON Lines: a value on one line, for commands that print one object after another.

extension JSON {
  /// Without any line break.
  var line: String {
    switch self {
    case .null, .bool, .number, .string: text()
    case .array(let values): "[" + values.map(\.line).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { JSON.quoted($0.0) + ": " + $0.1.line }.joined(separator: ", ") + "}"
    }
  }
}
