// SPDX-License-Identifier: Apache-2.0
// Numbers as text, without Foundation's formatters.

enum Decimal {
  static func fixed(_ number: Double, _ places: Int) -> String {
    guard number.isFinite, abs(number) < 1e15 else { return "–" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = Int64((abs(number) * scale).rounded())
    let whole = scaled / Int64(scale)
    let sign = number < 0 && scaled != 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(whole)" }
    let rest = String(scaled % Int64(scale))
    return "\(sign)\(whole)." + String(repeating: "0", count: places - rest.utf8.count) + rest
  }

  /// About three digits.
  static func short(_ number: Double) -> String {
    let size = abs(number)
    if size == size.rounded(), size < 1e6 { return fixed(number, 0) }
    return fixed(number, size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : size >= 0.001 ? 4 : 6)
  }

  static func nanoseconds(_ number: Double) -> String {
    number == 0
      ? ""
      : number >= 1e6
        ? fixed(number / 1e6, 1) + " ms"
        : number >= 1e4
          ? fixed(number / 1e3, 1) + " µs"
          : fixed(number, number >= 100 ? 0 : 1) + " ns"
  }

  static func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
    let blanks = String(repeating: " ", count: max(0, width - text.count))
    return right ? blanks + text : text + blanks
  }
}
