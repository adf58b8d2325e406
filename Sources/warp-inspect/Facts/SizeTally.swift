// SPDX-License-Identifier: Apache-2.0
// Sizes of many entries in little memory: a count for each size, exact up to 65,536 different sizes, and beyond that in
// steps of at most 0.2 % of a size.

struct SizeTally {
  private static let mostDifferent = 1 << 16
  /// Significant bits that are kept when there are too many different sizes.
  private static let bits = 10

  private(set) var count = 0
  private(set) var sum = 0.0
  private var squares = 0.0
  private var counts: [Int: Int] = [:]
  private(set) var isRounded = false

  mutating func add(_ size: Int) {
    count += 1
    sum += Double(size)
    squares += Double(size) * Double(size)
    counts[isRounded ? SizeTally.rounded(size) : size, default: 0] += 1
    if !isRounded, counts.count > SizeTally.mostDifferent {
      isRounded = true
      counts = Dictionary(counts.map { (SizeTally.rounded($0.key), $0.value) }, uniquingKeysWith: +)
    }
  }

  private static func rounded(_ size: Int) -> Int {
    let spare = max(0, Int.bitWidth - size.leadingZeroBitCount - bits)
    return (size >> spare) << spare
  }

  var mean: Double { count == 0 ? 0 : sum / Double(count) }

  /// Of one entry, from which the error of a sample's mean follows.
  var deviation: Double {
    count < 2 ? 0 : max(0, squares / Double(count) - mean * mean).squareRoot()
  }

  /// The smallest size that is not less than this part of all, by nearest rank.
  func quantile(_ part: Double) -> Int {
    let rank = max(1, Int((part * Double(count)).rounded(.up)))
    var seen = 0
    for (size, count) in counts.sorted(by: { $0.key < $1.key }) {
      seen += count
      if seen >= rank { return size }
    }
    return 0
  }
}

/// The first few of many in an order, in memory for twice as many.
struct Shortlist<Element> {
  private let most: Int
  private let precedes: (Element, Element) -> Bool
  private var elements: [Element] = []

  init(most: Int, by precedes: @escaping (Element, Element) -> Bool) {
    self.most = most
    self.precedes = precedes
  }

  mutating func add(_ element: Element) {
    elements.append(element)
    if elements.count >= 2 * most + 1024 { cut() }
  }

  private mutating func cut() {
    elements.sort(by: precedes)
    if elements.count > most { elements.removeLast(elements.count - most) }
  }

  /// In order.
  mutating func first() -> [Element] {
    cut()
    return elements
  }
}
