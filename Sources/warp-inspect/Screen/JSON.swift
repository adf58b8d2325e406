// SPDX-License-Identifier: Apache-2.0
// A JSON value and its text (RFC 8259): members in the order given, two spaces of indentation, ASCII only.

/// A value to be printed. Large documents are printed piece by piece with `text(indent:)`.
enum JSON {
  case null
  case bool(Bool)
  /// Digits, as they are.
  case number(String)
  case string(String)
  case array([JSON])
  case object([(String, JSON)])

  static func number(_ value: some BinaryInteger) -> JSON { .number(String(value)) }
  static func optional(_ value: Int?) -> JSON { value.map { .number(String($0)) } ?? .null }

  /// Without a line break at either end; lines behind the first begin with `indent` spaces.
  func text(indent: Int = 0) -> String {
    switch self {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .number(let digits): return digits
    case .string(let text): return JSON.quoted(text)
    case .array(let values):
      return JSON.enclosed("[", values.map { $0.text(indent: indent + 2) }, "]", indent)
    case .object(let members):
      let parts = members.map { JSON.quoted($0.0) + ": " + $0.1.text(indent: indent + 2) }
      return JSON.enclosed("{", parts, "}", indent)
    }
  }

  private static func enclosed(_ open: String, _ parts: [String], _ close: String, _ indent: Int) -> String {
    if parts.isEmpty { return open + close }
    let margin = "\n" + String(repeating: " ", count: indent)
    return open + parts.map { margin + "  " + $0 }.joined(separator: ",") + margin + close
  }

  /// Everything outside printable ASCII is escaped, so that no terminal and no encoding matters.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for unit in text.utf16 {
      switch unit {
      case 0x22: result += "\\\""
      case 0x5C: result += "\\\\"
      case 0x0A: result += "\\n"
      case 0x20..<0x7F: result.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      default:
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      }
    }
    return result + "\""
  }
}
