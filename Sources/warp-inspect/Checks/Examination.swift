// SPDX-License-Identifier: Apache-2.0
// Everything that the checks of `warp-inspect doctor` look at, gathered once.
//
// Plain values, so that a test can make up what no machine shows at will: a full disk, a million lost sets.

import WarpFormat

struct Examination {
  /// Findings that are kept; the rest is counted.
  static let mostFindings = 16

  /// The data file, or one beside it.
  struct File {
    let path: String
    var status: FileStatus
  }

  let path: String
  let geometry: Geometry
  var usesZstd: Bool
  var evicts: Bool

  var files: [File] = []
  var userID: UInt32
  var space: (free: Int, size: Int)
  /// Of the data file.
  var size: Int
  var allocated: Int

  var findings: [Finding] = []
  var summary: Verifier.Summary

  var superseded: UInt64
  var isThisBoot: Bool
  var isLeftClean: Bool
  var hasClock: Bool
  /// Whether a handle that may write is attached.
  var isInUse: Bool
  var lockProblem: Finding?
  /// nil: there is no lock file that belongs to the data file.
  var lockIsOfThisBoot: Bool?

  var occupation: Occupation
  var distributions: Distributions
  /// Slots that were ever used.
  var usedSlots: UInt64 = 0
  /// nil without a lock file.
  var counters: CounterValues?
  var recoveries: UInt64 = 0

  init(_ image: FileImage) throws(FormatError) {
    path = image.path
    geometry = image.geometry
    usesZstd = image.header.usesZstd
    evicts = image.header.evictionID != Format.evictionNone
    userID = System.userID()
    let status = try image.status()
    files.append(File(path: path, status: status))
    for suffix in [StoreFiles.lockSuffix, "-init"] {
      if let status = try System.status(path: path + suffix) {
        files.append(File(path: path + suffix, status: status))
      }
    }
    (size, allocated) = (status.size, status.allocated)
    space = try image.fileSystemSpace()

    let state = try image.state()
    let clock = ClockRecord.current(state)
    superseded = state.integer(StateFields.superseded)
    hasClock = clock != nil
    isThisBoot = clock?.bootID == System.bootID()
    isLeftClean = try image.isLeftClean()
    isInUse = image.isInUse
    lockProblem = image.lockProblem
    lockIsOfThisBoot = image.lock.map { $0.header.bootID == System.bootID() }
    occupation = try image.occupation() ?? Occupation()
    counters = try image.lock?.counters()

    let now = StoreTime(clock).now
    var kept: [Finding] = []
    var spread = Distributions()
    var (used, recovered): (UInt64, UInt64) = (0, 0)
    var progress = try VerifyProgress(image, isWanted: false)
    summary = try Verifier(image).run {
      if kept.count < Examination.mostFindings { kept.append($0) }
    } progress: {
      progress?.show($0)
    } visit: { (shard) throws(FormatError) in
      try spread.add(shard, of: image, now: now)
      used &+= shard.control.integer(ControlFields.usedSlots)
      if let line = try image.lock?.line(shard.index) { recovered &+= line.recoveries }
    }
    progress?.end()
    (findings, distributions, usedSlots, recoveries) = (kept, spread, used, recovered)
  }

  func count(_ counter: Counter) -> UInt64 { counters?[counter] ?? 0 }
  /// For sums and ratios: damaged counters may be anything, and a Double does not overflow.
  func counter(_ counter: Counter) -> Double { Double(count(counter)) }

  var lookups: Double { counter(.hits) + counter(.misses) + counter(.busyMisses) }
  var sets: Double { counter(.insertions) + counter(.updates) }
  var entries: Int { distributions.entries }
}
