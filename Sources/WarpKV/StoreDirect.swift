// SPDX-License-Identifier: Apache-2.0
// Gets for the typed cache: as StoreReading, with what it needs of an entry besides the value, and nothing else.

public import WarpFormat

/// What ``SharedStore/directGet(_:into:freshness:)`` found. Two words, so that it comes in registers.
@frozen
@usableFromInline
struct DirectGet {
  /// -1: nothing. Below: not counted, and to be asked for in another way, because the value is too large or there is trouble.
  @usableFromInline let size: Int
  @usableFromInline let isStale: Bool

  @inlinable @inline(__always)
  init(size: Int, isStale: Bool = false) { (self.size, self.isStale) = (size, isStale) }
  /// For a value that takes so many bytes; 0 if that is not known.
  @inlinable @inline(__always)
  init(needed: Int) { self.init(size: -2 &- needed) }

  @inlinable @inline(__always)
  init(_ result: GetResult, isStale: Bool) {
    switch result {
    case .hit(let size): self.init(size: size, isStale: isStale)
    case .miss, .busy: self = .miss
    case .tooSmall(let needed): self.init(needed: needed)
    }
  }

  @inlinable static var miss: DirectGet { DirectGet(size: -1) }
  @inlinable var isMiss: Bool { size == -1 }
  @inlinable var needed: Int { -2 &- size }
}

extension SharedStore {
  /// A get of a key of 9 to 16 bytes, given by its first eight and its last eight, and a value of up to 16 bytes, counted.
  @inlinable @inline(__always)
  func directWords(_ first: UInt64, _ last: UInt64, _ count: Int) -> QuickWords {
    isQuick ? current.quickWords(first, last, count) : .unsure
  }

  /// A get into a buffer, counted.
  ///
  /// - Parameter freshness: whether to find out if the entry is stale.
  @inlinable @inline(__always)
  func directGet(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, freshness: Bool
  ) -> DirectGet {
    if freshness { return unsafe directGetOfFacts(key, into: target) }
    do throws(WarpError) {
      return DirectGet(try unsafe get(key, into: target), isStale: false)
    } catch {
      return DirectGet(needed: 0)
    }
  }

  @inline(never)
  @usableFromInline
  func directGetOfFacts(_ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> DirectGet {
    do throws(WarpError) {
      var facts: EntryFacts?
      let result = try unsafe get(key, into: target, marking: true, facts: &facts)
      let isStale = facts?.isStale ?? false
      count(result, isStale: isStale)
      return DirectGet(result, isStale: isStale)
    } catch {
      return DirectGet(needed: 0)
    }
  }

  /// A copy of a value of any size, and whether it is stale; counted.
  ///
  /// - Parameter room: bytes that it probably takes.
  /// - Throws: `closed`, `superseded`.
  func copyToArray(
    _ key: UnsafeRawBufferPointer, room: Int
  ) throws(WarpError) -> Copied<(bytes: [UInt8], isStale: Bool)> {
    var room = room
    // Ends: each round has room for more, and a value has a largest size.
    while true {
      var result = GetResult.miss
      var facts: EntryFacts?
      var trouble: WarpError?
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
        do throws(WarpError) {
          result = try unsafe get(key, into: UnsafeMutableRawBufferPointer(buffer), marking: true, facts: &facts)
        } catch { trouble = error }
        if case .hit(let size) = result { initialized = size }
      }
      if let trouble { throw trouble }
      let isStale = facts?.isStale ?? false
      count(result, isStale: isStale)
      switch result {
      case .hit: return .found((bytes, isStale))
      case .miss: return .miss
      case .busy: return .busy
      case .tooSmall(let needed): room = max(needed, room + 1)
      }
    }
  }
}
