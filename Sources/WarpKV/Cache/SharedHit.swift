// SPDX-License-Identifier: Apache-2.0
// A get of a typed value in a shared store, when nothing but the value is asked for.
//
//   key ─> bytes on the stack ─> lookup, which copies the value to the stack ─> value
//   number ─> two registers ─> lookup ─> two registers ─> number
//
// - Keys and values of the commonest types are coded in place (DirectCoding), all others by their codecs, which make an
//   array each. All of it is inlined into the program, but the lookup.
// - What an entry says besides its value lies in a line of its own and may cost a miss of the processor's cache. So
//   whether a value is stale is only looked at by those who would compute it anew, and by caches with `freshFor`.
// - Bytes that are no value of the type are a hit of the store and a miss of the cache: `statistics` tells the two apart by
//   the count of such.

public import WarpFormat

/// What a get of a typed value ended with.
@frozen
@usableFromInline
enum SharedHit<Value> {
  /// A value that is fresh, or whose freshness was not asked for.
  case fresh(Value)
  case stale(Value)
  /// There was none, or a writer was in the way.
  case miss
  /// Bytes that are no value of this cache's type.
  case undecodable
  /// Not counted: what is to be found in the slow way, with room for so many bytes at first.
  case other(room: Int)
}

extension SharedBackend {
  /// A get, counted, and marked as one.
  ///
  /// - Parameter freshness: whether to find out if the value is stale.
  /// - Throws: `closed`, `superseded`.
  @inlinable @inline(__always)
  func hit(_ key: Key, freshness: Bool) throws(WarpError) -> SharedHit<Value> {
    var room: Int?
    if DirectCoding<Key>.isWord, DirectCoding<Value>.isWord, keysAreDirect, valuesAreDirect, !freshness {
      let (first, last) = DirectCoding<Key>.words(of: key)
      let found = store.directWords(first, last, DirectCoding<Key>.wordSize)
      if found.isHit {
        if let value = DirectCoding<Value>.read(found.first, found.second, size: found.size) {
          return .fresh(value)
        }
        noteUndecodable()
        return .undecodable
      }
      if found.isMiss { return .miss }
    }
    if DirectCoding<Key>.isKnown, keysAreDirect {
      let found = unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { bytes -> SharedHit<Value>? in
        guard let start = bytes.baseAddress else { return nil }
        let size = unsafe DirectCoding<Key>.write(key: key, to: start)
        guard size > 0 else { return nil }
        return unsafe value(of: UnsafeRawBufferPointer(start: start, count: size), freshness: freshness)
      }
      switch found {
      case .other(let size): room = size
      case .some(let found): return found
      case nil: break
      }
    }
    return try encodedHit(key, freshness: freshness, room: room)
  }

  @inlinable @inline(__always)
  func value(of key: UnsafeRawBufferPointer, freshness: Bool) -> SharedHit<Value> {
    unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 16) { target in
      let get = unsafe store.directGet(key, into: target, freshness: freshness)
      guard get.size >= 0 else { return get.isMiss ? .miss : .other(room: get.needed) }
      let bytes = unsafe UnsafeRawBufferPointer(start: target.baseAddress, count: get.size)
      let value =
        DirectCoding<Value>.isKnown && valuesAreDirect
        ? unsafe DirectCoding<Value>.read(bytes) : unsafe decoded(bytes)
      guard let value else {
        noteUndecodable()
        return .undecodable
      }
      return get.isStale ? .stale(value) : .fresh(value)
    }
  }

  @inline(never)
  @usableFromInline
  func decoded(_ bytes: UnsafeRawBufferPointer) -> Value? {
    try? valueCodec.decode(unsafe [UInt8](bytes), mode: .value)
  }

  @inline(never)
  @usableFromInline
  func noteUndecodable() { note(.decodeFailures, 1) }

  /// For keys that are not written in place, for values that are too large for the stack, and for trouble.
  ///
  /// - Parameter room: nil: the entry was not looked for yet.
  @inline(never)
  @usableFromInline
  func encodedHit(_ key: Key, freshness: Bool, room: Int?) throws(WarpError) -> SharedHit<Value> {
    guard let key = encodedKey(key) else {
      note(.encodeFailures, 1)
      note(.misses, 1)
      return .miss
    }
    return try unsafe key.span.bytes.withUnsafeBytes { (key) throws(WarpError) -> SharedHit<Value> in
      if let room { return try unsafe arrayHit(key, room: room) }
      let found = unsafe value(of: key, freshness: freshness)
      guard case .other(let room) = found else { return found }
      return try unsafe arrayHit(key, room: room)
    }
  }

  /// Of any size, with all trouble told.
  private func arrayHit(_ key: UnsafeRawBufferPointer, room: Int) throws(WarpError) -> SharedHit<Value> {
    switch try unsafe store.copyToArray(key, room: room) {
    case .found((let bytes, let isStale)):
      guard let value = try? valueCodec.decode(bytes, mode: .value) else {
        noteUndecodable()
        return .undecodable
      }
      return isStale ? .stale(value) : .fresh(value)
    case .miss, .busy: return .miss
    }
  }
}
