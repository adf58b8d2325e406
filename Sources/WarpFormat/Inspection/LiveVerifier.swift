// SPDX-License-Identifier: Apache-2.0
// Goes round a store in use, again and again, and reports each broken rule once (SPEC.md, "Verification").
//
// Invariants:
// - A finding is told only if two looks, one after the other, both find it, and the files are still those that the path
//   names. Rules over several words are judged on a stable image both times; otherwise the shard is unstable, which is
//   no finding, and the next round looks again.
// - Files that were replaced meanwhile are opened anew. What was found in the old ones is left out: their lock file says
//   nothing about the new writers.
// - At most `mostFindings` findings are kept, so that a ruined store does not fill the memory.

/// Checks a store that others change, round by round. Read-only; takes no lock.
public struct LiveVerifier: ~Copyable {
  public static let mostFindings = 100_000
  /// A replacement renames two files, one after the other.
  private static let replacementTries = 50
  private static let replacementPause: Int64 = 20_000_000

  public let path: String
  /// All findings told so far.
  public private(set) var findings = 0
  /// How often the files of the path were others than before.
  public private(set) var replacements = 0

  private var image: FileImage
  private var files: Files
  private var told: Set<Place> = []

  /// Which files the path names.
  private struct Files: Equatable {
    struct Identity: Equatable {
      let device: UInt64
      let inode: UInt64
    }

    let data: Identity?
    let lock: Identity?

    init(_ path: String) throws(FormatError) {
      data = try Files.identity(path)
      lock = try Files.identity(path + StoreFiles.lockSuffix)
    }

    private static func identity(_ path: String) throws(FormatError) -> Identity? {
      try System.status(path: path).map { Identity(device: $0.device, inode: $0.inode) }
    }
  }

  /// What makes two findings the same one.
  private struct Place: Hashable {
    let rule: String
    let offset: Int
    let shard: Int?
    let slot: Int?
    /// Another file is another place.
    let replacements: Int
  }

  /// - Throws: as `FileImage.init(path:)`.
  public init(path: String) throws(FormatError) {
    self.path = path
    (image, files) = try LiveVerifier.open(path)
  }

  /// One look at everything.
  ///
  /// - Parameters:
  ///   - isDone: asked before each shard; the round ends early if it says so.
  ///   - report: called for each finding that was not told before.
  /// - Returns: what was looked at; `findings` counts those told in this round.
  /// - Throws: as `FileImage.init(path:)`, if the files were replaced; `truncated`, `system`.
  public mutating func round(
    isDone: () -> Bool = { false }, _ report: (Finding) -> Void
  ) throws(FormatError) -> Verifier.Summary {
    var summary = Verifier.Summary()
    try reopenIfReplaced()
    let verifier = Verifier(image)
    try look(&summary, report) { (image, add) throws(FormatError) in
      if let problem = image.lockProblem { add(problem) }
      try verifier.checkState(add)
      if let lock = image.lock { try verifier.checkLock(lock, add) }
      return true
    }
    let shards = image.geometry.shardCount
    for index in 0..<shards {
      if isDone() { break }
      var entries = 0
      let isStable = try look(&summary, report) { (image, add) throws(FormatError) in
        var check = ShardCheck(image: image, shard: try image.shard(index))
        try check.run(add)
        entries = check.live.count
        return check.shard.isStable
      }
      // The rest is another file's now.
      guard try Files(path) == files else { break }
      summary.shards += 1
      summary.entries += entries
      if !isStable { summary.unstable.append(index) }
    }
    return summary
  }

  /// Tells what is found twice.
  ///
  /// - Parameter body: looks once; returns whether what it looked at held still.
  /// - Returns: whether it held still each time.
  @discardableResult
  private mutating func look(
    _ summary: inout Verifier.Summary, _ report: (Finding) -> Void,
    _ body: (FileImage, (Finding) -> Void) throws(FormatError) -> Bool
  ) throws(FormatError) -> Bool {
    func places() throws(FormatError) -> (isStable: Bool, found: [(Place, Finding)]) {
      var found: [(Place, Finding)] = []
      let isStable = try body(image) { finding in
        guard found.count < LiveVerifier.mostFindings else { return }
        let place = Place(
          rule: finding.rule, offset: finding.offset, shard: finding.shard, slot: finding.slot,
          replacements: replacements)
        if !told.contains(place) { found.append((place, finding)) }
      }
      return (isStable, found)
    }
    let first = try places()
    if first.found.isEmpty { return first.isStable }
    System.sleep(Format.sleepNanoseconds)
    let second = try places()
    let again = Set(second.found.map(\.0))
    guard try Files(path) == files else { return false }
    for (place, finding) in first.found where again.contains(place) && told.count < LiveVerifier.mostFindings {
      guard told.insert(place).inserted else { continue }
      findings += 1
      summary.findings += 1
      report(finding)
    }
    return first.isStable && second.isStable
  }

  private mutating func reopenIfReplaced() throws(FormatError) {
    guard try Files(path) != files else { return }
    let (newImage, newFiles) = try LiveVerifier.open(path)
    if newFiles.data != files.data { replacements += 1 }
    (image, files) = (newImage, newFiles)
  }

  /// Files that belong together, if they do within a second; else as they are.
  private static func open(_ path: String) throws(FormatError) -> (FileImage, Files) {
    var files = try Files(path)
    var image = try FileImage(path: path)
    for _ in 0..<replacementTries {
      let now = try Files(path)
      if image.lockProblem == nil, now == files { break }
      // A replacement by somebody who has a core takes microseconds; one in use may have to wait for a core.
      System.sleep(image.isInUse ? replacementPause : replacementPause / 20)
      files = try Files(path)
      image = try FileImage(path: path)
    }
    return (image, files)
  }
}
