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
    var world = Environment.system
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

  func run(_ watchdog: Watchdog) throws -> EnumerateFigures {
    var figures = EnumerateFigures()
    figures.complaints.place = scenario.id
    let copy = try ImageCopy(directory + "/copy.warp", start)
    var judge = try Judge(scenario, clock, copy, &figures.complaints)
    try start.write(directory + "/live.warp")
    try step(directory + "/live.warp", [], &judge, copy, &figures)
    figures.recovered = judge.recovered
    figures.longestRecovery = judge.longestRecovery
    return figures
  }

  private func step(
    _ path: String, _ flags: [String], _ judge: inout Judge, _ copy: ImageCopy, _ figures: inout EnumerateFigures
  ) throws {
    var child = try SteppedChild(
      ["enumerate-worker", "--path", path, "--scenario", scenario.id, "--capacity", "\(scenario.capacity)"] + flags,
      grain)
    defer { child.kill() }
    let store = try SharedStore.open(path: path, scenario.configuration(clock))
    defer { store.close() }
    let files = try WatchedFiles(path, store.attachment.header.geometry)
    var readers = Readers(store)
    var number = 0
    func look() throws {
      let image = files.image
      figures.complaints.place = "\(scenario.id), image \(number)"
      number += 1
      let isTorn = (0..<scenario.shards).contains { image.sequence($0) & 1 != 0 }
      try readers.read(&judge.verdicts, mayBeBusy: isTorn, by: "a reader meanwhile", &figures.complaints)
      files.restoreLock()
      try judge.judge(image, in: copy, &figures.complaints)
    }
    try look()
    try child.run { if files.haveChanged() { try look() } }
    figures.stops += child.stops
    figures.images += number
    figures.gets += readers.gets
    figures.busy += readers.busy
    figures.longestGet = max(figures.longestGet, readers.longest)
    let counted = try store.statistics().busyMisses
    if counted != readers.busy {
      figures.complaints.add(.wrong, "\(readers.busy) busy misses were counted as \(counted)")
    }
  }
}
