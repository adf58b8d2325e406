// SPDX-License-Identifier: Apache-2.0
// A histogram as a picture: one bar for each bin, its count above it, its range below it.

/// A bin of a histogram as it is drawn.
struct Bar {
  /// Its range, in few characters.
  let label: String
  let count: Int
  /// What is said when it is pointed at.
  var tip: String?
}

/// Pixels from one bar to the next, at most.
private let mostStep = 84.0

/// - Parameters:
///   - mark: a bin to stand out, such as the one with the median.
///   - axis: what lies along the lower edge, with its unit.
func histogramPicture(_ bars: [Bar], title: String, axis: String, tone: Tone = .first, mark: Int? = nil) -> SVG {
  let (width, height, margin) = (720, 220, 24.0)
  var picture = SVG(width: width, height: height, title: title)
  let most = bars.map(\.count).max() ?? 0
  let (top, floor) = (40.0, Double(height) - 44)
  let step = min(mostStep, (Double(width) - 2 * margin) / Double(max(1, bars.count)))
  picture.text(margin, 18, title, size: 14, bold: true)
  picture.line([(margin, floor), (Double(width) - margin, floor)], .faint)
  guard most > 0 else {
    picture.text(Double(width) / 2, (top + floor) / 2, "nothing to show", .faint, anchor: .middle)
    return picture
  }
  // Labels are about 7 pixels a character; where there is no room for all, every second or third is shown.
  let longest = bars.map(\.label.count).max() ?? 1
  let every = max(1, Int((Double(longest + 1) * 7 / step).rounded(.up)))
  for (index, bar) in bars.enumerated() {
    let x = margin + Double(index) * step
    // A bin that is not empty is seen.
    let size = bar.count == 0 ? 0 : max(1.5, (floor - top) * Double(bar.count) / Double(most))
    if size > 0 {
      picture.rectangle(
        x + 1, floor - size, max(1, step - 2), size, index == mark ? .hand : tone, radius: min(2, step / 4),
        tip: bar.tip ?? "\(bar.label): \(Numbers.grouped(bar.count))")
    }
    let count = Numbers.short(Double(bar.count))
    if bar.count > 0, Double(count.count) * 6.5 < step {
      picture.text(x + step / 2, floor - size - 4, count, .faint, size: 10, anchor: .middle)
    }
    if index % every == 0 { picture.text(x + step / 2, floor + 14, bar.label, .faint, size: 10, anchor: .middle) }
  }
  picture.text(Double(width) / 2, Double(height) - 10, axis, .faint, size: 11, anchor: .middle)
  return picture
}
