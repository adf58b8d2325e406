// SPDX-License-Identifier: Apache-2.0
// Many keys in one call. Each get and set is what it would be alone, but for the gets' order; what a batch saves is waiting for memory: the lines of
// sixteen keys are asked for before the first is looked up.

public import WarpFormat

extension SharedStore {
  /// The value of each key, in the keys' order; nil where there is none. Each counts, and marks its entry visited, as a get of
  /// its own; together they are no snapshot. The arrays cost more than the lookups: see
  /// ``getMany(_:keySize:into:valueSize:results:)`` and ``withValues(for:_:)``.
  ///
  /// - Throws: `closed`, `superseded`.
  /// - Complexity: as that many gets.
  public func getMany(_ keys: [[UInt8]]) throws(WarpError) -> [[UInt8]?] {
    var values = [[UInt8]?](repeating: nil, count: keys.count)
    try unsafe getMany(keys) { (index, value) throws(WarpError) in values[index] = unsafe [UInt8](value) }
    return values
  }

  /// Copies the values of keys of one size into one buffer. Allocates nothing. Each counts, and marks its entry visited, as a
  /// get of its own; together they are no snapshot, and they have no order: if a key comes twice while it is being set, the
  /// second get may find the older value.
  ///
  /// - Parameters:
  ///   - keys: the keys' bytes, one key behind the other.
  ///   - keySize: bytes of each key, at least 1.
  ///   - values: value number `n` is copied to byte `n * valueSize`; what lies behind its end
  ///     stays, unless the key is being set meanwhile.
  ///   - valueSize: bytes of room for each value.
  ///   - results: what the get of each key ended with, as many as there are keys.
  /// - Returns: how many were hits.
  /// - Precondition: the sizes fit: `keys` has `results.count * keySize` bytes, and `values` has room for as many values.
  /// - Throws: `closed`, `superseded`; some results are then not set.
  /// - Complexity: as that many gets, which wait for memory together. Where all of the store is in the processor's nearest
  ///   caches, gets one by one are as fast.
  @discardableResult
  public func getMany(
    _ keys: RawSpan, keySize: Int, into values: inout MutableRawSpan, valueSize: Int,
    results: inout MutableSpan<GetResult>
  ) throws(WarpError) -> Int {
    let count = results.count
    let (keyBytes, isHuge) = count.multipliedReportingOverflow(by: keySize)
    let (valueBytes, isHuger) = count.multipliedReportingOverflow(by: valueSize)
    precondition(keySize > 0 && !isHuge && keys.byteCount == keyBytes, "the keys don't have that size")
    precondition(
      valueSize >= 0 && !isHuger && values.byteCount >= valueBytes, "the values don't have that much room")
    var hits = 0
    for group in groups(of: count) {
      try unsafe keys.withUnsafeBytes { (keys) throws(WarpError) in
        try unsafe values.withUnsafeMutableBytes { (values) throws(WarpError) in
          let batch = unsafe Batch(
            keys: UnsafeRawBufferPointer(rebasing: keys[group.lowerBound &* keySize..<group.upperBound &* keySize]),
            keySize: keySize,
            values: UnsafeMutableRawBufferPointer(
              rebasing: values[group.lowerBound &* valueSize..<group.upperBound &* valueSize]), valueSize: valueSize
          )
          hits += try get(batch, group, &results)
        }
      }
    }
    return hits
  }

  /// Keys of one size and room for their values.
  @safe
  private struct Batch {
    let keys: UnsafeRawBufferPointer
    let keySize: Int
    let values: UnsafeMutableRawBufferPointer
    let valueSize: Int

    func key(_ place: Int) -> UnsafeRawBufferPointer {
      unsafe UnsafeRawBufferPointer(rebasing: keys[place &* keySize..<(place &+ 1) &* keySize])
    }

    func room(_ place: Int) -> UnsafeMutableRawBufferPointer {
      unsafe UnsafeMutableRawBufferPointer(rebasing: values[place &* valueSize..<(place &+ 1) &* valueSize])
    }
  }

  /// What the quick get of one of the keys that was neither a hit nor a miss ends with.
  @inline(never)
  private func settle(_ quick: QuickGet, _ batch: Batch, _ place: Int) throws(WarpError) -> GetResult {
    if case .tooSmall(let size) = quick { return .tooSmall(needed: size) }
    return try unsafe goOn(quick, batch.key(place), into: batch.room(place))
  }

  /// Gets of one group. What is quick is counted for all of them at once.
  @inline(__always)
  private func get(
    _ batch: Batch, _ group: Range<Int>, _ results: inout MutableSpan<GetResult>
  ) throws(WarpError) -> Int {
    var (hits, quickHits, quickMisses) = (0, 0, 0)
    let outcome = unsafe withUnsafeTemporaryAllocation(of: QuickGet.self, capacity: 16) { quick in
      if isQuick, let keys = unsafe batch.keys.baseAddress, let place = quick.baseAddress {
        unsafe current.quickGets(
          QuickBatch(
            keys: keys, keySize: batch.keySize, values: batch.values.baseAddress, valueSize: batch.valueSize,
            count: group.count),
          results: place)
      } else {
        unsafe quick.initialize(repeating: .unsure)
      }
      return unsafe results.withUnsafeMutableBufferPointer { results in
        Result { () throws(WarpError) in
          // The group's, which are no more than there are results.
          for place in 0..<group.count {
            let index = group.lowerBound &+ place
            if case .hit(let size) = unsafe quick[place] {
              unsafe results[index] = .hit(size: size)
              quickHits &+= 1
            } else if case .miss = unsafe quick[place] {
              unsafe results[index] = .miss
              quickMisses &+= 1
            } else {
              let result = try settle(unsafe quick[place], batch, place)
              unsafe results[index] = result
              if result.isHit { hits &+= 1 }
            }
          }
        }
      }
    }
    if quickHits > 0 { current.count(.hits, quickHits) }
    if quickMisses > 0 { current.count(.misses, quickMisses) }
    try outcome.get()
    return hits &+ quickHits
  }

