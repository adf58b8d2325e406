// SPDX-License-Identifier: Apache-2.0
// `warp-torture create`: many processes open the same name at the same moment, over and over, in directories that hold
// nothing, a dead creator's leftovers, a data file without its lock file, or a store of another boot.
//
// Each round must end with one store that all of them see: the same store id, and everyone's key with everyone's value.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// What a round finds when it begins.
private enum Scene: Int, CaseIterable {
  case nothing, leftovers, lostLockFile, otherBoot

  init(round: Int) { self = Scene.allCases[round % Scene.allCases.count] }
}

/// Words of the shared file: three barriers, failures, then the store's id as each process sees it.
private enum Place {
  static let failures = 3
  static func identity(_ round: Int, _ index: Int, _ processes: Int) -> Int { 4 + 2 * (round * processes + index) }
}

/// The configuration of every store of the races.
private let raceConfiguration = StoreConfiguration(capacity: 100, maxKeySize: 32, maxValueSize: 64)

struct Create: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Races of cold starts on one name.")

  @Option(help: "Processes.") var processes = 8
  @Option(help: "Races.") var rounds = 50
  @Option(help: "The seed, recorded in the values.") var seed: UInt64 = 1
  @Flag(help: "End with one JSON object.") var json = false

  func run() throws {
    try withTemporaryDirectory { directory in
      let words = try SharedWords(directory + "/words", count: 4 + 2 * processes * rounds)
      for round in 0..<rounds { try prepare(directory + "/r\(round)", Scene(round: round)) }
      let began = System.bootTime()
      let children = try (0..<processes).map {
        try Child([
          "create-worker", "--directory", directory, "--processes", "\(processes)", "--rounds", "\(rounds)",
          "--seed", "\(seed)", "--index", "\($0)",
        ])
      }
      let endings = children.map { $0.wait() }
      let seconds = Double(System.bootTime() - began) / 1e9
      var several = 0
      var leftovers = 0
      for round in 0..<rounds {
        let first = Place.identity(round, 0, processes)
        for index in 1..<max(processes, 1) {
          let at = Place.identity(round, index, processes)
          if words.load(at) != words.load(first) || words.load(at + 1) != words.load(first + 1) { several += 1 }
        }
        let names = try System.list(directory + "/r\(round)/v1")
        if names != ["race.warp", "race.warp-init", "race.warp-lock"] {
          System.explain("round \(round): \(names)\n")
          leftovers += 1
        }
      }
      let signals = endings.count { $0.signal != 0 }
      let crashes = endings.count { !$0.isClean }
      let wrong = Int(words.load(Place.failures))
      var report = Report()
      report.add("command", "create")
      report.add("processes", processes)
      report.add("rounds", rounds)
      report.add("severalStores", several)
      report.add("leftovers", leftovers)
      report.add("signals", signals)
      report.add("crashes", crashes)
      report.add("wrong", wrong)
      report.add("seconds", seconds)
      try report.finish(json: json, violations: several + leftovers + crashes + wrong)
    }
  }

  private func prepare(_ directory: String, _ scene: Scene) throws {
    switch scene {
    case .nothing: break
    case .leftovers:
      let place = try StoreDirectory.prepare(directory)
      for suffix in ["-new", "-lock-new"] {
        let file = try System.open(place + "/race.warp" + suffix, .createExclusive)
        defer { System.close(file) }
        try System.write(file, at: 0, [UInt8](repeating: 0xAA, count: 5000), place)
      }
    case .lostLockFile:
      let store = try SharedStore.open("race", raceConfiguration, directory: directory)
      try store.set("old", to: [1, 2, 3])
      store.close()
      try System.remove(store.path + "-lock")
    case .otherBoot:
      var world = Environment.system
      world.bootID = { [UInt8](repeating: 7, count: 16) }
      let place = try StoreDirectory.prepare(directory)
      let store = try SharedStore.open(StoreFiles(name: "race", directory: place), raceConfiguration, world)
      try store.set("old", to: [1, 2, 3])
      store.close()
    }
  }
}

struct CreateWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "create-worker", shouldDisplay: false)

  @Option var directory: String
  @Option var processes: Int
  @Option var rounds: Int
  @Option var seed: UInt64
  @Option var index: Int

  func run() throws {
    let words = try SharedWords(directory + "/words")
    for round in 0..<rounds {
      try words.barrier(0, parties: processes, round: round + 1)
      let store: SharedStore
      do {
        store = try retryingBusy {
          try SharedStore.open("race", raceConfiguration, directory: directory + "/r\(round)")
        }
      } catch {
        System.explain("round \(round), process \(index): \(error)\n")
        throw error
      }
      let id = store.identity
      words.store(Place.identity(round, index, processes), id.0)
      words.store(Place.identity(round, index, processes) + 1, id.1)
      try retryingBusy { try store.set("key \(index)", to: value(round, index)) }
      try words.barrier(1, parties: processes, round: round + 1)
      var wrong = 0
      for other in 0..<processes where try store.get("key \(other)") != value(round, other) { wrong += 1 }
      let old = Scene(round: round) == .lostLockFile ? [1, 2, 3] as [UInt8]? : nil
      if try store.get("old") != old { wrong += 1 }
      if wrong > 0 {
        System.explain("round \(round), process \(index): \(wrong) wrong values\n")
        words.add(Place.failures, UInt64(wrong))
      }
      // Nobody deletes or closes before everyone has read.
      try words.barrier(2, parties: processes, round: round + 1)
      store.close()
    }
  }

  private func value(_ round: Int, _ index: Int) -> [UInt8] { Array("\(seed) \(round) \(index)".utf8) }
}

extension SharedStore {
  /// The store id as this handle found it when it attached.
  var identity: (UInt64, UInt64) {
    attachment.header.storeID.withUnsafeBytes {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
  }
}
