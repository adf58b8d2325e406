// SPDX-License-Identifier: Apache-2.0
// Numbers that must be short: bytes and rates with a unit's letter.

extension Numbers {
  /// "4096 B", "1.5 MiB", "204 KiB".
  static func bytes(_ count: some BinaryInteger) -> String {
    var value = Double(count)
    if value < 10_000 { return "\(count) B" }
    for unit in ["KiB", "MiB", "GiB"] {
      value /= 1024
      if value < 1000 { return "\(value < 99.95 ? tenths(value) : String(Int(value.rounded()))) \(unit)" }
    }
    return "\(tenths(value / 1024)) TiB"
  }

  /// A number in at most 6 columns: "0", "3.2", "417", "12,345" → "12.3k", "1.2M".
  static func short(_ value: Double) -> String {
    guard value.isFinite, value > 0 else { return "0" }
    if value < 9.95 { return value.rounded() == value ? "\(Int(value))" : tenths(value) }
    if value < 9999.5 { return "\(Int(value.rounded()))" }
    for (unit, size) in [("k", 1e3), ("M", 1e6), ("G", 1e9)] where value < 999.95 * size {
      return tenths(value / size) + unit
    }
    return "\(tenths(min(value / 1e12, 9999)))T"
  }

  /// Of a part: "94.1 %".
  static func percent(_ part: Double) -> String { tenths(part * 100) + " %" }
}
