// SPDX-License-Identifier: Apache-2.0
// A JSON value on one line, for JSON Lines.

extension JSON {
  /// Without any line break.
  var line: String {
    switch self {
    case .null, .bool, .number, .string: text()
    case .array(let values): "[" + values.map(\.line).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { JSON.quoted($0.0) + ":" + $0.1.line }.joined(separator: ",") + "}"
    }
  }
}
