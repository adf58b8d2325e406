// SPDX-License-Identifier: Apache-2.0
// Two pixels in one character: the upper half block, its foreground the upper pixel, its background the lower one.
//
// Pixels need more shades than a tone has, so these are colours of the 256-colour table, which every terminal of the
// last twenty years knows. They are shown only where colours are.

/// A pixel: a number of the 256-colour table; nil lets the terminal's background through.
typealias Pixel = UInt8?

extension Palette {
  /// A line of pixels in two rows. The rows may differ in length; what is missing is background.
  func halves(_ upper: [Pixel], _ lower: [Pixel]) -> String {
    var text = ""
    var shown: (Pixel, Pixel) = (nil, nil)
    for column in 0..<max(upper.count, lower.count) {
      let pair = (column < upper.count ? upper[column] : nil, column < lower.count ? lower[column] : nil)
      if pair != shown {
        text += "\u{1B}[0m" + Palette.rendition(pair)
        shown = pair
      }
      text += Palette.block(pair)
    }
    return shown == (nil, nil) ? text : text + "\u{1B}[0m"
  }

  /// Some blocks in one colour.
  func swatch(_ pixel: Pixel, width: Int = 2) -> String {
    let row = [Pixel](repeating: pixel, count: width)
    return halves(row, row)
  }

  private static func block(_ pair: (Pixel, Pixel)) -> String {
    switch pair {
    case (nil, nil): " "
    case (nil, _): "▄"
    case (let upper, let lower): upper == lower ? "█" : "▀"
    }
  }

  private static func rendition(_ pair: (Pixel, Pixel)) -> String {
    switch pair {
    case (nil, nil): ""
    case (nil, let lower?): "\u{1B}[38;5;\(lower)m"
    case (let upper?, nil): "\u{1B}[38;5;\(upper)m"
    case (let upper?, let lower?):
      upper == lower ? "\u{1B}[38;5;\(upper)m" : "\u{1B}[38;5;\(upper);48;5;\(lower)m"
    }
  }
}
