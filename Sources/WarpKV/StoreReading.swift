// SPDX-License-Identifier: Apache-2.0
// Gets. The primitive copies into the caller's buffer without allocating; the others are built on the same lookup.

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

  public var isHit: Bool { if case .hit = self { true } else { false } }
}

extension SharedStore {
  /// Copies a value into a buffer. Allocates nothing, takes no lock.
  ///
  /// - Throws: `closed`, `superseded`.
  /// - Complexity: O(key + value).
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

  /// A copy of the value, nil if there is none. The array costs more than the lookup; see ``get(_:into:)``.
  ///
  /// - Throws: `closed`, `superseded`.
  public func get(_ key: RawSpan) throws(WarpError) -> [UInt8]? {
    try unsafe key.withUnsafeBytes { (key) throws(WarpError) in try unsafe bytes(of: key) }
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
    var needed = Format.stackCopySize
    while true {
      let round = try unsafe withTemporary(needed) { (target) throws(WarpError) -> Round<Result> in
        let outcome = try unsafe key.withUnsafeBytes { (key) throws(WarpError) in
          try unsafe get(key, into: target)
        }
        switch outcome {
        case .hit(let size):
          return .done(try unsafe body(UnsafeRawBufferPointer(rebasing: target[..<size]).bytes))
        case .miss, .busy: return .done(nil)
        case .tooSmall(let size): return .again(size)
        }
      }
      switch round {
      case .done(let result): return result
      case .again(let size): needed = size
      }
    }
  }

  /// Whether there is a value that has not expired. Counts as no get, and does not mark the entry visited.
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

  // MARK: The one lookup

  private func get(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(WarpError) -> GetResult {
    try look { file in unsafe get(key, into: target, in: file) }
  }

  /// Runs a lookup on the current files without a reference or a lock. If they were left meanwhile it may have looked at
  /// zeros, and what it did not find there says nothing.
  @inline(__always)
  private func look<Result: Answer>(_ body: (Attachment) -> Result) throws(WarpError) -> Result {
    let fast: Result? = unsafe current.unowned._withUnsafeGuaranteedRef { file in
      guard file.isCurrent else { return nil }
      let outcome = body(file)
      return outcome.isAbsent && (file.gate.value != 0 || !file.hasLockFile) ? nil : outcome
    }
    return if let fast { fast } else { try lookAgain(body) }
  }

  @inline(never)
  private func lookAgain<Result: Answer>(_ body: (Attachment) -> Result) throws(WarpError) -> Result {
    // A reader waits no longer for another thread that moves the handle than for a writer. What this thread does itself to
    // move it takes as long as it takes, and is followed by a look.
    var end = System.bootTime() + Format.readerWait
    for _ in 0..<Format.readerTries {
      let file = attachment
      var standing = Standing.stay
      if !file.isCurrent || !file.hasLockFile {
        standing = try settle(file, file.superseded(), patience: Format.readerWait)
      }
      switch standing {
      case .moved: end = System.bootTime() + Format.readerWait
      case .stay:
        let outcome = body(file)
        if !outcome.isAbsent || file.gate.value == 0 { return outcome }
      case .busy:
        if System.bootTime() >= end { return .busy }
      }
    }
    return .busy
  }

  private func get(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, in file: Attachment
  ) -> GetResult {
    let hash = unsafe file.hash(key)
    if configuration.verifyReads { return unsafe verifiedGet(key, hash, into: target, in: file) }
    var stored: [UInt8] = []
    let lookup = unsafe file.lookup(key, hash: hash, marking: true) { shard, candidate in
      if candidate.header.codec == Format.codecRaw {
        if candidate.header.storedSize <= target.count { unsafe shard.copyValue(candidate, to: target) }
      } else {
        stored = shard.storedBytes(candidate)
      }
    }
    guard case .hit(let candidate) = lookup else { return absent(lookup, in: file) }
    let header = candidate.header
    guard header.codec == Format.codecRaw else { return unsafe decode(stored, header, into: target, in: file) }
    guard header.storedSize <= target.count else { return .tooSmall(needed: header.storedSize) }
    file.count(.hits)
    return .hit(size: header.storedSize)
  }

  /// A miss of either kind, counted.
  private func absent(_ lookup: Lookup, in file: Attachment) -> GetResult {
    if case .busy = lookup {
      file.count(.busyMisses)
      return .busy
    }
    file.count(.misses)
    return .miss
  }

  /// With the checksum taken over the private copy.
  private func verifiedGet(
    _ key: UnsafeRawBufferPointer, _ hash: UInt64, into target: UnsafeMutableRawBufferPointer, in file: Attachment
  ) -> GetResult {
    var stored: [UInt8] = []
    var metadata: EntryMetadata?
    let lookup = unsafe file.lookup(key, hash: hash, marking: true) { shard, candidate in
      stored = shard.storedBytes(candidate)
      metadata = shard.metadata(candidate.slot)
    }
    guard case .hit(let candidate) = lookup else { return absent(lookup, in: file) }
    guard let metadata, metadata.hash == hash,
      file.checksum(hash: hash, candidate, metadata, stored: stored) == metadata.checksum
    else { return corruptMiss(in: file) }
    return unsafe decode(stored, candidate.header, into: target, in: file)
  }

  private func decode(
    _ stored: [UInt8], _ header: EntryHeader, into target: UnsafeMutableRawBufferPointer, in file: Attachment
  ) -> GetResult {
    if header.codec == Format.codecZstd {
      let isHonest = unsafe stored.withUnsafeBytes { unsafe Compression.declares($0, header.rawSize) }
      guard isHonest else { return corruptMiss(in: file) }
    }
    guard header.rawSize <= target.count else { return .tooSmall(needed: header.rawSize) }
    let isRight: Bool
    switch header.codec {
    case Format.codecRaw:
      isRight = header.rawSize == stored.count
      if isRight { unsafe target.copyBytes(from: stored) }
    case Format.codecZstd:
      isRight = unsafe stored.withUnsafeBytes { frame in
        unsafe Compression.decompress(
          frame, into: UnsafeMutableRawBufferPointer(rebasing: target[..<header.rawSize]))
      }
    default: isRight = false
    }
    guard isRight else { return corruptMiss(in: file) }
    file.count(.hits)
    return .hit(size: header.rawSize)
  }

  private func corruptMiss(in file: Attachment) -> GetResult {
    file.count(.corrupt)
    file.count(.misses)
    return .miss
  }

  private func bytes(of key: UnsafeRawBufferPointer) throws(WarpError) -> [UInt8]? {
    var needed = Format.stackCopySize
    while true {
      let round = try unsafe withTemporary(needed) { (target) throws(WarpError) -> Round<[UInt8]> in
        switch try unsafe get(key, into: target) {
        case .hit(let size): return unsafe .done([UInt8](target[..<size]))
        case .miss, .busy: return .done(nil)
        case .tooSmall(let size): return .again(size)
        }
      }
      switch round {
      case .done(let result): return result
      case .again(let size): needed = size
      }
    }
  }
}

/// What a lookup can end with.
private protocol Answer {
  /// Nothing was found, for whatever reason.
  var isAbsent: Bool { get }
  static var busy: Self { get }
}

extension Lookup: Answer {
  fileprivate var isAbsent: Bool { if case .hit = self { false } else { true } }
}

extension GetResult: Answer {
  fileprivate var isAbsent: Bool { self == .miss || self == .busy }
}

private enum Round<Result> {
  case done(Result?)
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
