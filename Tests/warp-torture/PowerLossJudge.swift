// SPDX-License-Identifier: Apache-2.0
// One image of `warp-torture power-loss`: chosen, written, opened in the next boot, and judged.

import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// What became of the store.
enum PowerLossOutcome: String, CaseIterable {
  /// It went on with all that it had.
  case kept
  /// It started empty.
  case empty
  /// The disk lied, and what came back had once been written.
  case survivedLie
  /// The disk lied, and the store is refused with an error.
  case refused
}

struct PowerLossJudge {
  private let story: PowerLossStory
  private let directory: String
  private let name: String

  private var path: String { directory + "/" + PowerLossStory.name }

  init(_ story: PowerLossStory, _ directory: String, _ name: String) {
    self.story = story
    self.directory = directory
    self.name = name
  }

  func run(_ random: inout SeededGenerator) throws -> (outcome: PowerLossOutcome, complaints: [String]) {
    for name in try System.list(directory) { unlink(directory + "/" + name) }
    let lies = random.below(5) == 0 && !story.lefts.isEmpty
    let crash =
      lies
      ? DiskLog.Crash(moment: story.lefts[random.below(story.lefts.count)].moment, isSynced: true)
      : moment(&random)
    var image = story.log.image(after: crash, &random)
    if lies { damage(&image, &random) }
    try image.write(to: directory)
    var complaints: [String] = []
    let outcome = judge(image, crash, lies, &random) { complaints.append("\(name), \(crash): \($0)") }
    return (outcome, complaints)
  }

  /// Half of the time at an fsync: that is where what the disk may hold changes.
  private func moment(_ random: inout SeededGenerator) -> DiskLog.Crash {
    let log = story.log
    let isSync = random.below(2) == 0
    let moment = isSync ? log.syncs[random.below(log.syncs.count)] : random.below(log.moments)
    return DiskLog.Crash(moment: moment, isSynced: random.below(2) == 0)
  }

  /// A few pages of the data file are lost, old, torn or have a bit flipped.
  private func damage(_ image: inout [String: DiskLog.Content], _ random: inout SeededGenerator) {
    guard var content = image[PowerLossStory.name] else { return }
    let first = random.below(4) == 0 ? 0 : Format.shardsOffset / DiskLog.page
    for _ in 0..<(1 + random.below(4)) {
      let number = first + random.below(content.pages.count - first)
      let old = random.below(2) == 0 ? story.log.anyPage(content.inode, number, &random) : nil
      let other = old ?? [UInt8](repeating: 0, count: DiskLog.page)
      switch random.below(3) {
      case 0: content.pages[number] = other
      case 1:
        let start = random.below(DiskLog.page / DiskLog.sector) * DiskLog.sector
        let range = start..<(start + DiskLog.sector)
        content.pages[number].replaceSubrange(range, with: other[range])
      default: content.pages[number][random.below(DiskLog.page)] ^= 1 << UInt8(random.below(8))
      }
    }
    image[PowerLossStory.name] = content
  }

  // MARK: The next boot

  private func judge(
    _ image: [String: DiskLog.Content], _ crash: DiskLog.Crash, _ lies: Bool, _ random: inout SeededGenerator,
    _ complain: (String) -> Void
  ) -> PowerLossOutcome {
    // Now and then the battery of the clock was empty.
    let off =
      random.below(10) == 0 ? -Int64(random.below(100_000_000_000)) : 1 + Int64(random.below(20_000_000_000))
    let world = story.world.rebooted(off: off, seed: random.next())
    var configuration = story.configuration
    configuration.ifDifferent = .useExisting
    do {
      let store: SharedStore
      do {
        store = try SharedStore.open(StoreFiles(path: path), configuration, world.environment)
      } catch {
        if lies { return .refused }
        throw error
      }
      let found = try contents(store, complain)
      if lies { return judgeLie(found, store, complain) }
      let outcome = judge(found, image, crash, world, complain)
      try verify(complain)
      try use(store, world, complain)
      return outcome
    } catch {
      complain("\(error)")
      return lies ? .survivedLie : .empty
    }
  }

  /// What iteration gives, which gets must confirm.
  private func contents(_ store: SharedStore, _ complain: (String) -> Void) throws -> [Int: [UInt8]] {
    let names = (0..<PowerLossStory.keys).map { PowerLossStory.key($0) }
    var found: [Int: [UInt8]] = [:]
    try store.forEachEntry { entry in
      guard let key = names.firstIndex(of: entry.key) else { return complain("a key that nobody made") }
      if found[key] != nil { complain("key \(key) comes twice") }
      found[key] = entry.value
    }
    for (key, name) in names.enumerated() where try store.get(name) != found[key] {
      complain("a get of key \(key) and iteration differ")
    }
    return found
  }

  private func judge(
    _ found: [Int: [UInt8]], _ image: [String: DiskLog.Content], _ crash: DiskLog.Crash, _ world: TestWorld,
    _ complain: (String) -> Void
  ) -> PowerLossOutcome {
    let log = story.log
    let state = story.states[log.mark(at: crash.moment)]
    let content = image[PowerLossStory.name]
    let page = content?.pages[Format.stateOffset / DiskLog.page]
    let left = story.lefts.last { $0.inode == content?.inode && $0.page == page }
    // Store time does not go back behind the moment when the store was left.
    let time = max(world.realTime, left?.time ?? 0)
    let expected = state.filter { $0.value.deadline.map { $0 > time } ?? true }.mapValues(\.value)
    if !found.isEmpty, found != expected {
      complain("\(found.count) entries that are not the \(expected.count) that memory had")
    }
    if let left, found != expected {
      complain("left clean at moment \(left.moment) with \(expected.count) entries, and \(found.count) came back")
    }
    return left == nil && found.isEmpty ? .empty : .kept
  }

  private func judgeLie(
    _ found: [Int: [UInt8]], _ store: SharedStore, _ complain: (String) -> Void
  ) -> PowerLossOutcome {
    for (key, value) in found where !story.written[key].contains(value) {
      complain("key \(key) has \(value.count) bytes that nobody wrote for it")
    }
    // A shard whose control block is lost may say so.
    for (number, probe) in Probe.keys(store).enumerated() {
      do throws(WarpError) {
        try store.set(probe, to: [UInt8(number)])
        if try store.get(probe) != [UInt8(number)] { complain("what was just set is gone") }
      } catch {
        if error.code != .corruptShard { complain("\(error)") }
      }
    }
    store.close()
    return .survivedLie
  }

  private func verify(_ complain: (String) -> Void) throws {
    for finding in try Verifier(path: path).findings().prefix(3) { complain("\(finding)") }
  }

  /// Every shard works, and what it then holds is there in the boot after.
  private func use(_ store: SharedStore, _ world: TestWorld, _ complain: (String) -> Void) throws {
    let probes = Probe.keys(store)
    for (number, probe) in probes.enumerated() { try store.set(probe, to: [UInt8(number)]) }
    try store.remove(PowerLossStory.key(0))
    let count = try store.count
    let configuration = StoreConfiguration(verifyReads: true, ifDifferent: .useExisting)
    store.close()
    try verify(complain)
    world.reboot(off: 1)
    let again = try SharedStore.open(StoreFiles(path: path), configuration, world.environment)
    for (number, probe) in probes.enumerated() where try again.get(probe) != [UInt8(number)] {
      complain("what was set after the loss of power is gone in the boot after")
    }
    if try again.count != count { complain("\(try again.count) entries in the boot after, of \(count)") }
    again.close()
  }
}
