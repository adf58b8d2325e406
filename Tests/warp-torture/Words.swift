// SPDX-License-Identifier: Apache-2.0
// `warp-torture words`: the words of the lock file set by a hostile hand. Owner words that name nobody, the dead, the living
// and numbers out of range; registry entries about a first process, a zombie, a recycled number, another namespace;
// sequences that are odd, all ones, random (WKV-O02, WKV-O03, WKV-O06).
//
// - Every operation ends, nearly all within 2 s, with a result or a typed error, whatever stands there. What is there is found.
// - An owner that can be proven dead is replaced, one that may live is not. Each case says which.
// - When the words are put right again the store works and the verifier finds nothing.
//
// The words are set anew before each operation, in every shard at once. The cases are in WordCases.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct Words: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Hostile owner words, sequences and registry entries.")

  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Flag(help: "End with one JSON object.") var json = false

  static let store = StoreConfiguration(
    capacity: 256, maxKeySize: 32, maxValueSize: 256, shards: 2, writerWait: .milliseconds(20))

  func run() throws {
    let watchdog = Watchdog("words")
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open(path: directory + "/words.warp", Words.store)
      var trial = WordTrial(store: store, lock: try LockWords(store), random: SeededGenerator(seed: seed))
      let cast = try WordCast(store, trial.lock)
      defer { cast.dismiss() }
      for test in WordCase.all(cast, trial.lock, &trial.random) {
        watchdog.progress()
        try trial.run(test)
      }
      try trial.runPatiently(WordCase.living(cast), path: store.path)
      watchdog.progress()
      var deaths = RealDeaths(store, trial.lock, seed: seed)
      let real = try deaths.run(watchdog)
      store.close()
      var report = Report()
      report.add("command", "words")
      report.add("seed", Int(truncatingIfNeeded: seed))
      report.add("cases", trial.cases)
      report.add("operations", trial.operations)
      report.add("busy", trial.busy)
      report.add("otherErrors", trial.otherErrors)
      report.add("slowestMs", Double(trial.times.largest) / 1e6)
      report.add("tooSlow", trial.tooSlow)
      report.add("wrong", trial.wrong)
      report.add("stolen", trial.stolen)
      report.add("findings", trial.findings)
      report.add("zombiesHealed", real.zombies)
      report.add("recycledHealed", real.recycled)
      report.add("realHealMaxMs", real.slowestMs)
      report.add("realFailures", real.failures)
      try report.finish(
        json: json,
        violations: trial.tooSlow + trial.wrong + trial.stolen + trial.findings
          + real.failures)
    }
  }
}

/// Runs every operation against every case and judges what comes out.
struct WordTrial {
  /// Nanoseconds that nearly all operations end within.
  private static let soon: Int64 = 2_000_000_000
  /// What takes longer has no end.
  static let most: Int64 = 30_000_000_000
  private static let keyCount = 16

  let store: SharedStore
  let lock: LockWords
  var random: SeededGenerator
  var cases = 0
  var operations = 0
  var busy = 0
  var otherErrors = 0
  var times = Histogram()
  var tooSlow: Int { times.late(over: WordTrial.soon) }
  var wrong = 0
  var stolen = 0
  var findings = 0

  init(store: SharedStore, lock: LockWords, random: SeededGenerator) {
    self.store = store
    self.lock = lock
    self.random = random
  }

  private static func key(_ index: Int) -> [UInt8] { Array("key \(index)".utf8) }

  private func fill(_ store: SharedStore) throws {
    for index in 0..<WordTrial.keyCount { try store.set(WordTrial.key(index), to: [UInt8(index), 7]) }
  }

  private enum Sequence: CaseIterable { case asItIs, odd, allOnes, randomOdd, randomEven }

  private mutating func word(_ kind: Sequence, _ shard: Int) -> UInt64 {
    switch kind {
    case .asItIs: lock.sequence(shard)
    case .odd: lock.sequence(shard) | 1
    case .allOnes: .max
    case .randomOdd: random.next() | 1
    case .randomEven: random.next() & ~1
    }
  }

  /// Sets the words in every shard.
  private mutating func spoil(_ test: WordCase, _ kind: Sequence) {
    if let entry = test.entry { lock.setEntry(test.index, entry) }
    for shard in 0..<lock.shards {
      lock.setSequence(shard, word(kind, shard))
      lock.setOwner(shard, test.owner)
    }
  }

  /// Takes the hostile owner away; what it left is left.
  private func relieve(_ test: WordCase) {
    for shard in 0..<lock.shards where lock.owner(shard) == test.owner { lock.setOwner(shard, 0) }
    if test.entry != nil {
      lock.setEntry(
        test.index,
        LockWords.Entry(generation: 1, pid: 0, startTime: 0, pidNamespace: 0, timeNamespace: 0))
    }
  }

  mutating func run(_ test: WordCase) throws {
    for kind in Sequence.allCases {
      cases += 1
      try fill(store)
      for operation in WordOperation.allCases {
        spoil(test, kind)
        perform(operation, test, "\(kind)")
        relieve(test)
      }
      try expectSound(test, "\(kind)")
    }
  }

