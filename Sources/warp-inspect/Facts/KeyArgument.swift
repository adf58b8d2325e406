// SPDX-License-Identifier: Apache-2.0
// A key on the command line: text, bytes in hexadecimal digits, or one of the simple types of SPEC.md §22 in key mode.

import ArgumentParser
import WarpFormat

struct KeyArgument: ParsableArguments {
  @Argument(help: "The key: text, or 0x and hexadecimal digits.")
  var key: String?

  @Option(help: ArgumentHelp("An integer as a typed program writes it.", valueName: "number"))
  var int: String?

  @Option(help: ArgumentHelp("A text as a typed program writes it.", valueName: "text"))
  var string: String?

  @Option(help: ArgumentHelp("A floating-point number as a typed program writes it.", valueName: "number"))
  var double: Double?

  @Option(help: ArgumentHelp("A UUID as a typed program writes it.", valueName: "uuid"))
  var uuid: String?

  func validate() throws {
    let given = [key != nil, int != nil, string != nil, double != nil, uuid != nil].count { $0 }
    guard given == 1 else {
      throw ValidationError("Give one key: KEY, or one of --int, --string, --double, --uuid.")
    }
    if let key, BytesText.key(key) == nil {
      throw ValidationError("Behind 0x there must be pairs of hexadecimal digits.")
    }
    if let int, Int128(int) == nil, UInt128(int) == nil { throw ValidationError("--int takes a whole number.") }
    if let uuid, KeyArgument.number(uuid: uuid) == nil {
      throw ValidationError("--uuid takes 32 hexadecimal digits.")
    }
  }

  /// Whether it is a typed key, so that the value is one, too.
  var isTyped: Bool { key == nil }

  /// `validate` has seen to it that there is one.
  var bytes: [UInt8] {
    if let key { return BytesText.key(key) ?? [] }
    var writer = TypedWriter(mode: .key)
    if let int {
      if let number = Int128(int) {
        writer.append(integer: number)
      } else {
        writer.append(integer: UInt128(int) ?? 0)
      }
    }
    // A text on a command line is shorter than any limit.
    if let string { try? writer.append(string) }
    if let double { writer.append(double) }
    if let uuid { writer.append(uuid: KeyArgument.number(uuid: uuid) ?? 0) }
    return writer.bytes
  }

  private static func number(uuid: String) -> UInt128? {
    let digits = uuid.filter { $0 != "-" }
    return digits.count == 32 && digits.allSatisfy(\.isHexDigit) ? UInt128(digits, radix: 16) : nil
  }
}
