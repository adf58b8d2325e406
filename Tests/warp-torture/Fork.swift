// SPDX-License-Identifier: Apache-2.0
// `warp-torture fork`: what becomes of a store that is in use when its process forks, calls exec, closes every descriptor,
// or is killed beside its child (SPEC.md 23.5; WKV-O03, WKV-O07, WKV-O08, WKV-O12).
//
// Each scene runs in a process of its own, which plays its part up to a word of the shared file; the parent then kills it
// or not, and judges: the time until a set in every shard succeeds, and every value.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// What the process that forks does.
enum ForkScene: String, CaseIterable, ExpressibleByArgument {
  /// The parent is killed holding a shard, its child goes on with the handle that it inherited.
  case parentKilled
  /// The same, and the child never touches the store: what it inherited must not keep the parent alive.
  case idleChild
  /// A grandchild goes on after the two above it were killed.
  case grandchild
  /// Another thread of the parent holds the shard while it forks; the child waits for it.
  case threadHolds
  /// The program closes every descriptor and opens files of its own under the same numbers.
  case closesDescriptors
  /// exec while a thread holds a shard: the process lives on and the thread does not.
  case exec
  /// Parent and child go on side by side.
  case bothGoOn
  /// The parent closes its handle, the lock file is lost, and others make a new one before the child's first call.
  case parentLeaves
}

/// Words of the shared file.
private enum Place {
  static let ready = 0
  static let go = 1
  static let done = 2
  static let wrong = 3
  static let child = 4
  static let healed = 5
  static let over = 6
  static let left = 7
  static let count = 8
}

// Room for all keys of a scene in one shard: nothing is evicted.
private let forkConfiguration = StoreConfiguration(capacity: 256, maxKeySize: 64, maxValueSize: 65536, shards: 2)

struct Fork: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Forks, execs and closed descriptors while a store is in use.")

  @Option(help: "Rounds of each scene.") var rounds = 10
  @Option(help: "The seed, recorded in the values.") var seed: UInt64 = 1
  @Option(help: "Only this scene.") var scene: ForkScene?
  @Flag(help: "End with one JSON object.") var json = false

  func run() throws {
    var (wrong, hangs, heals) = (0, 0, Histogram())
    for scene in scene.map({ [$0] }) ?? ForkScene.allCases {
      for round in 0..<rounds {
        let outcome = try withTemporaryDirectory { try play(scene, $0) }
        if outcome.wrong > 0 || outcome.hung {
          System.explain("\(scene), round \(round): \(outcome.wrong) wrong, hung: \(outcome.hung)\n")
        }
        wrong += outcome.wrong
        hangs += outcome.hung ? 1 : 0
        heals.add(outcome.heals)
      }
    }
    var report = Report()
    report.add("command", "fork")
    report.add("scenes", scene == nil ? ForkScene.allCases.count : 1)
    report.add("rounds", rounds)
    report.add("wrong", wrong)
    report.add("hangs", hangs)
    report.add("healMaxMs", Double(heals.largest) / 1e6)
    report.add("late", heals.late())
    try report.finish(json: json, violations: wrong + hangs + heals.late())
  }

  private func play(
    _ scene: ForkScene, _ directory: String
  ) throws -> (wrong: Int, hung: Bool, heals: Histogram) {
    let words = try SharedWords(directory + "/words", count: Place.count)
    var store = try SharedStore.open(path: directory + "/fork.warp", forkConfiguration)
    for key in 0..<20 { try store.set(Value.key(key), to: forkValue(seed, key, 0)) }
    // Whoever is to be alone must be so.
    if scene == .parentLeaves { store.close() }
    let actor = try Child(["fork-worker", "--directory", directory, "--seed", "\(seed)", "--scene", scene.rawValue])
    var hung = !wait { words.load(Place.ready) == 1 }
    if scene == .exec, !wait({ (try? TestFiles.exists(directory + "/execed")) == true }) { hung = true }
    var heals = Histogram()
    if scene == .grandchild, !wait({ words.load(Place.child) > 0 }) { hung = true }
    if scene.endsTheActor { Glibc.kill(actor.id, SIGKILL) }
    let between = pid_t(words.load(Place.child))
    if scene == .grandchild, between > 0 { Glibc.kill(between, SIGKILL) }
    if scene == .parentLeaves {
      if !wait({ words.load(Place.left) == 1 }) { hung = true }
      try System.remove(store.path + "-lock")
      store = try SharedStore.open(path: store.path, forkConfiguration)
    }
    if scene == .closesDescriptors {
      // As a replacer leaves it that was killed before its rename.
      try TestFiles.patch(store.path, at: Format.stateOffset, TestFiles.bytes(UInt64(0x1234_5678_9ABC)))
    }
    words.store(Place.go, 1)
    // An idle child and a process after exec give no sign; the store has to be healed from here.
    if scene != .threadHolds { heals.add(try timeOfSets(store)) }
    if scene.hasAnActiveChild || scene == .closesDescriptors {
      if !wait({ words.load(Place.done) == 1 }) { hung = true }
      heals.add(Int64(words.load(Place.healed)))
    }
    var wrong = Int(words.load(Place.wrong))
    for key in 0..<20 where try store.get(Value.key(key)) != forkValue(seed, key, 0) { wrong += 1 }
    words.store(Place.over, 1)
    Glibc.kill(actor.id, SIGKILL)
    _ = actor.wait()
    store.close()
    wrong += try Verifier(path: store.path).findings().count
    return (wrong, hung, heals)
  }

  /// How long it takes until every shard takes a set.
  private func timeOfSets(_ store: SharedStore) throws -> Int64 {
    let began = System.bootTime()
    for probe in Probe.keys(store) { try retryingBusy { try store.set(probe, to: [1]) } }
    return System.bootTime() - began
  }
}

