// SPDX-License-Identifier: Apache-2.0
// How to open a shared store: one value, with the predecessor's defaults.

public import WarpFormat

/// What a shared store is and how this handle uses it.
///
/// The first group is fixed when the store is made. Who opens it with others replaces it, or says otherwise with
/// ``IfDifferent``. The second group belongs to this handle alone.
public struct StoreConfiguration: Sendable {
  /// What happens when the store is full.
  public enum Eviction: Sendable, Equatable {
    /// The entry that SIEVE chooses goes.
    case sieve
    /// Expired entries go; if there are none, `set` throws `full`.
    case none
  }

  /// Whether values are compressed.
  public enum Compression: Sendable, Equatable {
    /// Values are stored as they are.
    case none
    /// Values of at least `threshold` bytes are stored as a zstd frame if that is smaller, so that values over
    /// `maxValueSize` can fit. Needs the package trait `Zstd`. Level 1 to 22, or below 0 for speed.
    case zstd(level: Int = 3, threshold: Int = 256)
  }

  /// What a handle may do.
  public enum Access: Sendable, Equatable {
    /// Everything.
    case readWrite
    /// Needs no writable file: gets and iteration only, nothing is counted, and hits don't mark entries visited.
    case readOnly
  }

  /// What to do when the store on disk was made with other parameters.
  public enum IfDifferent: Sendable, Equatable {
    /// Make it anew with these, and carry the entries over that fit, with their deadlines and their order (but none if
    /// ``schemaFingerprint`` differs). Handles that have it open follow by themselves.
    case replace
    /// Use it as it is; ``SharedStore/capacity`` and its like tell what it has.
    case useExisting
    /// Throw `parametersDiffer`, naming the first one.
    case fail

    var request: OpenRequest.IfDifferent {
      switch self {
      case .replace: .replace
      case .useExisting: .useExisting
      case .fail: .fail
      }
    }
  }

  /// Whether the store records its last requests, for `warp-inspect advise`.
  public enum RequestRecording: Sendable, Equatable {
    /// As the store is; a new one records nothing.
    case asFound
    /// Nothing is recorded.
    case off
    /// The last `requests` are kept, 32 bytes each: a power of two from 1,024 to 4,194,304. Only the requests for one key
    /// in `oneKeyIn`, chosen by hash, are: a power of two up to 2^24; nil: by capacity, so that about 4,096 to 8,191 of
    /// the entries of a full store are of such keys.
    case on(requests: Int = Format.defaultRecordedRequests, oneKeyIn: Int? = nil)

    /// - Throws: `invalidArgument`.
    func recording(capacity: Int) throws(WarpError) -> Recording {
      switch self {
      case .asFound: return .asFound
      case .off: return .off
      case .on(let requests, let keys):
        let shift = keys.map { $0 > 0 && $0 & ($0 - 1) == 0 ? $0.trailingZeroBitCount : -1 }
        guard
          let record = RequestRecord(
            cells: requests, shift: shift ?? RequestRecord.usualShift(capacity: max(1, capacity)))
        else {
          let keys = keys.map { ", one key in \($0)" } ?? ""
          throw WarpError(
            .invalidArgument,
            "a record of \(requests) requests\(keys): both are powers of two, the requests in "
              + "\(Format.recordCells.lowerBound)...\(Format.recordCells.upperBound), the keys in "
              + "1...\(1 << Format.recordShifts.upperBound)", field: "requestRecording")
        }
        return .on(record)
      }
    }
  }

  // MARK: Of the store

  /// Entries, at least 1.
  public var capacity: Int
  /// Bytes, up to 65,536.
  public var maxKeySize: Int
  /// Bytes of a stored value (compressed, if it is), up to 2^30. Each entry takes a slot of 32 bytes, key and value, rounded
  /// up to 64. Slots of up to 16 KiB take their memory whole when they are first used, larger ones only the pages that
  /// hold something.
  public var maxValueSize: Int
  /// Bytes of a value before compression; nil: `maxValueSize` without compression, up to 16 times it with.
  public var maxRawSize: Int?
  /// A power of two; nil: 1 below 4,096 entries, 16 below 65,536, then 64.
  public var shards: Int?
  /// What happens when the store is full.
  public var eviction: Eviction
  /// Whether values are compressed.
  public var compression: Compression
  /// Any number that tells one use of a file from another; a different one counts as a differing parameter.
  public var schemaFingerprint: UInt64

  /// Whether the last requests are recorded, by every handle of the store and across processes. A store that somebody else
  /// has open stays as it is; see ``SharedStore/requestRecord``.
  public var requestRecording: RequestRecording

  // MARK: Of the handle

  /// How long entries set through this handle live; nil: until they are evicted.
  public var timeToLive: Duration?
  /// Check the checksum on every get; a value that fails it is a miss and counted as corrupt.
  public var verifyReads: Bool
  /// What the handle may do.
  public var access: Access
  /// What becomes of a store that was made with other parameters.
  public var ifDifferent: IfDifferent
  /// Whether `open` makes the store if there is none.
  public var createIfMissing: Bool

