// SPDX-License-Identifier: Apache-2.0
// The one lookup of all gets: it takes no lock and no reference, counts what it ends with, and decodes what it found from
// a private copy.

public import WarpFormat

extension SharedStore {
  /// Inlined into the caller, so that a hit is one call: of the quick get.
  @inlinable @inline(__always)
  func get(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(WarpError) -> GetResult {
    let quick: QuickGet = unsafe isQuick ? current.quickGet(key, into: target) : .unsure
    switch quick {
    case .hit(let size): return .hit(size: size)
    case .tooSmall(let size): return .tooSmall(needed: size)
    case .miss: return .miss
    case .torn, .unsure: return try unsafe goOn(quick, key, into: target)
    }
  }

  /// What is left to do after a quick get that settled nothing.
  @inline(never)
  @usableFromInline
  func goOn(
    _ quick: QuickGet, _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(WarpError) -> GetResult {
    if case .torn = quick { current.count(.retries) }
    let result = try look { file in unsafe get(key, into: target, in: file, marking: true, noting: { _, _ in }) }
    // Only now: a look whose files were left meanwhile is followed by another.
    count(result, isStale: false)
    return result
  }

  /// What a quick get says, nil if it takes the long way. Counts a try that failed.
  @inline(__always)
  private func settled(_ quick: QuickGet) -> GetResult? {
    switch quick {
    case .hit(let size): return .hit(size: size)
    case .tooSmall(let size): return .tooSmall(needed: size)
    case .miss: return .miss
    case .torn:
      current.count(.retries)
      return nil
    case .unsure: return nil
    }
  }

  /// A get that also says when the entry expires, whether it is stale, and its revision. Costs the line of the metadata.
  /// Counts nothing: the caller says what became of it with ``count(_:isStale:)``.
  ///
  /// - Parameter marking: whether a hit marks the entry visited.
  package func get(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, marking: Bool,
    facts: inout EntryFacts?
  ) throws(WarpError) -> GetResult {
    var quickFacts = QuickFacts()
    let quick: QuickGet =
      unsafe isQuick
      ? current.quickGet(key, into: target, marking: marking, facts: &quickFacts) : .unsure
    if let result = settled(quick) {
      if result.isHit { facts = EntryFacts(quickFacts, now: { current.storeTime() }) }
      return result
    }
    return try unsafe lookForFacts(key, into: target, marking: marking, facts: &facts)
  }

  @inline(never)
  private func lookForFacts(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, marking: Bool,
    facts: inout EntryFacts?
  ) throws(WarpError) -> GetResult {
    var noted: EntryFacts?
    defer { facts = noted }
    return try look { file in
      noted = nil
      let result = unsafe get(key, into: target, in: file, marking: marking) { shard, candidate in
        noted = EntryFacts(candidate.header, shard.metadata(candidate.slot))
      }
      if result.isHit { noted?.now = file.storeTime() }
      return result
    }
  }

  /// Counts what became of a get.
  func count(_ result: GetResult, isStale: Bool) {
    switch result {
    case .hit: current.count(.hits)
    case .miss: current.count(.misses)
    case .busy: current.count(.busyMisses)
    case .tooSmall: break
    }
    if isStale { current.count(.staleHits) }
  }

  /// Runs a lookup on the current files without a reference or a lock. If they were left meanwhile it may have looked at
  /// zeros, and what it did not find there says nothing.
  @inline(__always)
  func look<Result: Answer>(_ body: (Attachment) -> Result) throws(WarpError) -> Result {
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

  /// - Parameter note: looks at the entry before it is validated. It may run several times; only the last run counts, and
  ///   only for a hit.
  @inline(__always)
  private func get(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, in file: Attachment,
    marking: Bool, noting note: (Shard, Candidate) -> Void
  ) -> GetResult {
    let hash = unsafe file.hash(key)
    var header: EntryHeader?
    func look(_ shard: Shard, _ candidate: Candidate) {
      header = candidate.header
      note(shard, candidate)
    }
    let result =
      configuration.verifyReads
      ? unsafe verifiedGet(key, hash, into: target, in: file, marking: marking, noting: look)
      : unsafe plainGet(key, hash, into: target, in: file, marking: marking, noting: look)
    if marking, result.isHit || file.gate.value == 0 { file.note(result, hash, header) }
    return result
  }

  @inline(__always)
  private func plainGet(
    _ key: UnsafeRawBufferPointer, _ hash: UInt64, into target: UnsafeMutableRawBufferPointer, in file: Attachment,
    marking: Bool, noting note: (Shard, Candidate) -> Void
  ) -> GetResult {
    var stored: [UInt8] = []
    let lookup = unsafe file.lookup(key, hash: hash, marking: marking) { shard, candidate in
      if candidate.header.isRaw {
        if candidate.header.storedSize <= target.count { unsafe shard.copyValue(candidate, to: target) }
      } else {
        stored = shard.storedBytes(candidate)
      }
      note(shard, candidate)
    }
    guard case .hit(let candidate) = lookup else { return absent(lookup) }
    let header = candidate.header
    guard header.isRaw else { return unsafe decode(stored, header, into: target, in: file) }
    guard header.storedSize <= target.count else { return .tooSmall(needed: header.storedSize) }
    return .hit(size: header.storedSize)
  }

  /// A miss of either kind.
  private func absent(_ lookup: Lookup) -> GetResult { if case .busy = lookup { .busy } else { .miss } }

  /// With the checksum taken over the private copy.
  private func verifiedGet(
    _ key: UnsafeRawBufferPointer, _ hash: UInt64, into target: UnsafeMutableRawBufferPointer, in file: Attachment,
    marking: Bool, noting note: (Shard, Candidate) -> Void
  ) -> GetResult {
    var stored: [UInt8] = []
    var metadata: EntryMetadata?
    let lookup = unsafe file.lookup(key, hash: hash, marking: marking) { shard, candidate in
      stored = shard.storedBytes(candidate)
      metadata = shard.metadata(candidate.slot)
      note(shard, candidate)
    }
    guard case .hit(let candidate) = lookup else { return absent(lookup) }
    guard let metadata, metadata.hash == hash,
      file.checksum(hash: hash, candidate, metadata, stored: stored) == metadata.checksum
    else { return corruptMiss(in: file) }
    return unsafe decode(stored, candidate.header, into: target, in: file)
  }

  private func decode(
    _ stored: [UInt8], _ header: EntryHeader, into target: UnsafeMutableRawBufferPointer, in file: Attachment
  ) -> GetResult {
    // Before anybody makes room for it.
    let isHonest =
      switch header.codec {
      case Format.codecRaw: header.rawSize == stored.count
      case Format.codecZstd: unsafe stored.withUnsafeBytes { unsafe Compression.declares($0, header.rawSize) }
      default: false
      }
    guard isHonest else { return corruptMiss(in: file) }
    guard header.rawSize <= target.count else { return .tooSmall(needed: header.rawSize) }
    guard header.codec == Format.codecZstd else {
      unsafe target.copyBytes(from: stored)
      return .hit(size: header.rawSize)
    }
    let isRight = unsafe stored.withUnsafeBytes { frame in
      unsafe Compression.decompress(
        frame, into: UnsafeMutableRawBufferPointer(rebasing: target[..<header.rawSize]))
    }
    return isRight ? .hit(size: header.rawSize) : corruptMiss(in: file)
  }

  /// If the files were left meanwhile there will be another look (``look(_:)``).
  private func corruptMiss(in file: Attachment) -> GetResult {
    if file.gate.value == 0 { file.count(.corrupt) }
    return .miss
  }
}

extension Attachment {
  /// Records a get that found a value that its caller had room for, or that there was none.
  fileprivate func note(_ result: GetResult, _ hash: UInt64, _ header: EntryHeader?) {
    switch result {
    case .hit: note(.hit, hash: hash, size: header?.storedSize ?? 0, deadline: header?.deadline ?? 0)
    case .miss: note(.miss, hash: hash)
    case .busy, .tooSmall: break
    }
  }
}

/// What a lookup can end with.
protocol Answer {
  /// Nothing was found, for whatever reason.
  var isAbsent: Bool { get }
  static var busy: Self { get }
}

extension Lookup: Answer {
  var isAbsent: Bool { if case .hit = self { false } else { true } }
}

extension GetResult: Answer {
  var isAbsent: Bool { self == .miss || self == .busy }
}
