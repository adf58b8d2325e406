// SPDX-License-Identifier: Apache-2.0
// One operation of `warp-torture enumerate`, from the making of its store to the last image.

import WarpFormat
import WarpKV
import WarpTestSupport

struct Enumeration {
  private let scenario: Scenario
  private let directory: String
  private let grain: SteppedChild.Grain
  private let clock = ManualClock()
  /// The store before the operation, at rest.
  private let start: CrashImage

  /// Makes the store. The same seed makes the same keys, so a run can be repeated.
  init(_ scenario: Scenario, _ grain: SteppedChild.Grain, seed: UInt64, in directory: String) throws {
    self.scenario = scenario
    self.directory = directory
    self.grain = grain
    var world = scenario.world.environment(boot: scenario.boots.making)
    let random = TestWorld(seed: seed).environment
    world.entropy = random.entropy
    var configuration = scenario.configuration(clock)
    configuration.createIfMissing = true
    let path = directory + "/first.warp"
    let store = try SharedStore.open(StoreFiles(path: path), configuration, world)
    let actor = Actor(store, clock)
    for step in scenario.before { try actor.run(step) }
    store.close()
    start = try CrashImage(reading: path)
  }

  /// Where a recovery begins: what a writer left when it died, and what readers had seen until then.
  private struct Start {
    let image: CrashImage
    let verdicts: [KeyVerdict]
  }

  /// - Parameter recovers: whether to step through the recovery of each image too.
  func run(_ watchdog: Watchdog, recovers: Bool) throws -> EnumerateFigures {
    var figures = EnumerateFigures()
    figures.complaints.place = scenario.id
    let copy = try ImageCopy(directory + "/copy.warp", start)
    var judge = try Judge(scenario, clock, copy, &figures.complaints) {
      var child = try child(copy.path, recovers: false)
      defer { child.kill() }
      try child.run {}
    }
    let verdicts = judge.verdicts
    var starts: [Start] = []
    let path = directory + "/live.warp"
    try start.write(path)
    try step(path, scenario.id, &judge, copy, &figures) { image, verdicts in
      watchdog.progress()
      // Without an owner there is nobody to take the shard from.
      if image.isOwned(scenario.shards) { starts.append(Start(image: image, verdicts: verdicts)) }
    }
    figures.images = figures.crashes
    for (number, start) in starts.enumerated() where recovers {
      judge.verdicts = start.verdicts
      for index in judge.verdicts.indices {
        judge.verdicts[index].mayGo = judge.evicts && !judge.verdicts[index].isInFlight
      }
      try start.image.write(path)
      try step(path, "\(scenario.id), recovery \(number)", after: start.image, &judge, copy, &figures) { _, _ in
        watchdog.progress()
      }
    }
    judge.verdicts = verdicts
    if case .leave = scenario.operation, judge.woken == 0 {
      figures.complaints.add(.wrong, "nobody finds in the next boot what was left")
    }
    figures.recovered = judge.recovered
    figures.longestRecovery = judge.longestRecovery
    return figures
  }

  private func child(_ path: String, recovers: Bool) throws -> SteppedChild {
    try SteppedChild(
      ["enumerate-worker", "--path", path, "--scenario", scenario.id] + (recovers ? ["--recovers"] : []), grain,
      hasFullDisk: scenario.hasFullDisk)
  }

  /// - Parameter dead: what a dead writer left; then the child is whoever comes next.
  private func step(
    _ path: String, _ place: String, after dead: CrashImage? = nil, _ judge: inout Judge, _ copy: ImageCopy,
    _ figures: inout EnumerateFigures, _ note: (CrashImage, [KeyVerdict]) -> Void
  ) throws {
    var child = try child(path, recovers: dead != nil)
    defer { child.kill() }
    let files = try WatchedFiles(path)
    var order = StoreOrder(files.geometry)
    let store =
      scenario.allowsReaders
      ? try scenario.open(path, clock, boot: scenario.boots.operation, patience: .microseconds(200)) : nil
    defer { store?.close() }
    var readers = store.map { Readers($0) }
    var number = 0
    func look() throws {
      let image = files.image
      figures.complaints.place = "\(place), image \(number)"
      number += 1
      order.check(image, &figures.complaints)
      // As long as a dead one holds a shard, this process would recover it.
      if readers != nil, dead.map({ !image.hasOwner(of: $0, scenario.shards) }) ?? true {
        let isTorn = image.isTorn(scenario.shards)
        try readers!.read(&judge.verdicts, mayBeBusy: isTorn, by: "a reader meanwhile", &figures.complaints)
        try readers!.walk(judge.verdicts, mayBeBusy: image.isOwned(scenario.shards), &figures.complaints)
        files.restoreLock()
      }
      do {
        let (before, told) = (judge, figures.complaints)
        for number in 1...Readers.tries {
          try judge.judge(image, in: copy, &figures.complaints)
          guard number < Readers.tries, figures.complaints.isOnlySlower(than: told) else { break }
          (judge, figures.complaints) = (before, told)
        }
      } catch {
        figures.complaints.add(.hang, "\(error)")
      }
      note(image, judge.verdicts)
    }
    // This process's own entry in the registry is no image.
    _ = files.haveChanged()
    try look()
    do {
      try child.run { if files.haveChanged() { try look() } }
    } catch {
      figures.complaints.add(.hang, "\(error)")
    }
    figures.stops += child.stops
    figures.crashes += number
    guard let store, let readers else { return }
    figures.gets += readers.gets
    figures.busy += readers.busy
    figures.longestGet = max(figures.longestGet, readers.longest)
    // A removal of all resets the counters.
    if case .removeAll = scenario.operation { return }
    let counted = try store.statistics().busyMisses
    if counted != readers.busy {
      figures.complaints.add(.wrong, "\(readers.busy) busy misses were counted as \(counted)")
    }
  }
}