  /// How long a writer waits for another one that makes no progress, before it throws `busy`.
  public var writerWait: Duration
  /// Tells the time by which entries expire; nil: the system's, which counts while the machine sleeps and never steps. All
  /// processes that use a store must use the same: one of a test's own is for stores of that test.
  public var clock: CacheClock?

  /// A configuration of the given values; the rest are the defaults. Checked when a store is opened with it.
  public init(
    capacity: Int = Format.defaultCapacity, maxKeySize: Int = Format.defaultMaxKeySize,
    maxValueSize: Int = Format.defaultMaxValueSize, timeToLive: Duration? = nil, shards: Int? = nil,
    eviction: Eviction = .sieve, compression: Compression = .none, maxRawSize: Int? = nil,
    verifyReads: Bool = false, access: Access = .readWrite, ifDifferent: IfDifferent = .replace,
    createIfMissing: Bool = true, schemaFingerprint: UInt64 = 0,
    writerWait: Duration = .nanoseconds(Format.writerWait), clock: CacheClock? = nil,
    requestRecording: RequestRecording = .asFound
  ) {
    self.capacity = capacity
    self.maxKeySize = maxKeySize
    self.maxValueSize = maxValueSize
    self.maxRawSize = maxRawSize
    self.timeToLive = timeToLive
    self.shards = shards
    self.eviction = eviction
    self.compression = compression
    self.verifyReads = verifyReads
    self.access = access
    self.ifDifferent = ifDifferent
    self.createIfMissing = createIfMissing
    self.schemaFingerprint = schemaFingerprint
    self.writerWait = writerWait
    self.clock = clock
    self.requestRecording = requestRecording
  }

  /// - Throws: `invalidTimeToLive`, `invalidArgument`.
  func parameters() throws(WarpError) -> Parameters {
    _ = try Expiry.wait(writerWait)
    var isZstd = false
    if case .zstd(let level, let threshold) = compression {
      isZstd = true
      guard (-100...22).contains(level), threshold >= 0 else {
        throw WarpError(
          .invalidArgument,
          "zstd level \(level), threshold \(threshold): the level is in -100...22, the threshold not "
            + "negative", field: "compression")
      }
    }
    return Parameters(
      capacity: capacity, shards: shards, maxKeySize: maxKeySize, maxValueSize: maxValueSize,
      maxRawSize: maxRawSize,
      eviction: eviction == .sieve ? Format.evictionSieve : Format.evictionNone, zstd: isZstd,
      defaultTimeToLive: Int64(try timeToLive.map { (d) throws(WarpError) in try Expiry.nanoseconds(d) } ?? 0),
      schemaFingerprint: schemaFingerprint)
  }
}

/// Durations and deadlines.
enum Expiry {
  /// A time to live in nanoseconds, rounded up.
  ///
  /// - Throws: `invalidTimeToLive` unless it is positive and at most 2^62 ns, 146 years.
  static func nanoseconds(_ duration: Duration, field: String = "timeToLive") throws(WarpError) -> UInt64 {
    guard let nanoseconds = exactly(duration) else {
      throw WarpError(
        .invalidTimeToLive,
        "\(field) \(duration) is not in 1 ns...\(limit / 1_000_000_000) s; for no end leave it nil", field: field)
    }
    return nanoseconds
  }

  /// A writer's waiting limit in nanoseconds, rounded up.
  ///
  /// - Throws: `invalidArgument` under the same conditions.
  static func wait(_ duration: Duration, field: String = "writerWait") throws(WarpError) -> Int64 {
    guard let nanoseconds = exactly(duration) else {
      throw WarpError(
        .invalidArgument, "a waiting limit of \(duration) is not in 1 ns...\(limit / 1_000_000_000) s",
        field: field)
    }
    return Int64(nanoseconds)
  }

  private static var limit: Int64 { Format.maximumTimeToLive }

  /// Compared as durations first: the components of one over 2^63 seconds would trap.
  private static func exactly(_ duration: Duration) -> UInt64? {
    guard duration > .zero, duration <= .nanoseconds(limit) else { return nil }
    let (seconds, attoseconds) = duration.components
    return UInt64(seconds) * 1_000_000_000 + UInt64((attoseconds + 999_999_999) / 1_000_000_000)
  }

  /// The deadline of an entry written now; 0: never. It ends at the last store time there is (SPEC.md §11).
  static func deadline(_ written: UInt64, _ lifetime: UInt64) -> UInt64 {
    StoreTime.deadline(written, lifetime)
  }

  /// The deadline, and when the entry ends to be fresh; 0: never. Nothing is fresh after its deadline.
  static func ends(_ written: UInt64, _ lifetime: Lifetime) -> (deadline: UInt64, freshUntil: UInt64) {
    StoreTime.ends(written, lifetime.whole, lifetime.fresh)
  }
}
