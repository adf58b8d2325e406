// SPDX-License-Identifier: Apache-2.0
// A quick get of a short key with a short value, both in registers: an encoded number is stored in two parts, and a processor
// that loads it in others waits until the stores have left its buffer.

/// What a quick get of a short key with a short value ended with, in registers.
@frozen
@usableFromInline
package struct QuickWords: Sendable {
  /// Bytes of the value; -1: an authoritative miss; -2: it takes another way.
  @usableFromInline package let size: Int
  /// The value's first two words. What is behind its end may be anything.
  @usableFromInline package let first: UInt64
  @usableFromInline package let second: UInt64

  @inlinable @inline(__always)
  init(size: Int, _ first: UInt64 = 0, _ second: UInt64 = 0) {
    (self.size, self.first, self.second) = (size, first, second)
  }

  @inlinable @inline(__always) package static var unsure: QuickWords { QuickWords(size: -2) }
  @inlinable @inline(__always) package var isHit: Bool { size >= 0 }
  @inlinable @inline(__always) package var isMiss: Bool { size == -1 }
}

extension AttachmentCell {
  /// A quick get of a key of 9 to 16 bytes, given by its first eight and its last eight, and a value of up to 16 bytes.
  ///
  /// - Precondition: the handle keeps its attachments as long as this runs.
  @usableFromInline
  package func quickWords(_ first: UInt64, _ last: UInt64, _ count: Int) -> QuickWords {
    unsafe unowned._withUnsafeGuaranteedRef { file in
      file.quickWords(ShortKey(first: first, last: last, count: count))
    }
  }
}

extension Attachment {
  @inline(never)
  fileprivate func quickWords(_ key: ShortKey) -> QuickWords {
    guard isCurrent, key.count <= quick.longestShortKey else { return .unsure }
    let hash = key.hash(quick.seed)
    let view = QuickShard(self, hash)
    var words: (UInt64, UInt64) = (0, 0)
    var hit: QuickGet?
    if let slot = view.firstNamed(hash) {
      let place = view.place(slot)
      let most = min(16, header.geometry.maxValueSize)
      hit = quickHit(key, place, most: most, marking: true, counting: true) { (value, _, _) in
        // The slot has them in any case: header, such a key and two words are the 64 bytes of the smallest.
        words = (place.data.load64(value), place.data.load64(value &+ 8))
      }
    }
    if case .hit(let size) = hit { return QuickWords(size: size, words.0, words.1) }
    return elsewhere(key, hash, hit)
  }

  /// What is left to do after a quick get that found no short value.
  @inline(never)
  private func elsewhere(_ key: ShortKey, _ hash: UInt64, _ quick: QuickGet?) -> QuickWords {
    let nowhere = unsafe Room(nil, 0)
    switch quick ?? key.withBytes({ wholeTry($0, hash, nowhere, counting: true) }) {
    case .miss: return QuickWords(size: -1)
    case .torn:
      count(.retries)
      return .unsure
    case .hit(0): return QuickWords(size: 0)
    case .hit, .tooSmall, .unsure: return .unsure
    }
  }
}
