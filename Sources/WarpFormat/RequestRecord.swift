// SPDX-License-Identifier: Apache-2.0
// The record of requests (SPEC.md §5.9 and §12.1): a ring in the lock file that keeps the last requests for a part of all
// keys, so that a store can be asked how large it ought to be. Only some lock files have one.
//
// - Whoever records takes a number by one atomic addition and fills the cell of that number; nobody waits for anybody.
// - A cell's check depends on the number. So it shows a cell that is half written, of another round, or mixed of two, and
//   no store needs an order.
// - The keys of a part of all hashes stand for all (spatial sampling: Waldspurger et al., "Efficient MRC Construction with
//   SHARDS", FAST '15). Keys appear by their seeded hash alone.

/// How many requests are kept, and for which keys.
public struct RequestRecord: Equatable, Sendable {
  /// Requests: a power of two in ``Format/recordCells``. Each takes 32 bytes of the lock file.
  public let cells: Int
  /// Of 2^shift keys one is recorded.
  public let shift: Int

  /// nil if there can be no such record.
  public init?(cells: Int, shift: Int) {
    guard RequestRecord.isPossible(cells: cells), Format.recordShifts.contains(shift) else { return nil }
    self.cells = cells
    self.shift = shift
  }

  static func isPossible(cells: Int) -> Bool { Format.recordCells.contains(cells) && cells & (cells - 1) == 0 }

  /// Bytes of the record.
  var size: Int { RecordFields.structure.size + cells * RequestFields.structure.size }

  /// Keys with a larger hash are not recorded.
  var limit: UInt64 { .max >> UInt64(shift) }

  /// The shift with which about 4,096 to 8,191 of the entries of a full store belong to recorded keys: enough for a
  /// curve, and few enough that the record holds many requests for each.
  public static func usualShift(capacity: Int) -> Int {
    let octave = Int.bitWidth - 1 - (capacity / 4096).leadingZeroBitCount
    return min(max(0, octave), Format.recordShifts.upperBound)
  }
}

/// What was asked for.
public enum RequestKind: UInt32, Sendable {
  /// A get that found a value.
  case hit = 1
  /// A get that found that there was none.
  case miss
  case set
  /// An entry was taken out on request.
  case removal
  /// All entries were.
  case removeAll
  /// No request: what the store had counted by then, for all keys.
  case tally
}

/// One recorded request, or a tally.
public struct RecordedRequest: Equatable, Sendable {
  public let kind: RequestKind
  /// Of the key; 0 for all. Of a tally: hits.
  public let hash: UInt64
  /// Store time.
  public let time: UInt64
  /// Bytes of the stored value; 0 if there is none.
  public let size: UInt32
  /// Seconds that the entry lives from then on, rounded up; 0: for ever.
  public let lifetime: UInt32

  /// Of a tally: hits and misses of the store since its lock file was made, modulo 2^64.
  public var tally: (hits: UInt64, misses: UInt64)? {
    kind == .tally ? (hash, UInt64(size) | UInt64(lifetime) << 32) : nil
  }

  /// What a cell with this content has as its check if its number is `number`.
  static func check(
    _ hash: UInt64, _ time: UInt64, _ sizes: UInt64, _ kind: UInt32, number: UInt64
  ) -> UInt32 {
    let covered = (hash.littleEndian, time.littleEndian, sizes.littleEndian, kind.littleEndian)
    return unsafe withUnsafeBytes(of: covered) { bytes in
      UInt32(truncatingIfNeeded: unsafe XXH3.hash64(bytes, seed: number))
    }
  }

  /// Reads a cell; nil unless it is whole and holds the request of that number.
  init?(_ bytes: [UInt8], at offset: Int, number: UInt64) {
    typealias F = RequestFields
    let word = UInt32(truncatingIfNeeded: bytes.integer(F.kind, at: offset))
    let (hash, time) = (bytes.integer(F.hash, at: offset), bytes.integer(F.time, at: offset))
    let (size, lifetime) = (bytes.integer(F.size, at: offset), bytes.integer(F.lifetime, at: offset))
    guard let kind = RequestKind(rawValue: word),
      RecordedRequest.check(hash, time, size | lifetime << 32, word, number: number)
        == UInt32(truncatingIfNeeded: bytes.integer(F.check, at: offset))
    else { return nil }
    self.kind = kind
    self.hash = hash
    self.time = time
    self.size = UInt32(truncatingIfNeeded: size)
    self.lifetime = UInt32(truncatingIfNeeded: lifetime)
  }
}

