// SPDX-License-Identifier: Apache-2.0
// Everything about a cache that most callers leave alone, in one value.

public import WarpFormat

/// How a ``Cache`` or a cached function behaves, apart from its capacity and time to live.
public struct CacheOptions: Sendable {
  // MARK: Freshness

  /// How long a value is fresh. Then it is *stale*: it is still served, while one caller on this host computes it anew.
  public var freshFor: Duration?
  /// How long a stale value is served; needs ``freshFor``. Nil: until the time to live ends, or until it is evicted.
  public var staleFor: Duration?
  /// The time to live of nil, if values are optional. Nil: the same as that of other values.
  public var negativeTimeToLive: Duration?
  /// The largest part, 0 up to 1, by which each lifetime is shortened at random, so that what was stored together does
  /// not expire together.
  public var jitter: Double
  /// Makes the jitter repeatable; nil: another one each time.
  public var jitterSeed: UInt64?

  // MARK: Computing

  /// Whether callers who miss the same key at the same time share one computation: in this process, and with a shared
  /// place on this host.
  public var singleFlight: Bool
  /// How long anybody waits for another's computation, before computing for itself. It should be longer than a computation
  /// takes: who computes for itself stores nothing.
  public var loadWait: Duration

  // MARK: Both places

  /// A power of two; nil: 1 below 4,096 entries, 16 below 65,536, then 64.
  public var shards: Int?
  /// For tests. A shared store's processes must all have the same.
  public var clock: CacheClock?

  // MARK: Shared places

  /// Caches share a store exactly if name, namespace, version and the types of keys and values agree. Nil: the name of
  /// the module that makes the cache.
  public var namespace: String?
  /// Raise it when the meaning of the values changes.
  public var version: Int
  /// Where the store's files are; see ``SharedStore/open(_:_:directory:)``.
  public var directory: String?
  /// Bytes of an encoded key, up to 65,536.
  public var maxKeySize: Int
  /// Bytes of an encoded value as it is stored, up to 2^30.
  public var maxValueSize: Int
  /// Bytes of an encoded value before compression; see ``StoreConfiguration/maxRawSize``.
  public var maxRawSize: Int?
  /// How encoded values are compressed.
  public var compression: StoreConfiguration.Compression
  /// What becomes of a store that was made with other parameters.
  public var ifDifferent: StoreConfiguration.IfDifferent
  /// Check the checksum on every get.
  public var verifyReads: Bool
  /// How long a set waits for another process that makes no progress.
  public var writerWait: Duration
  /// Whether the store records its last requests, so that `warp-inspect advise` can say how large it should be. A store
  /// that somebody else has open stays as it is.
  public var requestRecording: StoreConfiguration.RequestRecording

  /// Options of the given values; the rest are the defaults. Checked when a cache is made with them.
  public init(
    freshFor: Duration? = nil, staleFor: Duration? = nil, negativeTimeToLive: Duration? = nil,
    jitter: Double = 0, jitterSeed: UInt64? = nil, singleFlight: Bool = true,
    loadWait: Duration = .seconds(30), shards: Int? = nil, clock: CacheClock? = nil,
    namespace: String? = nil, version: Int = 0, directory: String? = nil,
    maxKeySize: Int = Format.defaultMaxKeySize, maxValueSize: Int = Format.defaultMaxValueSize,
    maxRawSize: Int? = nil, compression: StoreConfiguration.Compression = .none,
    ifDifferent: StoreConfiguration.IfDifferent = .replace, verifyReads: Bool = false,
    writerWait: Duration = .nanoseconds(Format.writerWait),
    requestRecording: StoreConfiguration.RequestRecording = .asFound
  ) {
    self.freshFor = freshFor
    self.staleFor = staleFor
    self.negativeTimeToLive = negativeTimeToLive
    self.jitter = jitter
    self.jitterSeed = jitterSeed
    self.singleFlight = singleFlight
    self.loadWait = loadWait
    self.shards = shards
    self.clock = clock
    self.namespace = namespace
    self.version = version
    self.directory = directory
    self.maxKeySize = maxKeySize
    self.maxValueSize = maxValueSize
    self.maxRawSize = maxRawSize
    self.compression = compression
    self.ifDifferent = ifDifferent
    self.verifyReads = verifyReads
    self.writerWait = writerWait
    self.requestRecording = requestRecording
  }

  /// The store that these options and a capacity describe.
  func store(capacity: Int) -> StoreConfiguration {
    StoreConfiguration(
      capacity: capacity, maxKeySize: maxKeySize, maxValueSize: maxValueSize, shards: shards,
      compression: compression, maxRawSize: maxRawSize, verifyReads: verifyReads, ifDifferent: ifDifferent,
      writerWait: writerWait, clock: clock, requestRecording: requestRecording)
  }
}
