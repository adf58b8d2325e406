// SPDX-License-Identifier: Apache-2.0
// Pure arithmetic: the few numbers fixed at creation, and every offset and size that follows from them (SPEC.md §6).
//
//   0        4096    8192                                                              fileSize
//   | header | state | shard 0 | shard 1 | … | shard n-1 |
//                    | control 256 | buckets | metadata | (to a page) slots | (to a page) |
//
// Nothing here reads a file. All arithmetic is on Int with limits checked first, so nothing can overflow: the largest
// product is 2^30 slots x 2^31 bytes of stride, below 2^62.

/// What the caller chooses; immutable for the life of a file.
public struct Parameters: Equatable, Sendable {
  /// Entries. 1 to 2^31.
  public var capacity: Int
  /// A power of two, at most `capacity`; nil: by capacity.
  public var shards: Int?
  /// Bytes. 0 to 65,536.
  public var maxKeySize: Int
  /// Bytes of a stored value, compressed if it is. 0 to 2^30.
  public var maxValueSize: Int
  /// Bytes of a value before compression; nil: equal to `maxValueSize` without compression, 16 times it with.
  public var maxRawSize: Int?
  /// Evict by SIEVE when full, or refuse.
  public var eviction: UInt32
  /// Whether values may be zstd frames.
  public var zstd: Bool
  /// Nanoseconds, 0: none. Information only: each handle applies its own.
  public var defaultTimeToLive: Int64
  public var userTag: UInt64
  public var schemaFingerprint: UInt64

  public init(
    capacity: Int = Format.defaultCapacity, shards: Int? = nil,
    maxKeySize: Int = Format.defaultMaxKeySize, maxValueSize: Int = Format.defaultMaxValueSize,
    maxRawSize: Int? = nil, eviction: UInt32 = Format.evictionSieve, zstd: Bool = false,
    defaultTimeToLive: Int64 = 0, userTag: UInt64 = 0, schemaFingerprint: UInt64 = 0
  ) {
    self.capacity = capacity
    self.shards = shards
    self.maxKeySize = maxKeySize
    self.maxValueSize = maxValueSize
    self.maxRawSize = maxRawSize
    self.eviction = eviction
    self.zstd = zstd
    self.defaultTimeToLive = defaultTimeToLive
    self.userTag = userTag
    self.schemaFingerprint = schemaFingerprint
  }
}

/// The offsets and sizes of a data file.
public struct Geometry: Equatable, Sendable {
  public let capacity: Int
  public let shardCount: Int
  public let slotsPerShard: Int
  public let bucketsPerShard: Int
  /// One less than the numbers of shards and of a shard's buckets, which are powers of two.
  private let shardMask: Int
  let bucketMask: UInt32
  /// Buckets in which a key may be, from its home bucket on.
  let probeLimit: UInt32
  /// Bytes from one slot to the next.
  public let slotStride: Int
  public let maxKeySize: Int
  public let maxValueSize: Int
  public let maxRawSize: Int
  /// Offsets within a shard.
  public let bucketsOffset: Int
  public let metadataOffset: Int
  public let slotsOffset: Int
  /// Bytes from one shard to the next.
  public let shardStride: Int
  public let fileSize: Int
  /// The quotient and remainder of capacity by shards, so that no operation divides.
  private let leastShardCapacity: Int
  private let largerShards: Int

