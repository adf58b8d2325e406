// SPDX-License-Identifier: Apache-2.0
// The judge of `warp-torture enumerate`: takes the image of a crash, opens it as the next process would, and says what is
// wrong with what it finds there.
//
// 1. A handle that only reads finds every key, before anybody has recovered anything.
// 2. A handle that writes finds them too; after its first write to each shard the store holds what it held before the
//    operation or after it, and breaks no rule of the format.
// 3. The next handle finds the same, and changes no byte by looking.
// 4. Every shard takes a new key.

import WarpFormat
import WarpKV
import WarpTestSupport

/// What may be found, and what may not.
struct Judge {
  let scenario: Scenario
  let clock: ManualClock
  /// The store's entries before the operation, and after it.
  let before: [[UInt8]: [UInt8]]
  let after: [[UInt8]: [UInt8]]
  /// The keys of the scenario.
  var verdicts: [KeyVerdict]
  /// No scenario sets them.
  let probes: [[UInt8]]

  /// One entry has to make room for another. Which one, the operation and a recovery that has to do it again may see
  /// differently: SIEVE goes on where the hand and the visited bytes are.
  var evicts: Bool { !newcomers.isEmpty && after.count < before.count + newcomers.count }
  private var newcomers: [[UInt8]] { after.keys.filter { before[$0] == nil } }

  private(set) var longestRecovery: Int64 = 0
  /// Images that were a whole store in the next boot.
  private(set) var woken = 0
  /// Images in which there was something to recover.
  private(set) var recovered = 0

  /// - Parameters:
  ///   - copy: holds the store as it is before the operation.
  ///   - operate: runs the operation there, without anybody dying: so it is known what it does.
  init(
    _ scenario: Scenario, _ clock: ManualClock, _ copy: ImageCopy, _ complaints: inout Complaints,
    operate: () throws -> Void
  ) throws {
    self.scenario = scenario
    self.clock = clock
    let first = try scenario.open(copy.path, clock, boot: scenario.boots.making)
    let before = try Judge.entries(first)
    first.close()
    try operate()
    let store = try scenario.open(copy.path, clock, boot: scenario.boots.next)
    defer { store.close() }
    let after = try Judge.entries(store)
    (self.before, self.after) = (before, after)
    let ring = KeyRing(store)
    probes = ring.probes.map { ring.key($0) }
    verdicts = scenario.names.map {
      let key = ring.key($0)
      return KeyVerdict(name: $0, key: key, old: before[key], new: after[key])
    }
    compare(&complaints)
  }

  /// What the store did must be what the model does, but for the entries that had to make room.
  private func compare(_ complaints: inout Complaints) {
    var model = scenario.model
    compare(before, model, mustGo: 0, "before", &complaints)
    model.keepOnly(Set(verdicts.filter { before[$0.key] != nil }.map(\.name)))
    if !scenario.fails { model.run(scenario.operation) }
    compare(after, model, mustGo: scenario.displaced, "after", &complaints)
  }

  private func compare(
    _ entries: [[UInt8]: [UInt8]], _ model: StoreModel, mustGo: Int, _ when: String, _ complaints: inout Complaints
  ) {
    let expected = model.entries
    for verdict in verdicts {
      guard let value = entries[verdict.key], value != expected[verdict.name] else { continue }
      complaints.add(.wrong, "\(when) the operation \(verdict.name) has a value that it should not have")
    }
    let missing = expected.count - entries.count
    guard missing != max(mustGo, expected.count - scenario.capacity) else { return }
    complaints.add(.lost, "\(when) the operation \(missing) of \(expected.count) entries are missing")
  }

  static func entries(_ store: SharedStore) throws -> [[UInt8]: [UInt8]] {
    var entries: [[UInt8]: [UInt8]] = [:]
    try store.forEachEntry { entries[$0.key] = $0.value }
    return entries
  }

  // MARK: One image