/// Where a handle records.
struct RequestRecorder: Sendable {
  /// Of the record in the lock file.
  let offset: Int
  let limit: UInt64
  let mask: UInt64

  /// nil if the lock file has no record.
  init?(_ geometry: LockGeometry) {
    guard let record = geometry.record else { return nil }
    offset = geometry.recordOffset
    limit = record.limit
    mask = UInt64(record.cells) &- 1
  }

  /// Of each sixteenth part of a round, the first number's handle records a tally, too.
  var tallyMask: UInt64 { mask >> 4 }
}

extension Attachment {
  /// Whether requests for keys with this hash are recorded.
  @inline(__always)
  package func records(_ hash: UInt64) -> Bool { recorder.map { hash <= $0.limit } ?? false }

  /// Records a request if the lock file has a record and the key is among the recorded.
  ///
  /// - Parameters:
  ///   - size: bytes of the stored value.
  ///   - deadline: store time; 0: never.
  @inline(__always)
  package func note(_ kind: RequestKind, hash: UInt64, size: Int = 0, deadline: UInt64 = 0) {
    guard let recorder, hash <= recorder.limit else { return }
    append(kind, hash, size, deadline, recorder)
  }

  /// Records a set that was done.
  @inline(__always)
  package func noteSet(_ entry: PendingEntry) {
    note(.set, hash: entry.hash, size: entry.header.storedSize, deadline: entry.header.deadline)
  }

  @inline(never)
  private func append(
    _ kind: RequestKind, _ hash: UInt64, _ size: Int, _ deadline: UInt64, _ recorder: RequestRecorder
  ) {
    let time = storeTime()
    let sizes = UInt64(UInt32(clamping: size)) | UInt64(Attachment.seconds(from: time, to: deadline)) << 32
    let number = append(kind, hash, time, sizes, recorder)
    // T3
    guard number & recorder.tallyMask == 0 else { return }
    let sums = sums()
    append(.tally, sums[.hits], time, sums[.misses], recorder)
  }

  /// Returns the number.
  @discardableResult
  private func append(
    _ kind: RequestKind, _ hash: UInt64, _ time: UInt64, _ sizes: UInt64, _ recorder: RequestRecorder
  ) -> UInt64 {
    typealias F = RequestFields
    // T1
    let number = lock.take64(recorder.offset &+ RecordFields.position.offset)
    let cell =
      recorder.offset &+ RecordFields.structure.size
      &+ Int(truncatingIfNeeded: number & recorder.mask) &* F.structure.size
    let check = RecordedRequest.check(hash, time, sizes, kind.rawValue, number: number)
    // T2
    lock.store64(cell &+ F.hash.offset, hash)
    lock.store64(cell &+ F.time.offset, time)
    lock.store64(cell &+ F.size.offset, sizes)
    lock.store64(cell &+ F.kind.offset, UInt64(kind.rawValue) | UInt64(check) << 32)
    return number
  }

  /// Rounded up, and at least 1; 0 if there is no deadline.
  private static func seconds(from time: UInt64, to deadline: UInt64) -> UInt32 {
    guard deadline != 0 else { return 0 }
    guard deadline > time else { return 1 }
    return UInt32(clamping: (deadline - time - 1) / 1_000_000_000 + 1)
  }
}

/// Whether a store is to have a record of requests.
package enum Recording: Equatable, Sendable {
  /// As its lock file was made; a new one has none.
  case asFound
  case off
  case on(RequestRecord)

  /// - Parameter found: what the lock file before this one has.
  func record(insteadOf found: RequestRecord?) -> RequestRecord? {
    switch self {
    case .asFound: found
    case .off: nil
    case .on(let record): record
    }
  }
}
