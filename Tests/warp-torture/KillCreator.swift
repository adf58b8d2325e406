// SPDX-License-Identifier: Apache-2.0
// `kill --target creator`: several processes open a store that must be made first, or made again, and some of them die at
// random moments of it.
//
// - A new opener succeeds at once, and its set and get work. Those who were not killed succeed as well.
// - What was there before the lock file was lost is still there, and so is what the survivors set.
// - No file but NAME.warp, NAME.warp-lock and NAME.warp-init is left.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// What the creators find.
private enum CreatorScene: Int, CaseIterable {
  case nothing, deleted, lostLockFile, otherBoot

  init(_ round: Int) { self = CreatorScene.allCases[round % CreatorScene.allCases.count] }

  func prepare(_ path: String) throws {
    switch self {
    case .nothing: break
    case .deleted: try SharedStore.open(path: path, creatorConfiguration).close()
    case .lostLockFile:
      let store = try SharedStore.open(path: path, creatorConfiguration)
      try store.set("old", to: [1, 2, 3])
      store.close()
      try System.remove(path + "-lock")
    case .otherBoot:
      var world = Environment.system
      world.bootID = { [UInt8](repeating: 7, count: 16) }
      let store = try SharedStore.open(StoreFiles(path: path), creatorConfiguration, world)
      try store.set("old", to: [1, 2, 3])
      store.close()
    }
  }
}

private let creatorConfiguration = StoreConfiguration(capacity: 2000, maxKeySize: 32, maxValueSize: 64, shards: 4)

/// Words of the shared file, for one round; then one of each worker for how far it is.
private enum CreatorWords {
  static let ready = 0
  static let go = 1
  static let first = 8
  /// How far.
  static let opening: UInt64 = 1
  static let opened: UInt64 = 2
  static let acknowledged: UInt64 = 3
}

struct KillCreator {
  let options: KillOptions
  let pace: KillPace

  func run() throws -> KillResult {
    try withTemporaryDirectory { directory in
      var random = SeededGenerator(seed: options.seed)
      var result = KillResult()
      var within = 0
      var halfMade = 0
      let creation = try measure(directory)
      var round = 0
      while pace.goesOn(after: result.kills) {
        let place = try Round(directory, round, workers: options.workers)
        defer { place.remove() }
        let pause = Int64(random.below(Int(creation)))
        var victims = (0..<options.workers).filter { _ in random.below(2) == 0 }
        if victims.isEmpty { victims = [random.below(options.workers)] }
        victims = Array(victims.prefix(pace.left(result.kills)))
        try place.words.await(CreatorWords.ready, atLeast: UInt64(options.workers))
        place.words.store(CreatorWords.go, 1)
        // From when the first has a core, not from when it may have one; it probably is the one that creates.
        let first = place.firstToOpen()
        if let first, !victims.contains(first), random.below(2) == 0 { victims[0] = first }
        let began = System.bootTime()
        while System.bootTime() - began < pause {}
        let killed = System.bootTime()
        for victim in victims { place.children[victim].send(SIGKILL) }
        result.kills += victims.count
        for victim in victims where !place.children[victim].awaitDeath() { result.hangs += 1 }
        within += victims.count { place.stage($0) == CreatorWords.opening }
        if try !place.temporaryFiles().isEmpty { halfMade += 1 }
        try place.judge(victims, since: killed, &result)
        round += 1
      }
      result.more = [
        ("rounds", round), ("killedWhileOpening", within), ("halfMadeFiles", halfMade),
        ("creationUs", Int(creation / 1000)),
      ]
      result.isIdle = result.kills >= 20 && within * 10 < result.kills
      return result
    }
  }

  /// What a creation takes, in nanoseconds.
  private func measure(_ directory: String) throws -> Int64 {
    let path = directory + "/measured.warp"
    var fastest = Int64.max
    for _ in 0..<5 {
      let began = System.bootTime()
      try SharedStore.open(path: path, creatorConfiguration).close()
      fastest = min(fastest, System.bootTime() - began)
      try SharedStore.delete(path: path)
    }
    return fastest
  }

  private struct Round {
    let directory: String
    let scene: CreatorScene
    let words: SharedWords
    let children: [Child]
    private let wordsPath: String

    var path: String { directory + "/race.warp" }

    init(_ parent: String, _ round: Int, workers: Int) throws {
      directory = parent + "/r\(round)"
      guard mkdir(directory, 0o700) == 0 else { throw FormatError(.system, "mkdir failed", path: directory) }
      let scene = CreatorScene(round)
      self.scene = scene
      try scene.prepare(directory + "/race.warp")
      let file = parent + "/words-\(round)"
      wordsPath = file
      words = try SharedWords(file, count: CreatorWords.first + workers)
      children = try (0..<workers).map { [directory] in
        try Child([
          "creator-worker", "--directory", directory, "--words", file, "--index", "\($0)", "--scene",
          "\(scene.rawValue)",
        ])
      }
    }

    func stage(_ index: Int) -> UInt64 { words.load(CreatorWords.first + index) }