  /// Judges an image of a crash.
  mutating func judge(_ image: CrashImage, in copy: ImageCopy, _ complaints: inout Complaints) throws {
    if scenario.world == .here { try copy.hold(image) } else { try image.write(copy.path) }
    let isTorn = image.isTorn(scenario.shards)
    for shard in 0..<scenario.shards where image.sequence(shard) & 1 != 0 && image.owner(shard) == 0 {
      complaints.add(.wrong, "the owner word was given back while the sequence is odd")
    }
    if scenario.allowsReaders { try readOnly(copy, isTorn, &complaints) }
    let began = System.bootTime()
    let store = try scenario.open(copy.path, clock, boot: scenario.boots.next)
    var readers = Readers(store)
    for index in verdicts.indices where verdicts[index].old != nil && verdicts[index].new != nil {
      // What is there in either case is a hit before the first write.
      var one = [verdicts[index]]
      try readers.read(&one, mayBeBusy: false, marking: false, by: "the first to write", &complaints)
      verdicts[index] = one[0]
    }
    for probe in probes { try store.remove(probe) }
    let took = System.bootTime() - began
    longestRecovery = max(longestRecovery, took)
    if took > Readers.patience { complaints.add(.slow, "the recovery took \(took) ns") }
    if try store.statistics().recoveries > 0 { recovered += 1 }
    let found = try Judge.entries(store)
    judge(found, "after the recovery", &complaints)
    try verify(copy, "after the recovery", &complaints)
    store.close()
    try lookAgain(copy, found, &complaints)
    if case .leave = scenario.operation { try wake(image, copy, &complaints) }
  }

  /// After the next boot all is there, or nothing.
  private mutating func wake(_ image: CrashImage, _ copy: ImageCopy, _ complaints: inout Complaints) throws {
    try image.write(copy.path)
    let store = try scenario.open(copy.path, clock, boot: scenario.boots.next + 1)
    defer { store.close() }
    let found = try Judge.entries(store)
    if found == before {
      woken += 1
    } else if !found.isEmpty {
      complaints.add(.wrong, "after the next boot there are \(found.count) of \(before.count) entries")
    }
    try verify(copy, "after the next boot", &complaints)
  }

  private mutating func readOnly(_ copy: ImageCopy, _ isTorn: Bool, _ complaints: inout Complaints) throws {
    let store = try scenario.open(copy.path, clock, boot: scenario.boots.next, access: .readOnly)
    defer { store.close() }
    var readers = Readers(store)
    try readers.read(&verdicts, mayBeBusy: isTorn, by: "a reader after the crash", &complaints)
  }

  /// The whole store is what it was before the operation, or after it; what a reader saw is not taken back.
  private func judge(_ found: [[UInt8]: [UInt8]], _ when: String, _ complaints: inout Complaints) {
    for var verdict in verdicts {
      verdict.mayGo = evicts && !verdict.isInFlight
      complaints.judge(found[verdict.key], of: verdict, by: when)
    }
    guard !scenario.isStepwise else {
      // Only where each entry is gone before it is hidden.
      for verdict in verdicts where verdict.isHidden && found[verdict.key] != nil {
        complaints.add(.wrong, "\(when): \(verdict.name) is back, which readers did not find")
      }
      return
    }
    // With a full disk an entry goes before the newcomer has its place.
    if scenario.hasFullDisk, found == before.filter({ after[$0.key] != nil }) { return }
    guard found != before, found != after, !hasAnotherVictim(found) else { return }
    complaints.add(.wrong, "\(when): the store is neither what it was nor what it was to become")
  }

  private func hasAnotherVictim(_ found: [[UInt8]: [UInt8]]) -> Bool {
    evicts && found.count == after.count && newcomers.allSatisfy { found[$0] != nil }
  }

  private func verify(_ copy: ImageCopy, _ when: String, _ complaints: inout Complaints) throws {
    for finding in try Verifier(path: copy.path).findings() { complaints.add(.finding, "\(when): \(finding)") }
  }

  private mutating func lookAgain(
    _ copy: ImageCopy, _ found: [[UInt8]: [UInt8]], _ complaints: inout Complaints
  ) throws {
    let store = try scenario.open(copy.path, clock, boot: scenario.boots.next)
    let bytes = try TestFiles.read(copy.path)
    for probe in probes { try store.remove(probe) }
    if try Judge.entries(store) != found { complaints.add(.wrong, "the second handle finds other entries") }
    for name in scenario.leased where !Judge.canBeLeased(verdicts.first { $0.name == name }!.key, store) {
      complaints.add(.hang, "the lease of \(name) can't be had")
    }
    if try TestFiles.read(copy.path) != bytes { complaints.add(.wrong, "the second handle changes the store") }
    // A full store that does not evict takes one only in the place of another.
    if scenario.eviction == .none, let key = found.keys.first { try store.remove(key) }
    for probe in probes {
      try store.set(probe, to: [1])
      if try store.get(probe) != [1] { complaints.add(.lost, "a new key is not there after its set") }
    }
    try verify(copy, "after new keys", &complaints)
    store.close()
  }

  /// Whether somebody can compute the key's value, now that whoever did is dead; or it is there.
  private static func canBeLeased(_ key: [UInt8], _ store: SharedStore) -> Bool {
    switch store.lease(key, limit: 1_000_000_000) {
    case .lead, .found: true
    case .wait, .none: false
    }
  }
}
