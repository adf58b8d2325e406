// SPDX-License-Identifier: Apache-2.0
// The typed cache: construction and reading. Writing is in CacheWriting, computing what is missing in CacheLoading,
// listing in CacheListing.
//
//   Cache ──> Flights            who computes which key now
//         ──> LifetimeRules      how long a value stays
//         ──> TypedBackend       MemoryBackend, or SharedBackend ──> SharedStore
//
// - A get in memory goes straight to the memory backend, inlined into the caller. Everything else goes through the
//   protocol: it costs more than a witness call anyway. A get in a shared store is compiled with the program, too (SharedHit).
// - Whatever writes a key first detaches its flight: a value that was computed from older state is not stored after
//   a set, a remove or a removeAll has returned.

public import WarpFormat

/// A bounded cache of Swift values, in this process or shared by processes.
///
/// ```swift
/// let users = Cache<Int, User>(capacity: 10_000)
/// users[42] = ada
/// let user = try await users.value(for: 7) { id in try await database.user(id) }
/// ```
///
/// A full cache evicts the entry that SIEVE chooses. An entry leaves earlier when its time to live is over.
///
/// Methods that can meet trouble throw it; in memory there is none but wrong arguments. The subscript, and
/// `value(for:_:)`, never throw a store's trouble: a get that meets it is a miss, a set that meets it is not
/// carried out, and ``statistics()`` counts it by its reason.
///
/// Complexity: what concerns one key is O(1) amortised in memory, and O(key + value) shared, unless it says otherwise.
///
/// Thread-safety: all methods may be called from any thread and any task at any time. A key's `==` and the clock run
/// under a lock in memory and must not use the cache; everything else that is yours may.
@safe
public final class Cache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// nil: shared.
  @usableFromInline let memory: MemoryBackend<Key, Value>?
  /// How a hit in memory gets by without it: to retain and release the object would cost more than a hit.
  @usableFromInline let reader: MemoryReader<Key, Value>
  /// nil: in memory. `backend` owns it, and the caller of a method this cache: so it is there without a reference of its own.
  @usableFromInline let shared: Unmanaged<SharedBackend<Key, Value>>?
  let backend: any TypedBackend<Key, Value>
  let lifetimes: LifetimeRules
  /// See ``LifetimeRules/common``.
  @usableFromInline let commonLifetime: Lifetime?
  @usableFromInline let knowsStale: Bool
  @usableFromInline let flights: Flights<LoadKey<Key>, Value>
  /// Whether callers share computations.
  let sharesLoads: Bool
  /// Nanoseconds.
  let loadWait: UInt64
  let timing: CacheClock
  let closedTally = Tally()

  /// A cache in this process.
  ///
  /// - Precondition: a capacity from 1 to 2^31 and valid options. ``init(_:in:capacity:timeToLive:options:fileID:)`` throws
  ///   instead.
  /// - Complexity: O(shards); memory grows with the entries.
  public convenience init(
    capacity: Int = Format.defaultCapacity, timeToLive: Duration? = nil, options: CacheOptions = CacheOptions()
  ) {
    do {
      try self.init("", in: .memory, capacity: capacity, timeToLive: timeToLive, options: options)
    } catch {
      preconditionFailure("\(error)")
    }
  }

  /// A cache in a place.
  ///
  /// - Parameters:
  ///   - name: of the shared store; see ``CacheOptions/namespace``. In memory it has no meaning.
  ///   - place: where entries are kept.
  ///   - capacity: entries, 1 to 2^31.
  ///   - timeToLive: of values stored without one of their own; nil: until they are evicted.
  ///   - options: everything else.
  ///   - fileID: leave it alone; its module is the default namespace.
  /// - Throws: `invalidCapacity`, `invalidTimeToLive` and other argument errors, before any memory or file is taken; for
  ///   a shared place also all errors of ``SharedStore/open(_:_:directory:)``.
  /// - Complexity: O(shards); a shared store that is made allocates tables of about 90 bytes per entry.
  public init(
    _ name: String, in place: CachePlace<Key, Value>, capacity: Int = Format.defaultCapacity,
    timeToLive: Duration? = nil, options: CacheOptions = CacheOptions(), fileID: String = #fileID
  ) throws(WarpError) {
    lifetimes = try LifetimeRules(timeToLive: timeToLive, options)
    loadWait = UInt64(try Expiry.wait(options.loadWait, field: "loadWait"))
    timing = options.clock ?? .continuous
    commonLifetime = lifetimes.common
    knowsStale = lifetimes.knowsStale
    flights = Flights(loadWait: loadWait, clock: timing)
    sharesLoads = options.singleFlight
    switch place.kind {
    case .memory(let extras):
      let memory = try MemoryBackend<Key, Value>(
        capacity: capacity, shards: options.shards, weightLimit: extras.weightLimit, weigher: extras.weigher,
        listener: extras.listener, clock: timing.now)
      self.memory = memory
      reader = memory.reader
      unsafe shared = nil
      backend = memory
    case .shared(let keys, let values):
      let identity = try StoreIdentity(
        name, namespace: options.namespace, version: options.version, keyDescriptor: keys.descriptor,
        valueDescriptor: values.descriptor, fileID: fileID)
      let store = try SharedStore.open(
        identity.storeName, options.store(capacity: capacity), directory: options.directory)
      memory = nil
      reader = .none
      let shared = SharedBackend(store, keys, values)
      unsafe self.shared = Unmanaged.passUnretained(shared)
      backend = shared
    }
  }

  /// Gives a shared store back: later calls throw `closed`, and functions compute. In memory it does nothing: the
  /// entries go with the cache. Idempotent.
  public func close() { backend.close() }

  /// The shared store under it; nil in memory.
  public var store: SharedStore? { unsafe shared?._withUnsafeGuaranteedRef { $0.store } }

  /// Values that could not be stored because this cache object was closed. A closed cache has no other statistics.
  public var closedSets: Int { closedTally.count }

  func loadKey(_ key: Key) -> LoadKey<Key> { backend.loadKey(key) }

  /// A computation of the key that is under way is not stored after this.
  @inlinable @inline(__always)
  func detach(_ key: Key) { if flights.underway != 0 { detachUnderway(key) } }

  @usableFromInline
  func detachUnderway(_ key: Key) { flights.detach(loadKey(key)) }

  /// Entries it holds at most.
  public var capacity: Int { backend.capacity }

  // MARK: Reading

  /// The value of a key, nil if there is none. Setting nil removes the key.
  ///
  /// It throws nothing: trouble with a shared store is a miss, or a set that is not carried out, and counted. O(1) and no
  /// allocation in memory.
  @inlinable
  public subscript(_ key: Key) -> Value? {
    @inline(__always)
    get {
      reader.isNone ? lenientGet(key) : memoryGet(key)
    }
    set {
      guard let memory else { return lenientSet(key, newValue) }
      if let newValue { _ = try? memorySet(memory, key, newValue, nil) } else { memoryRemove(memory, key) }
    }
  }

  /// The value of a key, nil if there is none.
  ///
  /// - Throws: `closed`, `superseded`.
  /// - Complexity: O(1) in memory, O(key + value) shared.
  @inlinable @inline(__always)
  public func get(_ key: Key) throws(WarpError) -> Value? {
    reader.isNone ? try sharedGet(key) : memoryGet(key)
  }

  /// - Precondition: in memory.
  @inlinable @inline(__always)
  func memoryGet(_ key: Key) -> Value? {
    let hash = reader.hash(key)
    switch reader.get(key, hash) {
    case .hit(let value): return value
    case .miss: return nil
    case .unknown: return memoryGetAgain(key, hash)
    }
  }

  @inlinable @inline(__always)
  func memoryGetAgain(_ key: Key, _ hash: UInt64) -> Value? { memory?.getAgain(key, hash) ?? nil }

  /// Not inlined, so that the hit in memory beside it stays small; but compiled with the program, for its types.
  @inlinable @inline(never)
  func sharedGet(_ key: Key) throws(WarpError) -> Value? {
    guard let shared = unsafe shared else { return nil }
    let hit = unsafe shared._withUnsafeGuaranteedRef { shared in
      Result { () throws(WarpError) in try shared.hit(key, freshness: knowsStale) }
    }
    return switch try hit.get() {
    case .fresh(let value), .stale(let value): value
    case .miss, .undecodable, .other: nil
    }
  }

  @inlinable @inline(never)
  func lenientGet(_ key: Key) -> Value? { (try? sharedGet(key)) ?? nil }

  /// The value with all that is known about it: its revision, the time it has left, whether it is stale. Counts as a get.
  ///
  /// - Throws: `closed`, `superseded`.
  public func entry(for key: Key) throws(WarpError) -> CachedEntry<Key, Value>? {
    if case .entry(let entry) = try backend.find(key, counting: true) { entry } else { nil }
  }

  /// The same, but it counts as no get and does not keep the entry from being evicted.
  ///
  /// - Throws: `closed`, `superseded`.
  public func peek(_ key: Key) throws(WarpError) -> CachedEntry<Key, Value>? {
    if case .entry(let entry) = try backend.find(key, counting: false) { entry } else { nil }
  }

  /// Whether there is a value. Counts as no get.
  ///
  /// - Throws: `closed`, `superseded`.
  public func contains(_ key: Key) throws(WarpError) -> Bool { try peek(key) != nil }

  /// How long the value of a key lives on; nil if there is none, or if it has no end: ``peek(_:)`` tells the two
  /// apart.
  ///
  /// - Throws: `closed`, `superseded`.
  public func remainingTimeToLive(of key: Key) throws(WarpError) -> Duration? { try peek(key)?.remaining }

  /// The values of several keys, in their order. Faster than one get after the other: what they need is fetched ahead.
  ///
  /// - Throws: `closed`, `superseded`.
  public func getMany(_ keys: [Key]) throws(WarpError) -> [Value?] { try backend.getMany(keys) }
}
