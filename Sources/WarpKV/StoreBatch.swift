// SPDX-License-Identifier: Apache-2.0
// Many keys in one call. Each get and set is what it would be alone; what a batch saves is waiting for memory: the lines of
// sixteen keys are asked for before the first is looked up.

public import WarpFormat

extension SharedStore {
  /// The value of each key, in the keys' order; nil where there is none. Each counts, and marks its entry visited, as a get of
  /// its own; together they are no snapshot.
  ///
  /// - Throws: `closed`, `superseded`.
  /// - Complexity: as that many gets.
  public func getMany(_ keys: [[UInt8]]) throws(WarpError) -> [[UInt8]?] {
    var values = [[UInt8]?](repeating: nil, count: keys.count)
    try unsafe getMany(keys) { (index, value) throws(WarpError) in values[index] = unsafe [UInt8](value) }
    return values
  }

  /// Runs a closure on a private copy of the value of each key that has one.
  ///
  /// - Parameter body: gets the key's index and the bytes. It may use the store.
  package func getMany(
    _ keys: [[UInt8]], _ body: (Int, UnsafeRawBufferPointer) throws(WarpError) -> Void
  ) throws(WarpError) {
    try inGroups(keys) { (index, key) throws(WarpError) in
      _ = try unsafe withCopy(
        { (target) throws(WarpError) in
          try unsafe key.span.bytes.withUnsafeBytes { (key) throws(WarpError) in try unsafe get(key, into: target) }
        }, { (value) throws(WarpError) in try unsafe body(index, value) })
    }
  }

  /// Runs a closure on each key, after the memory of its whole group was asked for.
  @inline(__always)
  func inGroups(_ keys: [[UInt8]], _ body: (Int, [UInt8]) throws(WarpError) -> Void) throws(WarpError) {
    for group in groups(of: keys.count) {
      prefetch(group) { keys[$0] }
      for index in group { try body(index, keys[index]) }
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
      prefetch(group) { entries[$0].key }
      for (key, value) in entries[group] {
        results.append(try unsafe set(key.span.bytes, to: value.span.bytes, lifetime: lifetime, if: .always))
      }
    }
    return results
  }

  private func groups(of count: Int) -> some Sequence<Range<Int>> {
    stride(from: 0, to: count, by: Format.batchSize).lazy.map { $0..<min($0 + Format.batchSize, count) }
  }

  /// Asks for the buckets first, and for the slots that they name once the buckets had time to arrive. Like a get it needs no
  /// reference to the files: the handle keeps them.
  @inline(__always)
  private func prefetch(_ group: Range<Int>, _ key: (Int) -> [UInt8]) {
    guard group.count > 1 else { return }
    unsafe current.unowned._withUnsafeGuaranteedRef { file in
      unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Format.batchSize) { hashes in
        for (place, index) in group.enumerated() {
          let hash = unsafe key(index).withUnsafeBytes { unsafe file.hash($0) }
          unsafe hashes[place] = hash
          file.prefetchBucket(hash)
        }
        for place in 0..<group.count { unsafe file.prefetchSlot(hashes[place]) }
      }
    }
  }
}