  /// - Throws: `invalidCapacity`, `invalidShardCount`, `invalidKeySize`, `invalidValueSize`, naming the parameter.
  public init(_ parameters: Parameters) throws(FormatError) {
    let capacity = parameters.capacity
    guard capacity >= 1, capacity <= Format.maximumCapacity else {
      throw FormatError(
        .invalidCapacity, "capacity \(capacity) is not in 1...\(Format.maximumCapacity)", field: "capacity")
    }
    let shards = parameters.shards ?? Geometry.defaultShards(capacity: capacity)
    guard shards >= 1, shards <= Format.maximumShards, shards & (shards - 1) == 0, shards <= capacity else {
      throw FormatError(
        .invalidShardCount,
        "\(shards) shards: it must be a power of two, at most \(Format.maximumShards) and at most the capacity",
        field: "shards")
    }
    guard (0...Format.maximumKeySize).contains(parameters.maxKeySize) else {
      throw FormatError(
        .invalidKeySize, "a maximum key size of \(parameters.maxKeySize) is not in 0...\(Format.maximumKeySize)",
        field: "maxKeySize")
    }
    guard (0...Format.maximumValueSize).contains(parameters.maxValueSize) else {
      throw FormatError(
        .invalidValueSize,
        "a maximum value size of \(parameters.maxValueSize) is not in 0...\(Format.maximumValueSize)",
        field: "maxValueSize")
    }
    let raw = parameters.maxRawSize ?? Geometry.defaultRawSize(parameters)
    guard raw >= parameters.maxValueSize, raw <= Format.maximumValueSize else {
      throw FormatError(
        .invalidValueSize,
        "a maximum raw size of \(raw) is not in \(parameters.maxValueSize)...\(Format.maximumValueSize)",
        field: "maxRawSize")
    }
    let shardCapacity = (capacity + shards - 1) / shards
    guard shardCapacity <= Format.maximumShardCapacity else {
      throw FormatError(
        .invalidShardCount, "\(shardCapacity) entries in one shard: ask for more shards", field: "shards")
    }
    self.capacity = capacity
    shardCount = shards
    shardMask = shards - 1
    leastShardCapacity = capacity / shards
    largerShards = capacity % shards
    slotsPerShard = shardCapacity + 1
    bucketsPerShard = max(Format.minimumBuckets, Geometry.powerOfTwo(atLeast: 2 * shardCapacity))
    bucketMask = UInt32(truncatingIfNeeded: bucketsPerShard - 1)
    probeLimit = UInt32(min(Format.probeLimit, bucketsPerShard))
    maxKeySize = parameters.maxKeySize
    maxValueSize = parameters.maxValueSize
    maxRawSize = raw
    slotStride = Geometry.align(
      SlotFields.structure.size + Geometry.align(maxKeySize, 8) + maxValueSize, Format.slotAlignment)
    bucketsOffset = ControlFields.structure.size
    metadataOffset = bucketsOffset + bucketsPerShard * Format.bucketSize
    slotsOffset = Geometry.align(
      metadataOffset + slotsPerShard * MetadataFields.structure.size, Format.pageSize)
    shardStride = Geometry.align(slotsOffset + slotsPerShard * slotStride, Format.pageSize)
    let largest = (Int(Format.maximumFileSize) - Format.shardsOffset) / shardCount
    guard shardStride <= largest else {
      throw FormatError(
        .invalidCapacity,
        "the file would be over \(Format.maximumFileSize) bytes: lower capacity, maxKeySize or maxValueSize",
        field: "capacity")
    }
    fileSize = Format.shardsOffset + shardCount * shardStride
  }

  /// Where keys with this hash are.
  @inline(__always)
  public func shardIndex(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & shardMask }

  /// Entries that shard `index` may hold: the capacity divided evenly, the first shards taking the remainder.
  @inline(__always)
  public func capacity(ofShard index: Int) -> Int {
    leastShardCapacity &+ (index < largerShards ? 1 : 0)
  }

  @inline(__always)
  public func shardOffset(_ index: Int) -> Int { Format.shardsOffset &+ index &* shardStride }

  /// Whether blocks are allocated for several slots at a time.
  public var allocatesRuns: Bool { slotStride <= Format.runStride }

  /// One shard up to 4,095 entries, 16 up to 65,535, then 64.
  public static func defaultShards(capacity: Int) -> Int {
    capacity < Format.manyShardsFrom ? 1 : capacity < Format.mostShardsFrom ? Format.manyShards : Format.mostShards
  }

  static func defaultRawSize(_ parameters: Parameters) -> Int {
    guard parameters.zstd else { return parameters.maxValueSize }
    return max(
      parameters.maxValueSize,
      min(Format.rawSizeFactor * parameters.maxValueSize, Format.defaultMaximumRawSize))
  }

  static func align(_ size: Int, _ alignment: Int) -> Int { (size + alignment - 1) & ~(alignment - 1) }

  static func powerOfTwo(atLeast count: Int) -> Int {
    count <= 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
  }
}

/// The offsets and sizes of a lock file; they follow from two numbers of the data file, and from what it records.
public struct LockGeometry: Equatable, Sendable {
  public let shardCount: Int
  public let slotsPerShard: Int
  public let linesOffset: Int
  public let registryOffset: Int
  public let countersOffset: Int
  public let leasesOffset: Int
  public let visitedOffset: Int
  /// Bytes from one shard's visited bytes to the next.
  public let visitedStride: Int
  public let record: RequestRecord?
  /// 0 without a record.
  public let recordOffset: Int
  public let fileSize: Int

  public init(_ geometry: Geometry, record: RequestRecord? = nil) {
    shardCount = geometry.shardCount
    slotsPerShard = geometry.slotsPerShard
    linesOffset = Format.pageSize
    registryOffset = linesOffset + shardCount * LockLineFields.structure.size
    countersOffset = registryOffset + Format.registryEntries * RegistryFields.structure.size
    leasesOffset = countersOffset + Format.counterStripes * CounterFields.structure.size
    visitedOffset = leasesOffset + shardCount * Format.leaseCells * LeaseFields.structure.size
    visitedStride = Geometry.align(slotsPerShard, Format.slotAlignment)
    self.record = record
    let end = Geometry.align(visitedOffset + shardCount * visitedStride, Format.pageSize)
    recordOffset = record == nil ? 0 : end
    fileSize = end + (record.map { Geometry.align($0.size, Format.pageSize) } ?? 0)
  }
}
