// SPDX-License-Identifier: Apache-2.0
// Keys and values as people read them: text where they are text, else hexadecimal digits; and back.

import WarpFormat

enum BytesText {
  /// The text, if all of it can be read by people: UTF-8 without control characters but tab and line ends.
  static func readable(_ bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    let isReadable = text.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control: scalar == "\n" || scalar == "\t" || scalar == "\r"
      case .unassigned, .privateUse, .surrogate: false
      default: true
      }
    }
    return isReadable ? text : nil
  }

  /// In quotes and escaped if it can be read, else 0x and digits: no byte of it may steer a terminal.
  static func quoted(_ bytes: [UInt8]) -> String {
    readable(bytes).map { JSON.quoted($0) } ?? "0x" + FieldText.hex(bytes)
  }

  /// The same, cut for a line.
  static func short(_ bytes: [UInt8], of size: Int, most: Int = 24) -> String {
    if bytes.count <= most, bytes.count == size { return quoted(bytes) }
    // A character may have been cut; what is left of it is at most three bytes.
    let head = [UInt8](bytes.prefix(most))
    let text = (0..<4).lazy.compactMap { readable([UInt8](head.dropLast($0))) }.first { !$0.isEmpty }
    return (text.map { JSON.quoted($0) } ?? "0x" + FieldText.hex([UInt8](head.prefix(12)))) + "..."
  }

  /// The bytes of digits, two for each; nil if they are something else.
  static func bytes(hex digits: Substring) -> [UInt8]? {
    guard digits.utf8.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits {
      guard let value = digit.hexDigitValue, digit.isASCII else { return nil }
      if let first = high {
        bytes.append(first << 4 | UInt8(value))
        high = nil
      } else {
        high = UInt8(value)
      }
    }
    return bytes
  }

  /// A key as it is given on a command line: 0x and digits, or text.
  static func key(_ argument: String) -> [UInt8]? {
    argument.hasPrefix("0x") ? bytes(hex: argument.dropFirst(2)) : Array(argument.utf8)
  }
}