  /// Runs a closure on a private copy of the value of each key that has one: on the stack up to 1,024 bytes, else on the heap.
  /// Each key counts, and marks its entry visited, as a get of its own; together they are no snapshot.
  ///
  /// - Parameters:
  ///   - keys: of any sizes.
  ///   - body: gets the key's index and the bytes. It may use the store.
  /// - Throws: `closed`, `superseded`, and what `body` throws.
  public func withValues(
    for keys: [[UInt8]], _ body: (Int, RawSpan) throws(WarpError) -> Void
  ) throws(WarpError) {
    try unsafe getMany(keys) { (index, value) throws(WarpError) in try unsafe body(index, value.bytes) }
  }

  /// See ``withValues(for:_:)``.
  package func getMany(
    _ keys: [[UInt8]], _ body: (Int, UnsafeRawBufferPointer) throws(WarpError) -> Void
  ) throws(WarpError) {
    for group in groups(of: keys.count) {
      let seed = current.hashSeed
      try unsafe withHashes(
        of: group, seed, { keys[$0] },
        { (hashes) throws(WarpError) in
          for (place, index) in group.enumerated() {
            let (key, hash) = unsafe (keys[index], hashes[place])
            _ = try unsafe withCopy(
              { (target) throws(WarpError) in
                try unsafe key.span.bytes.withUnsafeBytes { (key) throws(WarpError) in
                  try unsafe get(key, into: target, hash: hash, seed: seed)
                }
              }, { (value) throws(WarpError) in try unsafe body(index, value) })
          }
        })
    }
  }

  /// A get of a key whose hash is known.
  private func get(
    _ key: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, hash: UInt64, seed: UInt64
  ) throws(WarpError) -> GetResult {
    let quick: QuickGet =
      unsafe isQuick
      ? current.quickGet(key, into: target, hash: hash, seed: seed) : .unsure
    switch quick {
    case .hit(let size): return .hit(size: size)
    case .tooSmall(let size): return .tooSmall(needed: size)
    case .miss: return .miss
    case .torn, .unsure: return try unsafe goOn(quick, key, into: target)
    }
  }

  /// Runs a closure on each key, after the memory of its whole group was asked for.
  @inline(__always)
  func inGroups(_ keys: [[UInt8]], _ body: (Int, [UInt8]) throws(WarpError) -> Void) throws(WarpError) {
    for group in groups(of: keys.count) {
      try unsafe withHashes(
        of: group, current.hashSeed, { keys[$0] },
        { (_) throws(WarpError) in
          for index in group { try body(index, keys[index]) }
        })
    }
  }

  /// Sets each key to its value, in order. Each is a set of its own: others see some before the rest, and if one fails,
  /// those before it stay.
  ///
  /// - Returns: what each did.
  /// - Throws: as ``set(_:to:timeToLive:freshFor:)-(RawSpan,_,_,_)``.
  @discardableResult
  public func setMany(
    _ entries: [(key: [UInt8], value: [UInt8])], timeToLive: Duration? = nil, freshFor: Duration? = nil
  ) throws(WarpError) -> [SetResult] {
    let lifetime = try lifetime(timeToLive, freshFor)
    var results: [SetResult] = []
    results.reserveCapacity(entries.count)
    for group in groups(of: entries.count) {
      try unsafe withHashes(
        of: group, current.hashSeed, { entries[$0].key },
        { (_) throws(WarpError) in
          for (key, value) in entries[group] {
            results.append(try unsafe set(key.span.bytes, to: value.span.bytes, lifetime: lifetime, if: .always))
          }
        })
    }
    return results
  }

  private func groups(of count: Int) -> some Sequence<Range<Int>> {
    stride(from: 0, to: count, by: Format.batchSize).lazy.map { $0..<min($0 + Format.batchSize, count) }
  }

  /// Runs `body` with the keys' hashes, after their memory was asked for: the buckets first, and the slots that they name
  /// once the buckets had time to arrive.
  @inline(__always)
  private func withHashes(
    of group: Range<Int>, _ seed: UInt64, _ key: (Int) -> UnsafeRawBufferPointer,
    _ body: (UnsafeMutableBufferPointer<UInt64>) throws(WarpError) -> Void
  ) throws(WarpError) {
    let outcome = unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { hashes in
      for (place, index) in group.enumerated() {
        unsafe hashes[place] = current.prefetchBucket(key(index), seed: seed)
      }
      unsafe current.prefetchSlots(UnsafeBufferPointer(rebasing: hashes[..<group.count]))
      return Result { () throws(WarpError) in try unsafe body(hashes) }
    }
    try outcome.get()
  }

  @inline(__always)
  private func withHashes(
    of group: Range<Int>, _ seed: UInt64, _ key: (Int) -> [UInt8],
    _ body: (UnsafeMutableBufferPointer<UInt64>) throws(WarpError) -> Void
  ) throws(WarpError) {
    let outcome = unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { hashes in
      for (place, index) in group.enumerated() {
        unsafe hashes[place] = key(index).withUnsafeBytes { unsafe current.prefetchBucket($0, seed: seed) }
      }
      unsafe current.prefetchSlots(UnsafeBufferPointer(rebasing: hashes[..<group.count]))
      return Result { () throws(WarpError) in try unsafe body(hashes) }
    }
    try outcome.get()
  }
}
