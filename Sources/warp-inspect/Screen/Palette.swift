// SPDX-License-Identifier: Apache-2.0
// Colours by what they mean, so that one meaning has one colour in all commands, on the terminal and in pictures.

/// What something is; its colour follows.
enum Tone: String, CaseIterable {
  case strong, faint
  case good, warning, bad
  /// States of slots and entries.
  case live, visited, expired, free, hand
  /// Fields that lie side by side, in turn.
  case first, second, third, fourth, fifth, sixth

  /// The parameters of the escape sequence "select graphic rendition".
  fileprivate var rendition: String {
    switch self {
    case .strong: "1"
    case .faint, .free: "2"
    case .good, .live: "32"
    case .warning, .expired: "33"
    case .bad: "31"
    case .visited: "36"
    case .hand: "1;35"
    case .first: "34"
    case .second: "32"
    case .third: "35"
    case .fourth: "36"
    case .fifth: "33"
    case .sixth: "31"
    }
  }

  /// For pictures, on white.
  var light: String {
    switch self {
    case .strong: "#1a1d21"
    case .faint: "#68707a"
    case .good, .live: "#2e7d4f"
    case .warning, .expired: "#b7791f"
    case .bad: "#b3261e"
    case .visited: "#0f7b8a"
    case .free: "#e3e6ea"
    case .hand: "#9c2f86"
    case .first: "#2f6fd0"
    case .second: "#2e7d4f"
    case .third: "#9c2f86"
    case .fourth: "#0f7b8a"
    case .fifth: "#b7791f"
    case .sixth: "#b3261e"
    }
  }

  /// For pictures, on black.
  var dark: String {
    switch self {
    case .strong: "#eceff3"
    case .faint: "#98a1ac"
    case .good, .live: "#58b883"
    case .warning, .expired: "#e0a84a"
    case .bad: "#f2705f"
    case .visited: "#45b9c9"
    case .free: "#2b3036"
    case .hand: "#e07cc9"
    case .first: "#79a7f2"
    case .second: "#58b883"
    case .third: "#e07cc9"
    case .fourth: "#45b9c9"
    case .fifth: "#e0a84a"
    case .sixth: "#f2705f"
    }
  }
}

struct Palette {
  let isColored: Bool

  /// The text in the colour of a tone; as it is where no colours are shown.
  func paint(_ text: String, _ tone: Tone) -> String {
    isColored && !text.isEmpty ? "\u{1B}[\(tone.rendition)m\(text)\u{1B}[0m" : text
  }
}
