// SPDX-License-Identifier: Apache-2.0
// Gets. The primitive copies into the caller's buffer without allocating; the others run it on scratch memory, again if
// the value turns out to be larger.

public import WarpFormat

/// What a get into a buffer ended with.
public enum GetResult: Sendable, Equatable {
  /// The value is in the buffer's first bytes.
  case hit(size: Int)
  /// There was no value, or it had expired.
  case miss
  /// A writer held the shard for longer than a reader waits; there may be a value.
  case busy
  /// The value is there and has this many bytes; the buffer is unchanged or holds part of it.
  case tooSmall(needed: Int)

  /// Whether a value was found and fits.
  public var isHit: Bool { if case .hit = self { true } else { false } }
}

extension SharedStore {
  /// Copies a value into a buffer. Allocates nothing, takes no lock.
  ///
  /// - Throws: `closed`, `superseded`.
  /// - Complexity: O(key + value).
  @inlinable
  public func get(_ key: RawSpan, into buffer: inout MutableRawSpan) throws(WarpError) -> GetResult {
    try unsafe key.withUnsafeBytes { (key) throws(WarpError) in
      try unsafe buffer.withUnsafeMutableBytes { (target) throws(WarpError) in
        try unsafe get(key, into: target)
      }
    }
  }

  /// See ``get(_:into:)-(RawSpan,_)``.
  public func get(_ key: [UInt8], into buffer: inout [UInt8]) throws(WarpError) -> GetResult {
    var span = buffer.mutableSpan
    var bytes = unsafe span.mutableBytes
    return try unsafe get(key.span.bytes, into: &bytes)
  }

  /// A copy of the value, nil if there is none. The array costs more than the lookup; see ``get(_:into:)-(RawSpan,_)``.
  ///
  /// - Throws: `closed`, `superseded`.
  public func get(_ key: RawSpan) throws(WarpError) -> [UInt8]? {
    try unsafe withCopy(
      { (target) throws(WarpError) in
        try unsafe key.withUnsafeBytes { (key) throws(WarpError) in try unsafe get(key, into: target) }
      }, { (value) throws(WarpError) in unsafe [UInt8](value) }
    ).found
  }

  /// See ``get(_:)-(RawSpan)``.
  public func get(_ key: [UInt8]) throws(WarpError) -> [UInt8]? { try unsafe get(key.span.bytes) }

  /// See ``get(_:)-(RawSpan)``. The key's bytes are its UTF-8.
  public func get(_ key: String) throws(WarpError) -> [UInt8]? { try get(Array(key.utf8)) }

  /// Runs a closure on a private copy of the value: on the stack up to 1,024 bytes, else on the heap. Returns nil,
  /// and does not run it, if there is no value. The closure may use the store.
  public func withValue<Result>(
    for key: RawSpan, _ body: (RawSpan) throws(WarpError) -> Result
  ) throws(WarpError) -> Result? {
    try unsafe withCopy(
      { (target) throws(WarpError) in
        try unsafe key.withUnsafeBytes { (key) throws(WarpError) in try unsafe get(key, into: target) }
      }, { (value) throws(WarpError) in try unsafe body(value.bytes) }
    ).found
  }

  /// Whether there is a value that has not expired. Counts as no get, and does not mark the entry visited. False also if the
  /// shard was being changed for longer than a get waits; where that matters use `get`, which says `busy` then.
  ///
  /// - Throws: `closed`, `superseded`.
  public func contains(_ key: RawSpan) throws(WarpError) -> Bool {
    try unsafe key.withUnsafeBytes { (key) throws(WarpError) in
      let lookup = try look { file in
        unsafe file.lookup(key, hash: file.hash(key), marking: false, copy: { _, _ in })
      }
      return !lookup.isAbsent
    }
  }

  /// See ``contains(_:)-(RawSpan)``.
  public func contains(_ key: [UInt8]) throws(WarpError) -> Bool { try unsafe contains(key.span.bytes) }

  // MARK: Copies

  /// Runs a closure on a private copy of a value that `get` has made.
  func withCopy<Result>(
    _ get: (UnsafeMutableRawBufferPointer) throws(WarpError) -> GetResult,
    _ body: (UnsafeRawBufferPointer) throws(WarpError) -> Result
  ) throws(WarpError) -> Copied<Result> {
    var needed = Format.stackCopySize
    while true {
      let round = try unsafe withTemporary(needed) { (target) throws(WarpError) -> Round<Result> in
        switch try unsafe get(target) {
        case .hit(let size):
          .done(.found(try unsafe body(UnsafeRawBufferPointer(rebasing: target[..<size]))))
        case .miss: .done(.miss)
        case .busy: .done(.busy)
        case .tooSmall(let size): .again(size)
        }
      }
      switch round {
      case .done(let result): return result
      case .again(let size): needed = size
      }
    }
  }
}

/// What became of a get by copy.
package enum Copied<Result> {
  case found(Result)
  case miss
  case busy

  package var found: Result? { if case .found(let result) = self { result } else { nil } }
}

private enum Round<Result> {
  case done(Copied<Result>)
  case again(Int)
}

/// Scratch memory: the stack for the one constant size that stays there, the heap above it.
private func withTemporary<Result>(
  _ size: Int, _ body: (UnsafeMutableRawBufferPointer) throws(WarpError) -> Result
) throws(WarpError) -> Result {
  if size <= Format.stackCopySize {
    let outcome = unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 16) { buffer in
      Swift.Result { () throws(WarpError) in try unsafe body(buffer) }
    }
    return try outcome.get()
  }
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
  defer { unsafe buffer.deallocate() }
  return try unsafe body(buffer)
}