/// False after 45 s: longer than the heals that it waits for.
private func wait(_ condition: () -> Bool) -> Bool {
  let end = System.bootTime() + 45_000_000_000
  while !condition() {
    if System.bootTime() > end { return false }
    System.sleep(100_000)
  }
  return true
}

private func forkValue(_ seed: UInt64, _ key: Int, _ version: UInt64) -> [UInt8] {
  Value.make(key: key, version: seed &+ version, written: 0, size: 100 + key)
}

extension ForkScene {
  /// Whether the process that forked is killed once it is ready.
  var endsTheActor: Bool { [.parentKilled, .idleChild, .grandchild].contains(self) }
  var hasAnActiveChild: Bool {
    [.parentKilled, .grandchild, .threadHolds, .bothGoOn, .parentLeaves].contains(self)
  }
}

struct ForkWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "fork-worker", shouldDisplay: false)

  @Option var directory: String
  @Option var seed: UInt64
  @Option var scene: ForkScene

  func run() throws {
    let words = try SharedWords(directory + "/words")
    let store = try SharedStore.open(path: directory + "/fork.warp", forkConfiguration)
    let (scene, seed, directory) = (scene, seed, directory)
    switch scene {
    case .parentKilled, .idleChild, .grandchild:
      fork(words, depth: scene == .grandchild ? 2 : 1) {
        if scene != .idleChild { ForkWorker.goOn(store, words, seed) }
      }
      ForkWorker.hold(store, words) { false }
    case .bothGoOn:
      fork(words, depth: 1) { ForkWorker.goOn(store, words, seed) }
      words.store(Place.ready, 1)
      for number in 0..<2000 { try retryingBusy { try store.set("parent \(number % 8)", to: [1]) } }
      while true { pause() }
    case .parentLeaves:
      fork(words, depth: 1) { ForkWorker.goOn(store, words, seed) }
      words.store(Place.ready, 1)
      store.close()
      words.store(Place.left, 1)
      while true { pause() }
    case .threadHolds:
      _ = Threads.run(count: 2) { index in
        if index == 0 {
          let end = System.bootTime() + 300_000_000
          ForkWorker.hold(store, words) { System.bootTime() > end }
        } else {
          _ = wait { words.load(Place.ready) == 1 }
          self.fork(words, depth: 1) { ForkWorker.goOn(store, words, seed) }
        }
      }
      while true { pause() }
    case .closesDescriptors: try ForkWorker.closeDescriptors(store, words, directory)
    case .exec:
      _ = Threads.run(count: 2) { index in
        if index == 0 { ForkWorker.hold(store, words) { false } }
        _ = wait { words.load(Place.ready) == 1 }
        let line = ["/bin/sh", "-c", "echo > $0; exec sleep 300", directory + "/execed"]
        var arguments: [UnsafeMutablePointer<CChar>?] = line.map { (word: String) in strdup(word) }
        arguments.append(nil)
        execv("/bin/sh", arguments)
      }
    }
  }

  /// Runs `body` in a child, or in a child's child.
  private func fork(_ words: SharedWords, depth: Int, _ body: () -> Void) {
    let child = Glibc.fork()
    if child == 0 {
      if depth > 1 {
        fork(words, depth: depth - 1, body)
        words.store(Place.child, UInt64(getpid()))
        while true { pause() }
      }
      body()
      // Nobody reaps an heir whose parents are gone.
      while words.load(Place.over) == 0 { System.sleep(10_000_000) }
      _exit(0)
    }
    if depth == 1, scene != .grandchild { words.store(Place.child, UInt64(child)) }
  }

  /// Holds shard 0 until `isOver`.
  private static func hold(_ store: SharedStore, _ words: SharedWords, isOver: () -> Bool) {
    let file = store.attachment
    try? file.withShard(file.shard(0), limit: 1_000_000_000) { () throws(FormatError) in
      words.store(Place.ready, 1)
      while !isOver() { System.sleep(1_000_000) }
    }
  }

  /// What an heir does with the handle that it was born with.
  private static func goOn(_ store: SharedStore, _ words: SharedWords, _ seed: UInt64) {
    _ = wait { words.load(Place.go) == 1 }
    do {
      var wrong = 0
      let began = System.bootTime()
      for probe in Probe.keys(store) { try retryingBusy { try store.set(probe, to: [2]) } }
      words.store(Place.healed, UInt64(System.bootTime() - began))
      for key in 0..<20 where try store.get(Value.key(key)) != forkValue(seed, key, 0) { wrong += 1 }
      for number in 0..<500 {
        let key = 20 + number % 8
        try retryingBusy { try store.set(Value.key(key), to: forkValue(seed, key, UInt64(number))) }
        if try store.get(Value.key(key)) != forkValue(seed, key, UInt64(number)) { wrong += 1 }
      }
      if try store.get("absent") != nil { wrong += 1 }
      if store.attachment.ownRegistryEntry.pid != getpid() { wrong += 1 }
      words.add(Place.wrong, UInt64(wrong))
    } catch {
      System.explain("heir: \(error)\n")
      words.add(Place.wrong, 1)
    }
    words.store(Place.done, 1)
  }

  /// As a daemon does. The files that then have the store's old numbers must stay as they are.
  private static func closeDescriptors(_ store: SharedStore, _ words: SharedWords, _ directory: String) throws {
    for number in 3..<256 as Range<Int32> { close(number) }
    let content = [UInt8](repeating: 0x5A, count: 1000)
    var victims: [Int32] = []
    for number in 0..<40 {
      let file = try System.open(directory + "/victim\(number)", .createExclusive)
      try System.write(file, at: 0, content, directory)
      victims.append(file)
    }
    words.store(Place.ready, 1)
    _ = wait { words.load(Place.go) == 1 }
    let began = System.bootTime()
    for probe in Probe.keys(store) { try retryingBusy { try store.set(probe, to: [3]) } }
    words.store(Place.healed, UInt64(System.bootTime() - began))
    // Large values need blocks, and blocks a descriptor.
    for key in 30..<50 { try store.set(Value.key(key), to: [UInt8](repeating: UInt8(key), count: 60_000)) }
    try store.sync()
    _ = try store.statistics()
    var wrong = 0
    for key in 30..<50 where try store.get(Value.key(key)) != [UInt8](repeating: UInt8(key), count: 60_000) {
      wrong += 1
    }
    for key in 30..<50 { try store.remove(Value.key(key)) }
    store.close()
    for (number, file) in victims.enumerated() {
      let path = directory + "/victim\(number)"
      let status = try System.status(file, path)
      if try status.size != 1000 || System.read(file, at: 0, count: 2000, path) != content { wrong += 1 }
      if try System.lockByte(file, .write, at: Format.registryLockOffset, path) == false { wrong += 1 }
    }
    words.add(Place.wrong, UInt64(wrong))
    words.store(Place.done, 1)
    while true { pause() }
  }
}
