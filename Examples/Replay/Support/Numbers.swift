// SPDX-License-Identifier: Apache-2.0
// Numbers for people: thousands apart, ratios with a fixed number of places, bytes in a unit that fits. Written out
// here because the usual ways to do it link Foundation.

package enum Numbers {
  /// 1234567 as "1,234,567".
  package static func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude).utf8)
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text += String(UnicodeScalar(digit))
    }
    return text
  }

  /// A number that is not negative, rounded to so many places.
  package static func fixed(_ value: Double, places: Int) -> String {
    guard value.isFinite, value >= 0, value < 1e12, (0...6).contains(places) else { return "?" }
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = Int((value * Double(scale)).rounded())
    guard places > 0 else { return String(scaled) }
    let fraction = String(scaled % scale)
    return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
  }

  /// 4500000 as "4.5 MB"; powers of ten, as disks are sold.
  package static func bytes(_ size: Int) -> String {
    var value = Double(max(size, 0))
    var unit = "bytes"
    for next in ["kB", "MB", "GB", "TB"] where value >= 1000 {
      value /= 1000
      unit = next
    }
    return unit == "bytes" ? "\(size) bytes" : "\(fixed(value, places: 1)) \(unit)"
  }
}