    func firstToOpen() -> Int? {
      let end = System.bootTime() + 1_000_000_000
      while System.bootTime() < end {
        if let first = children.indices.first(where: { stage($0) != 0 }) { return first }
        System.yield()
      }
      return nil
    }

    func temporaryFiles() throws -> [String] { try System.list(directory).filter { $0.hasSuffix("-new") } }

    func remove() {
      for name in (try? System.list(directory)) ?? [] { unlink(directory + "/" + name) }
      rmdir(directory)
      unlink(wordsPath)
    }

    /// A new opener, then the survivors, then what is left.
    func judge(_ victims: [Int], since killed: Int64, _ result: inout KillResult) throws {
      let store: SharedStore
      do {
        store = try open()
        result.heals.add(System.bootTime() - killed)
      } catch {
        System.explain("\(directory), \(scene): \(error)\n")
        result.hangs += 1
        for child in children {
          child.send(SIGKILL)
          _ = child.wait(seconds: 10)
        }
        return
      }
      for (index, child) in children.enumerated() {
        let ending = child.wait(seconds: 90)
        // A victim may have been done before its signal came.
        let isRight = victims.contains(index) ? ending.signal == SIGKILL || ending.isClean : ending.isClean
        if !isRight {
          System.explain("\(directory), \(scene): process \(index) ended with \(ending)\n")
          result.hangs += 1
        }
      }
      try judgeContents(store, victims, &result)
      store.close()
      let names = try System.list(directory)
      if names != ["race.warp", "race.warp-init", "race.warp-lock"] {
        System.explain("\(directory), \(scene): \(names)\n")
        result.corrupt += 1
      }
      let findings = try Verifier(path: path).findings()
      for finding in findings.prefix(3) { System.explain("\(directory), \(scene): \(finding)\n") }
      result.findings += findings.count
    }

    /// A deleter that is slower than the opener takes its store away: that is what deleting means, so it opens again.
    private func open() throws -> SharedStore {
      for _ in 0..<100 {
        let store = try retryingBusy { try SharedStore.open(path: path, creatorConfiguration) }
        do {
          try retryingBusy { try store.set("new", to: [9]) }
          let value = try store.get("new")
          if value == [9] { return store }
          // Between the two calls it was deleted, and somebody else made the store that the handle then went on to.
          guard value == nil, scene == .deleted else {
            throw FormatError(.corruptShard, "a value that was just set is \(String(describing: value))")
          }
          store.close()
        } catch let error as WarpError where error.code == .superseded && scene == .deleted {
          store.close()
        }
      }
      throw FormatError(.busy, "the store was deleted again and again")
    }

    private func judgeContents(_ handle: SharedStore, _ victims: [Int], _ result: inout KillResult) throws {
      var store = handle
      if scene == .deleted { store = try SharedStore.open(path: path, creatorConfiguration) }
      // Every shard works; one whose owner was killed is healed by this.
      for probe in Probe.keys(store) { try retryingBusy { try store.set(probe, to: [1]) } }
      result.operations += children.count + store.shards
      for index in children.indices {
        let value = try store.get("key \(index)")
        if value != nil, value != [UInt8(index)] { result.corrupt += 1 }
        if value == nil, stage(index) == CreatorWords.acknowledged, scene != .deleted { result.lost += 1 }
      }
      let old = try store.get("old")
      if old != (scene == .lostLockFile ? [1, 2, 3] : nil) {
        System.explain("\(directory), \(scene): the old value is \(String(describing: old))\n")
        result.lost += 1
      }
      if scene == .deleted { store.close() }
    }
  }
}

struct CreatorWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "creator-worker", shouldDisplay: false)

  @Option var directory: String
  @Option var words: String
  @Option var index: Int
  @Option var scene: Int

  func run() throws {
    let words = try SharedWords(words)
    words.add(CreatorWords.ready, 1)
    let end = System.bootTime() + 30_000_000_000
    while words.load(CreatorWords.go) == 0, System.bootTime() < end { System.yield() }
    let path = directory + "/race.warp"
    for _ in 0..<100 {
      words.store(CreatorWords.first + index, CreatorWords.opening)
      if CreatorScene(rawValue: scene) == .deleted, index == 0 { try SharedStore.delete(path: path) }
      let store = try retryingBusy { try SharedStore.open(path: path, creatorConfiguration) }
      defer { store.close() }
      words.store(CreatorWords.first + index, CreatorWords.opened)
      do {
        try retryingBusy { try store.set("key \(index)", to: [UInt8(index)]) }
        words.store(CreatorWords.first + index, CreatorWords.acknowledged)
        let value = try store.get("key \(index)")
        if value == [UInt8(index)] { return }
        // The same in both cases: the deleter was slower, and then somebody made another store.
        guard value == nil, CreatorScene(rawValue: scene) == .deleted else { throw ExitCode(2) }
      } catch let error as WarpError where error.code == .superseded {
        // The deleter was slower.
      }
    }
    throw ExitCode(3)
  }
}
