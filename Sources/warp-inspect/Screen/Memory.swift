// SPDX-License-Identifier: Apache-2.0
// Amounts of memory for people: three digits and a decimal unit.

extension Numbers {
  static func memory(_ size: Int) -> String {
    let units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)]
    for (unit, one) in units where Double(size) >= one {
      let amount = Double(size) / one
      return (amount < 10 ? tenths(amount) : grouped(Int(amount.rounded()))) + " " + unit
    }
    return "\(size) bytes"
  }

  /// Of a part: "94.1 %".
  static func percent(_ part: Double) -> String { tenths(part * 100) + " %" }
}
