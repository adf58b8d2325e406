// SPDX-License-Identifier: Apache-2.0
// Numbers for people: thousands, tenths, durations, dates. Without Foundation, whose start-up costs more than a verify.

enum Numbers {
  static func grouped(_ value: some BinaryInteger) -> String {
    let digits = String(value)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return result
  }

  /// One digit behind the point; what is no sensible number stays short.
  static func tenths(_ value: Double) -> String {
    guard value.magnitude < 1e15 else { return "over 1e15" }
    let tenths = Int((value * 10).rounded())
    return (tenths < 0 ? "-" : "") + "\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
  }

  /// Two digits behind the point.
  static func hundredths(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "over 1e15" }
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100)." + String(100 + hundredths % 100).dropFirst()
  }

  static func duration(_ nanoseconds: Int64) -> String {
    let seconds = Double(nanoseconds) / 1e9
    let units = [("d", 86400.0), ("h", 3600.0), ("min", 60.0)]
    for (unit, size) in units where seconds >= 2 * size { return "\(tenths(seconds / size)) \(unit)" }
    return "\(tenths(seconds)) s"
  }

  /// UTC, from nanoseconds since 1970.
  static func date(_ nanoseconds: Int64) -> String {
    guard nanoseconds >= 0 else { return "\(nanoseconds) ns" }
    let seconds = Int(nanoseconds / 1_000_000_000)
    // Days counted from 1 March of year 0, so that the leap day is a year's last.
    let days = seconds / 86400 + 719_468
    let day = days % 146_097
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * year + year / 4 - year / 100)
    let month = (5 * dayOfYear + 2) / 153
    let civilMonth = month < 10 ? month + 3 : month - 9
    let civilYear = days / 146_097 * 400 + year + (civilMonth <= 2 ? 1 : 0)
    let civilDay = dayOfYear - (153 * month + 2) / 5 + 1
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let time = seconds % 86400
    return "\(civilYear)-\(two(civilMonth))-\(two(civilDay)) "
      + "\(two(time / 3600)):\(two(time / 60 % 60)):\(two(time % 60)) UTC"
  }
}
