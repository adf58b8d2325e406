// SPDX-License-Identifier: Apache-2.0
// Every number of the format and of its procedures that is not an offset. Offsets are in Fields.swift.
//
// "Normative" numbers are part of format version 1 (SPEC.md, "Limits" and "Feature bits"); "tuning" numbers may
// change between releases without changing a file.

/// The constants of format version 1.
public enum Format {
  // MARK: Normative: identity

  /// The first eight bytes of a data file. A byte above 127, CR LF and 1A make text-mode damage visible.
  public static let dataMagic: [UInt8] = [0x89, 0x57, 0x4B, 0x56, 0x0D, 0x0A, 0x1A, 0x0A]
  /// The first eight bytes of a lock file.
  public static let lockMagic: [UInt8] = [0x89, 0x57, 0x4B, 0x4C, 0x0D, 0x0A, 0x1A, 0x0A]
  /// A reader refuses another major version.
  public static let majorVersion: UInt16 = planted(.nextMajor) ? 2 : 1
  /// A newer minor version only adds compat bits.
  public static let minorVersion: UInt16 = planted(.nextMinor) ? 1 : 0

  // MARK: Normative: feature bits

  /// incompat bit 0: values may be zstd frames (codec 1).
  public static let incompatZstd: UInt64 = 1 << 0
  /// incompat bit 1: reserved for values that span several slots.
  public static let incompatChainedSlots: UInt64 = 1 << 1
  public static let knownIncompat: UInt64 = incompatZstd
  public static let knownROCompat: UInt64 = 0
  public static let knownCompat: UInt64 = 0
  /// compat bit 0 of a lock file: it has a record of requests.
  public static let lockCompatRequests: UInt64 = 1 << 0
  public static let knownLockCompat: UInt64 = lockCompatRequests

  // MARK: Normative: registries

  public static let hashXXH3: UInt32 = 1
  public static let hashSipHash: UInt32 = 2
  public static let checksumXXH3: UInt32 = 1
  public static let evictionNone: UInt32 = 0
  public static let evictionSieve: UInt32 = 1
  /// Store time is the boot clock (it counts suspend) plus the base of the clock record.
  public static let clockBoot: UInt32 = 1
  public static let codecRaw: UInt8 = 0
  public static let codecZstd: UInt8 = 1

  // MARK: Normative: sizes

  public static let pageSize = 4096
  /// The header and the state block take one page each; the shards begin behind them.
  public static let stateOffset = 4096
  public static let shardsOffset = 8192
  public static let bucketSize = 8
  static let bucketsPerLine: UInt32 = 8
  public static let slotAlignment = 64
  public static let minimumBuckets = 8
  public static let probeLimit = 128
  public static let registryEntries = 1024
  public static let counterStripes = 256
  public static let leaseCells = 64
  /// Requests that a record of requests keeps, a power of two.
  public static let recordCells = 1 << 10...1 << 22
  /// Of 2^shift keys a record has the requests for one.
  public static let recordShifts = 0...24
  /// The byte of the data file whose open-file-description lock stands for registry entry 0.
  public static let registryLockOffset: Int64 = 1 << 62
  /// Read-only handles hold a read lock on this byte.
  public static let readerLockOffset: Int64 = registryLockOffset + Int64(registryEntries)
  /// Whoever can lock all of them is alone.
  static let registryLockCount = Int64(registryEntries) + 1

  // MARK: Normative: limits

  public static let maximumShards = 4096
  public static let maximumCapacity = 1 << 31
  /// Per shard, so that twice the capacity still fits the 32-bit fingerprint that gives the home bucket.
  public static let maximumShardCapacity = 1 << 30
  public static let maximumKeySize = 1 << 16
  public static let maximumValueSize = 1 << 30
  public static let maximumFileSize: Int64 = 1 << 46
  /// 146 years in nanoseconds: a deadline fits 63 bits with room for store time itself.
  public static let maximumTimeToLive: Int64 = 1 << 62
  public static let maximumNameSize = 200
  public static let supersededCurrent: UInt64 = 0
  public static let supersededDeleted: UInt64 = 1
  public static let supersededLockLost: UInt64 = 2
  /// Smaller first words of a store id are drawn again, so that they can't be taken for a mark.
  public static let smallestStoreWord: UInt64 = 16

  // MARK: Tuning

  /// How often who finds no free place waits for the creation lock and looks again.
  static let placeWaits = 16
  /// Requests that a record keeps by default: 4 MiB.
  public static let defaultRecordedRequests = 1 << 17
  /// Bytes of a lock file that are copied at a time.
  static let copyChunk = 1 << 20

  /// Slots up to this stride get their blocks in runs, larger ones one slot at a time.
  public static let runStride = 16 * 1024
  public static let runSize = 64 * 1024
  /// Default shard counts by capacity, from the smallest.
  public static let manyShardsFrom = 4096
  public static let manyShards = 16
  public static let mostShardsFrom = 65536
  public static let mostShards = 64
  public static let readerTries = 64
  /// How often a glance at a shard begins again because somebody is at work there.
  static let glanceTries = 8
  /// Slots that a survey looks at: of a larger store the part of entries with a property is known to 1.1 points.
  public static let surveySlots = 8192
  /// How many keys of a batch are prefetched at a time, and how many buckets of each chain.
  public static let batchSize = 16
  static let prefetchedBuckets: UInt32 = 4
  /// Slots that a set of a new key looks at for an expired entry.
  public static let sweepSlots = 4
  /// Waiting limits in nanoseconds, counted while the owner word and the sequence stay unchanged.
  public static let readerWait: Int64 = 5_000_000
  public static let writerWait: Int64 = 1_000_000_000
  public static let spinsBeforeYield = 64
  public static let yieldsBeforeSleep = 64
  public static let sleepNanoseconds: Int64 = 50_000
  public static let sleepsBeforeAsking = 10
  /// How long an opener waits for the creation lock or for a half-made pair of files.
  public static let creationWait: Int64 = 10_000_000_000
  public static let attachTries = 1000
  /// How long a waiter for a lease sleeps at most before it asks whether the holder is alive.
  public static let leaseSlice: Int64 = 50_000_000
  /// A task that waits for a lease looks again after this, twice this, and so on up to the longest pause.
  public static let leasePause: Int64 = 1_000_000
  public static let longestLeasePause: Int64 = 20_000_000
  /// How often an update begins again because others were faster.
  public static let updateTries = 1000
  /// How long an opener waits for those who are attached to make a lost lock file anew.
  static let lostLockWait: Int64 = 1_000_000_000
  /// How long the last to leave waits for the creation lock before it leaves without a record.
  static let detachWait: Int64 = 1_000_000_000
  public static let defaultCapacity = 128
  public static let defaultMaxKeySize = 512
  public static let defaultMaxValueSize = 4096
  public static let rawSizeFactor = 16
  public static let defaultMaximumRawSize = 64 << 20
  /// A value read through a closure is copied to the stack up to this size, to the heap above it.
  public static let stackCopySize = 1024
  public static let writerName = "WarpKV/0.1.0"
}
