// SPDX-License-Identifier: Apache-2.0
// One of the processes that start at once under `warp-torture versions`. Even ones are of this version, odd ones of the
// other; of each there are some with the one capacity and some with the other.

import ArgumentParser
import WarpFormat
import WarpKV
import WarpTestSupport

struct VersionsWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "versions-worker", shouldDisplay: false)

  @OptionGroup var options: VersionsOptions
  @Option var directory: String
  @Option var index: Int

  private static let capacities = [1024, 4096]

  /// Two places: a name and a path.
  private struct Place {
    let name: String
    let number: Int
    let open: (StoreConfiguration) throws -> SharedStore
  }

  func run() throws {
    let words = try SharedWords(directory + "/words")
    for round in 0..<options.rounds {
      let (named, path) = ("\(directory)/n\(round)", "\(directory)/p\(round)/race.warp")
      let places = [
        Place(name: "by name", number: 0) { try SharedStore.open("race", $0, directory: named) },
        Place(name: "by path", number: 1) { try SharedStore.open(path: path, $0) },
      ]
      try words.barrier(0, parties: options.processes, round: round + 1)
      var handles: [SharedStore?] = []
      for place in places { handles.append(start(place, round, words)) }
      try words.barrier(1, parties: options.processes, round: round + 1)
      for place in places { look(place, handles[place.number], round, words) }
      try words.barrier(2, parties: options.processes, round: round + 1)
      for handle in handles { handle?.close() }
      handles = []
      try words.barrier(3, parties: options.processes, round: round + 1)
      // One of each version, one after the other.
      if index == 0 { end(places, path, round, words) }
      try words.barrier(4, parties: options.processes, round: round + 1)
      if index == 1 { end(places, path, round, words) }
      try words.barrier(5, parties: options.processes, round: round + 1)
    }
  }

  // MARK: The three steps of a round

  /// Opens and sets.
  private func start(_ place: Place, _ round: Int, _ words: SharedWords) -> SharedStore? {
    let result = VersionsWords.result(options, round, index, place.number)
    do {
      let store = try retryingBusy { try place.open(configuration(round)) }
      try retryingBusy { try store.set("key \(index)", to: value(round, index)) }
      words.store(result, VersionsWords.opened)
      return store
    } catch let error as FormatError where error.code == .parametersDiffer && policy(round) == .fail {
      words.add(VersionsWords.differing, 1)
      words.store(result, VersionsWords.refusedParameters)
    } catch let error as FormatError where error.code == .unsupportedVersion {
      words.add(VersionsWords.refused, 1)
      words.store(result, VersionsWords.refusedVersion)
      expect(options.version == .major && place.number == 1, round, words, "\(place.name): \(error)")
    } catch {
      words.store(result, VersionsWords.failed)
      expect(false, round, words, "\(place.name): \(error)")
    }
    return nil
  }

  /// Looks for what everybody has set.
  private func look(_ place: Place, _ store: SharedStore?, _ round: Int, _ words: SharedWords) {
    var opened = [0, 0]
    for other in 0..<options.processes {
      let result = words.load(VersionsWords.result(options, round, other, place.number))
      if result == VersionsWords.opened { opened[other % 2] += 1 }
      guard let store else { continue }
      let isShared = options.version != .major || other % 2 == index % 2
      let expected = result == VersionsWords.opened && isShared ? value(round, other) : nil
      do {
        let found = try store.get("key \(other)")
        expect(
          found == expected, round, words, "\(place.name): the value of \(other) is \(found?.count ?? 0) bytes")
      } catch {
        expect(false, round, words, "\(place.name): \(error)")
      }
    }
    guard options.version == .major else {
      return expect(opened != [0, 0], round, words, "nobody opened \(place.name)")
    }
    if place.number == 0 {
      expect(opened[0] > 0 && opened[1] > 0, round, words, "\(opened) opened by name")
    } else {
      expect((opened[0] == 0) != (opened[1] == 0), round, words, "\(opened) opened by path")
    }
  }

  /// Opens once more, alone, and verifies; or, of another major version, does what must change nothing.
  private func end(_ places: [Place], _ path: String, _ round: Int, _ words: SharedWords) {
    for place in places {
      do {
        if options.version == .major, place.number == 1, isForeign(round, words) {
          try refuses(path, round, words)
          continue
        }
        let store = try place.open(StoreConfiguration(ifDifferent: .useExisting))
        look(place, store, round, words)
        let files = store.path
        store.close()
        let findings = try Verifier(path: files).findings()
        expect(findings == [], round, words, "\(place.name): \(findings)")
      } catch {
        expect(false, round, words, "\(place.name), at the end: \(error)")
      }
    }
  }

  /// Whether the store at the path is of the other version.
  private func isForeign(_ round: Int, _ words: SharedWords) -> Bool {
    (0..<options.processes).contains { other in
      other % 2 == index % 2
        && words.load(VersionsWords.result(options, round, other, 1)) == VersionsWords.refusedVersion
    }
  }

  private func refuses(_ path: String, _ round: Int, _ words: SharedWords) throws {
    let place = String(path.dropLast("/race.warp".count))
    let before = try TestFiles.snapshot(place)
    func refused(_ what: String, _ body: () throws -> Void) {
      do {
        try body()
        expect(false, round, words, "\(what) did something")
      } catch {
        let code = (error as? FormatError)?.code
        expect(code == .unsupportedVersion, round, words, "\(what): \(error)")
      }
    }
    for policy in [StoreConfiguration.IfDifferent.useExisting, .fail, .replace] {
      refused("opening") {
        try SharedStore.open(path: path, StoreConfiguration(capacity: 77, ifDifferent: policy)).close()
      }
    }
    refused("reading") { try SharedStore.open(path: path, StoreConfiguration(access: .readOnly)).close() }
    refused("deleting") { try SharedStore.delete(path: path) }
    expect(try TestFiles.snapshot(place) == before, round, words, "the files changed")
  }

  // MARK: Parameters

  private func policy(_ round: Int) -> StoreConfiguration.IfDifferent {
    [.useExisting, .fail, .replace][round % 3]
  }

  private func configuration(_ round: Int) -> StoreConfiguration {
    StoreConfiguration(
      capacity: VersionsWorker.capacities[index / 2 % 2], maxKeySize: 32, maxValueSize: 64,
      ifDifferent: policy(round))
  }

  private func value(_ round: Int, _ index: Int) -> [UInt8] { Array("\(round) \(index)".utf8) }

  private func expect(_ isRight: Bool, _ round: Int, _ words: SharedWords, _ what: @autoclosure () -> String) {
    guard !isRight else { return }
    System.explain("round \(round), process \(index): \(what())\n")
    words.add(VersionsWords.failures, 1)
  }
}