  /// The same with a handle that waits as long as writers wait by default.
  mutating func runPatiently(_ test: WordCase, path: String) throws {
    var patient = Words.store
    patient.writerWait = .nanoseconds(Format.writerWait)
    var trial = self
    let handle = try SharedStore.open(path: path, patient)
    trial = WordTrial(store: handle, lock: lock, random: random)
    try trial.fill(handle)
    for operation in [WordOperation.hit, .miss, .setOld, .open, .removeAll] {
      trial.spoil(test, .odd)
      trial.perform(operation, test, "patient")
      trial.relieve(test)
    }
    try trial.expectSound(test, "patient")
    handle.close()
    cases += 1
    operations += trial.operations
    busy += trial.busy
    otherErrors += trial.otherErrors
    times.add(trial.times)
    wrong += trial.wrong
    stolen += trial.stolen
    findings += trial.findings
  }

  private mutating func perform(_ operation: WordOperation, _ test: WordCase, _ sequence: String) {
    let began = System.bootTime()
    var complaint: String?
    var code: WarpError.Code?
    do {
      complaint = try operation.perform(store, WordTrial.key)
    } catch {
      code = (error as? WarpError)?.code
      if code == .busy { busy += 1 } else { otherErrors += 1 }
      if code != .busy { complaint = "threw \(error)" }
    }
    let time = System.bootTime() - began
    operations += 1
    times.add(time)
    let place = "\(test.name), sequence \(sequence), \(operation): "
    if time > WordTrial.soon { System.explain(place + "took \(time / 1_000_000) ms\n") }
    if let complaint {
      System.explain(place + complaint + "\n")
      wrong += 1
    }
    switch test.verdict {
    case .dead where operation.isWrite && code != nil:
      System.explain(place + "a dead owner is in the way\n")
      wrong += 1
    case .alive where operation.isWrite && code == nil:
      System.explain(place + "went on in spite of a living owner\n")
      stolen += 1
    case .alive where (0..<lock.shards).contains { lock.owner($0) != test.owner }:
      System.explain(place + "a living owner's word is gone\n")
      stolen += 1
    default: break
    }
  }

  private mutating func expectSound(_ test: WordCase, _ sequence: String) throws {
    do {
      try fill(store)
      for probe in Probe.keys(store) { try store.set(probe, to: [1]) }
      for index in 0..<WordTrial.keyCount where try store.get(WordTrial.key(index)) != [UInt8(index), 7] {
        System.explain("\(test.name), sequence \(sequence): key \(index) has another value\n")
        wrong += 1
      }
    } catch {
      System.explain("\(test.name), sequence \(sequence): afterwards \(error)\n")
      wrong += 1
    }
    for finding in try Verifier(path: store.path).findings() {
      System.explain("\(test.name), sequence \(sequence): \(finding)\n")
      findings += 1
    }
  }
}

/// Everything that a handle can do.
enum WordOperation: CaseIterable {
  case hit, miss, contains, setOld, setNew, remove, removeAbsent, iterate, statistics, open, readOnly, verify,
    removeAll

  /// Whether it can't go on while a living owner holds every shard.
  var isWrite: Bool {
    switch self {
    case .setOld, .setNew, .remove, .removeAbsent, .iterate, .removeAll: true
    default: false
    }
  }

  /// What is wrong with its answer, nil if nothing.
  func perform(_ store: SharedStore, _ key: (Int) -> [UInt8]) throws -> String? {
    switch self {
    case .hit:
      for index in 0..<4 where try store.get(key(index)) != [UInt8(index), 7] { return "a value is not found" }
    case .miss:
      var buffer = [UInt8](repeating: 0, count: 256)
      let result = try store.get(Array("absent".utf8), into: &buffer)
      if result != .miss && result != .busy { return "a key that nobody set gives \(result)" }
    case .contains: if try !store.contains(key(0)) { return "a key is not contained" }
    case .setOld: for index in 0..<4 { try store.set(key(index), to: [UInt8(index), 7]) }
    case .setNew: for index in 0..<4 { try store.set(Array("new \(index)".utf8), to: [1]) }
    case .remove: for index in 8..<12 { try store.remove(key(index)) }
    case .removeAbsent: if try store.remove(Array("absent".utf8)) { return "an absent key was removed" }
    case .iterate: if try store.keys().count < 4 { return "iteration missed keys" }
    case .statistics: _ = try store.statistics()
    case .open:
      let other = try SharedStore.open(path: store.path, Words.store)
      defer { other.close() }
      if try other.get(key(0)) != [0, 7] { return "another handle does not find a value" }
    case .readOnly:
      let other = try SharedStore.open(path: store.path, StoreConfiguration(access: .readOnly))
      defer { other.close() }
      if try other.get(key(0)) != [0, 7] { return "a read-only handle does not find a value" }
      _ = try? other.keys()
    case .verify: _ = try Verifier(path: store.path).findings()
    case .removeAll: try store.removeAll()
    }
    return nil
  }
}
