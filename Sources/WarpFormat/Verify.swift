// SPDX-License-Identifier: Apache-2.0
// Checks every rule of a store's two files and reports what is broken (SPEC.md, "Verification").
//
// This is the invariant function of the whole format: the model tests run it after each step, `warp-inspect verify`
// runs it on request. The parts are in Inspection/: VerifyState, VerifySlots, VerifyContents, VerifyBuckets,
// VerifyQueue, VerifyLock; LiveVerifier goes round a store in use.
//
// Invariants:
// - No bytes whatever make it trap: indexes are compared with the verified geometry before they are used, every walk
//   has a bound, and what is kept in memory is at most what the file really holds.
// - It is honest on a live store. Rules that join several words are checked on a stable image of the shard only; a
//   shard that never holds still is named in the summary and is no finding.

/// One violated rule.
public struct Finding: Sendable, Equatable {
  /// "WKV-B03": the id in SPEC.md. Rules WKV-L… are about the lock file, all others about the data file.
  public let rule: String
  /// Of the offending field, in its file.
  public let offset: Int
  public let message: String
  public let shard: Int?
  /// From 1.
  public let slot: Int?

  public init(rule: String, offset: Int, message: String, shard: Int? = nil, slot: Int? = nil) {
    self.rule = rule
    self.offset = offset
    self.message = message
    self.shard = shard
    self.slot = slot
  }
}

/// Checks a store, in use or not. Read-only; takes no lock.
///
/// Time grows with the bytes that the store holds, memory with the entries of its largest shard.
public struct Verifier: Sendable {
  /// What was looked at.
  public struct Summary: Sendable, Equatable {
    public var shards = 0
    /// Live slots.
    public var entries = 0
    public var findings = 0
    /// Shards that were being written whenever they were looked at, or whose writer died and has not been replaced.
    /// Of these only the entries' contents were checked.
    public var unstable: [Int] = []
  }

  /// How far a run has come.
  public struct Progress: Sendable, Equatable {
    /// The shard that is being checked, from 0.
    public let shard: Int
    public let shardCount: Int
    /// What is done of this shard, 0 to 1. May go back: a shard that changed while it was copied is copied again.
    public let part: Double
  }

  public let image: FileImage

  /// Opens a data file and the lock file beside it. The header rules (WKV-H… and WKV-G…) are checked here: the first
  /// one broken is thrown, with its id, since nothing else in the file could be found without the header.
  ///
  /// - Throws: as `FileImage.init(path:)`.
  public init(path: String) throws(FormatError) { image = try FileImage(path: path) }

  public init(_ image: FileImage) { self.image = image }

  /// Checks everything and reports each broken rule as it is found.
  ///
  /// - Parameters:
  ///   - report: called for each finding.
  ///   - progress: called before each shard and, in large ones, now and then.
  ///   - visit: called with the image of each shard once it is checked, for whoever wants to know more of it.
  /// - Throws: `truncated` if the file becomes shorter meanwhile, `system`, what `visit` throws. What a file holds is never
  ///   an error here.
  public func run(
    _ report: (Finding) -> Void, progress: (Progress) -> Void = { _ in },
    visit: (ShardImage) throws(FormatError) -> Void = { (_) throws(FormatError) in }
  ) throws(FormatError) -> Summary {
    var summary = Summary()
    func count(_ finding: Finding) {
      summary.findings += 1
      report(finding)
    }
    if let problem = image.lockProblem { count(problem) }
    try checkState(count)
    if let lock = image.lock { try checkLock(lock, count) }
    for index in 0..<image.geometry.shardCount {
      func tell(_ part: Double) {
        progress(Progress(shard: index, shardCount: image.geometry.shardCount, part: part))
      }
      tell(0)
      let shard = try image.shard(index) { tell($0 * ShardCheck.copyingPart) }
      var check = ShardCheck(image: image, shard: shard)
      try check.run(count) { tell(ShardCheck.copyingPart + $0 * (1 - ShardCheck.copyingPart)) }
      summary.shards += 1
      summary.entries += check.live.count
      if !shard.isStable { summary.unstable.append(index) }
      try visit(shard)
    }
    return summary
  }

  /// All findings at once, for small files.
  public func findings() throws(FormatError) -> [Finding] {
    var all: [Finding] = []
    _ = try run { all.append($0) }
    return all
  }
}

/// The rules of one shard, checked on one image of it.
struct ShardCheck {
  typealias Report = (Finding) -> Void

  /// What the joint rules need to know of a live slot.
  struct Live {
    let slot: Int
    let control: UInt64
    let keySize: UInt32
    let storedSize: UInt32
    let hash: UInt64
    let stamp: UInt64
    let revision: UInt64
    let newer: Int
    let older: Int
    var bucket: Int?
  }

  /// What the copy of a shard takes of the whole time, about.
  static let copyingPart = 0.3

  let image: FileImage
  let shard: ShardImage
  /// In slot order.
  var live: [Live] = []
  var freeCount = 0

  init(image: FileImage, shard: ShardImage) {
    self.image = image
    self.shard = shard
  }

  var geometry: Geometry { image.geometry }

  /// - Parameter progress: called now and then with the part that is done, 0 to 1.
  mutating func run(_ report: Report, progress: (Double) -> Void = { _ in }) throws(FormatError) {
    if shard.isStable {
      checkControl(report)
      checkSlots(report)
      checkCounts(report)
      checkBuckets(report)
      checkQueue(report)
      checkFreeList(report)
    } else {
      collectLive()
    }
    try checkContents(report, progress)
    if shard.isStable { try checkKeys(report) }
  }

  func finding(_ rule: String, _ offset: Int, _ message: String, slot: Int? = nil) -> Finding {
    Finding(rule: "WKV-" + rule, offset: offset, message: message, shard: shard.index, slot: slot)
  }

  /// The offset of a field of the shard's control.
  func offset(_ field: Field) -> Int { shard.offset + field.offset }

  func headerOffset(_ slot: Int, _ field: Field) -> Int {
    image.slotOffset(shard: shard.index, slot: slot) + field.offset
  }

  func metadataOffset(_ slot: Int, _ field: Field) -> Int {
    image.metadataOffset(shard: shard.index, slot: slot) + field.offset
  }

  /// The place in `live` of a slot; nil if the slot is not live, or is no slot at all.
  func find(_ slot: Int) -> Int? {
    guard slot >= 1, !live.isEmpty else { return nil }
    // In a full shard nearly every slot is live, and the first guess is right.
    let guess = min(slot, live.count) - 1
    if live[guess].slot == slot { return guess }
    var (low, high) = (0, live.count)
    while low < high {
      let middle = (low + high) / 2
      if live[middle].slot < slot { low = middle + 1 } else { high = middle }
    }
    return low < live.count && live[low].slot == slot ? low : nil
  }
}
