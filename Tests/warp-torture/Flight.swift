// SPDX-License-Identifier: Apache-2.0
// `warp-torture flight`: threads of several processes ask for keys that nobody has computed, and compute them under leases
// (SPEC.md 23.8). Who computes what, and when, is recorded outside the store.
//
// - Of each key there is one run on the host, and all get its value.
// - `--target leader`: the leader is killed in the middle of its computation; exactly one other takes over, within 1 s
//   but for a few rounds on a busy machine.
// - `--target stopped`: the leader is stopped for longer than its lease lasts; exactly one other takes over, not before the
//   lease is over, and what the stopped one has computed is not stored when it goes on.
// - `--target cancel`: another process sets or removes the key meanwhile; what was being computed is not stored.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct FlightOptions: ParsableArguments {
  enum Target: String, ExpressibleByArgument { case none, leader, stopped, cancel }

  @Option(help: "Worker processes.") var processes = 4
  @Option(help: "Threads of each.") var threads = 4
  @Option(help: "Rounds, each with keys of its own.") var rounds = 100
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1
  @Option(help: "What is done to who computes: none, leader (killed), stopped, cancel.") var target = Target.none
  @Flag(help: "Tasks that use a typed cache, instead of threads that use leases themselves.") var typed = false

  /// Without a target the threads ask for several keys, each in another order.
  var keys: Int { target == .none ? 8 : 1 }
  @Option(name: .customLong("computation-us"), help: "Microseconds of a computation; 0: what suits the target.")
  var computationMicroseconds: Int64 = 0

  /// Nanoseconds of a computation; with a target, long enough to hit.
  var computation: Int64 {
    computationMicroseconds > 0 ? 1000 * computationMicroseconds : target == .none ? 3_000_000 : 100_000_000
  }
  /// Nanoseconds of a lease. Where others wait for its end it is short, and far longer than a computation.
  var limit: Int64 { target == .stopped ? 3_000_000_000 : 30_000_000_000 }

  var arguments: [String] {
    [
      "--processes", "\(processes)", "--threads", "\(threads)", "--rounds", "\(rounds)", "--seed", "\(seed)",
      "--target", target.rawValue, "--computation-us", "\(computationMicroseconds)",
    ] + (typed ? ["--typed"] : [])
  }

  /// The typed cache of every process.
  func cache(_ directory: String) throws -> Cache<[UInt8], [UInt8]> {
    try Cache(
      "flight", in: .shared, capacity: 4 * rounds * keys,
      options: CacheOptions(
        loadWait: .nanoseconds(limit), shards: 2, namespace: "warp-torture", directory: directory))
  }

  func validate() throws {
    guard processes >= 2, threads >= 1, rounds >= 1 else {
      throw ValidationError("at least 2 processes, a thread and a round")
    }
  }
}

/// What the judge and the workers know of a key. Times are boot time.
struct FlightRecord {
  static let mostRuns = 32
  /// The round that the workers may do, how many threads wait for the first, and what went wrong in them.
  static let round = 0
  static let ready = 1
  static let wrong = 2
  static let alone = 3
  /// The longest time from the end of a key's computation to the return of a thread that waited for it.
  static let wake = 4
  private static let first = 8
  private static let size = 8 + 4 * mostRuns

  enum Place: Int { case runs, stored, refused, returned }

  let words: SharedWords
  private let at: Int

  static func count(_ options: FlightOptions) -> Int { first + options.rounds * options.keys * size }

  init(_ words: SharedWords, _ key: Int) {
    self.words = words
    at = FlightRecord.first + key * FlightRecord.size
  }

  func index(_ place: Place) -> Int { at + place.rawValue }
  subscript(_ place: Place) -> Int { Int(words.load(index(place))) }
  func add(_ place: Place) { words.add(index(place), 1) }

  /// Of a run, from 1.
  private func at(run: Int, _ place: Int) -> Int { at + 8 + 4 * (min(run, FlightRecord.mostRuns) - 1) + place }
  func process(ofRun run: Int) -> pid_t { pid_t(words.load(at(run: run, 0))) }
  func start(ofRun run: Int) -> Int64 { Int64(words.load(at(run: run, 1))) }
  func end(ofRun run: Int) -> Int64 { Int64(words.load(at(run: run, 2))) }
  func asked(ofRun run: Int) -> Int64 { Int64(words.load(at(run: run, 3))) }

  /// The number of the run that begins, from 1.
  ///
  /// - Parameter asked: before the lease was asked for.
  func begin(asked: Int64) -> Int {
    let run = Int(words.add(index(.runs), 1))
    words.store(at(run: run, 3), UInt64(asked))
    words.store(at(run: run, 1), UInt64(System.bootTime()))
    words.store(at(run: run, 0), UInt64(getpid()))
    return run
  }
  func end(run: Int) { words.store(at(run: run, 2), UInt64(System.bootTime())) }

  static func key(_ number: Int) -> [UInt8] { Array("flight \(number)".utf8) }
  static func value(_ number: Int, run: Int) -> [UInt8] { Array("\(number) by run \(run)".utf8) }
  /// 0: it is none of a run of that key.
  static func run(of value: [UInt8], _ number: Int) -> Int {
    (1...mostRuns).first { FlightRecord.value(number, run: $0) == value } ?? 0
  }
}

/// The store as the judge uses it.
struct FlightPlace {
  let path: String
  let get: ([UInt8]) throws -> [UInt8]?
  let set: ([UInt8], [UInt8]) throws -> Void
  let remove: ([UInt8]) throws -> Void
  let close: () -> Void

  init(_ options: FlightOptions, _ directory: String) throws {
    if options.typed {
      let cache = try options.cache(directory)
      path = cache.store!.path
      get = { try cache.get($0) }
      set = { try cache.set($0, to: $1) }
      remove = { try cache.remove($0) }
      close = cache.close
    } else {
      let store = try SharedStore.open(
        path: directory + "/flight.warp", .init(capacity: 4 * options.rounds * options.keys, shards: 2))
      path = store.path
      get = { try store.get($0) }
      set = { try store.set($0, to: $1) }
      remove = { try store.remove($0) }
      close = store.close
    }
  }
}

struct Flight: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Computes cold keys in many processes, and kills, stops or overtakes who computes.")

  @OptionGroup var options: FlightOptions
  @Flag(help: "End with one JSON object.") var json = false

  private static let outsider: [UInt8] = Array("set by another".utf8)

  private struct Outcome {
    /// Rounds in which the computation ended before it could be disturbed.
    var missed = 0
    var violations = 0
    var takeovers = Histogram()
    var crashes = 0

    mutating func violation(_ round: Int, _ text: String) {
      violations += 1
      System.explain("round \(round): \(text)\n")
    }
  }

  func run() throws {
    let watchdog = Watchdog("flight")
    try withTemporaryDirectory { directory in
      let words = try SharedWords(directory + "/records", count: FlightRecord.count(options))
      let store = try FlightPlace(options, directory)
      var children = try (1...options.processes).map { _ in try spawn(directory, from: 1) }
      var threads = options.processes * options.threads
      try words.await(FlightRecord.ready, atLeast: UInt64(threads))
      var outcome = Outcome()
      var random = SeededGenerator(seed: options.seed)
      for round in 1...options.rounds {
        watchdog.progress()
        let opened = System.bootTime()
        words.store(FlightRecord.round, UInt64(round))
        let records = (0..<options.keys).map { FlightRecord(words, (round - 1) * options.keys + $0) }
        var missing = 0
        switch options.target {
        case .none: break
        case .leader:
          let place = try kill(round, records[0], children, &random, &outcome)
          missing = options.threads
          threads += options.threads
          children[place] = try spawn(directory, from: round + 1)
          try words.await(FlightRecord.ready, atLeast: UInt64(threads))
        case .stopped: try stop(round, opened: opened, records[0], children, store, &random, &outcome)
        case .cancel: try overtake(round, records[0], store, &random, &outcome)
        }
        for (number, record) in records.enumerated() {
          let all = options.processes * options.threads - missing
          try words.await(record.index(.returned), atLeast: UInt64(all))
          if options.target == .none {
            try judge(round, (round - 1) * options.keys + number, record, store, &outcome)
          }
        }
      }
      words.store(FlightRecord.round, .max)
      for child in children where !child.wait(seconds: 30).isClean { outcome.crashes += 1 }
      store.close()
      let findings = try Verifier(path: store.path).findings()
      for finding in findings.prefix(10) { System.explain("\(finding)\n") }
      try report(words, outcome, findings: findings.count)
    }
  }

  private func spawn(_ directory: String, from round: Int) throws -> Child {
    try Child(["flight-worker", "--directory", directory, "--from", "\(round)"] + options.arguments)
  }

  /// One run, whose value is stored.
  private func judge(
    _ round: Int, _ key: Int, _ record: FlightRecord, _ store: FlightPlace, _ outcome: inout Outcome
  ) throws {
    let value = try store.get(FlightRecord.key(key)) ?? []
    if record[.runs] != 1 || record[.stored] != 1 || value != FlightRecord.value(key, run: 1) {
      outcome.violation(round, "key \(key): \(record[.runs]) runs, \(record[.stored]) of them stored")
    }
  }

  private func awaitFirstRun(_ record: FlightRecord, _ random: inout SeededGenerator) throws {
    try record.words.await(record.index(.runs), atLeast: 1)
    while record.process(ofRun: 1) == 0 { System.yield() }
    System.sleep(Int64(random.below(Int(options.computation / 2))))
  }

  /// Waits for the second run. Returns when it began; nil if it did not.
  private func awaitTakeover(_ round: Int, _ record: FlightRecord, _ outcome: inout Outcome) -> Int64? {
    do {
      try record.words.await(record.index(.runs), atLeast: 2, seconds: 60)
    } catch {
      outcome.violation(round, "nobody took over")
      return nil
    }
    while record.process(ofRun: 2) == 0 { System.yield() }
    return record.start(ofRun: 2)
  }

  /// Returns the place of the killed among the children.
  private func kill(
    _ round: Int, _ record: FlightRecord, _ children: [Child], _ random: inout SeededGenerator,
    _ outcome: inout Outcome
  ) throws -> Int {
    try awaitFirstRun(record, &random)
    let place = children.firstIndex { $0.id == record.process(ofRun: 1) }!
    children[place].send(SIGKILL)
    guard children[place].awaitDeath() else { throw FormatError(.busy, "a killed child does not die") }
    let died = System.bootTime()
    if record.end(ofRun: 1) != 0 {
      outcome.missed += 1
    } else if let began = awaitTakeover(round, record, &outcome) {
      outcome.takeovers.add(began - died)
      let all = options.threads * (options.processes - 1)
      try record.words.await(record.index(.returned), atLeast: UInt64(all))
      if record[.runs] != 2 || record[.stored] != 1 {
        outcome.violation(round, "\(record[.runs]) runs after a kill, \(record[.stored]) stored")
      }
    }
    // Whoever was killed is waited for only now: until then its number can't be another's.
    if children[place].wait(seconds: 30).signal != SIGKILL { outcome.crashes += 1 }
    return place
  }

  /// - Parameter opened: when the round's key was told, or before.
  private func stop(
    _ round: Int, opened: Int64, _ record: FlightRecord, _ children: [Child], _ store: FlightPlace,
    _ random: inout SeededGenerator, _ outcome: inout Outcome
  ) throws {
    try awaitFirstRun(record, &random)
    let leader = children.first { $0.id == record.process(ofRun: 1) }!
    guard leader.stop() else { throw FormatError(.busy, "a child does not stop") }
    defer { leader.resume() }
    guard record.end(ofRun: 1) == 0 else {
      outcome.missed += 1
      return
    }
    guard let began = awaitTakeover(round, record, &outcome) else { return }
    // No lease begins before it is asked for. In a typed cache those who wait have a limit of their own, from their first look at
    // the key on.
    let waited = began - (options.typed ? opened : record.asked(ofRun: 1))
    if waited < options.limit { outcome.violation(round, "a living leader was replaced after \(waited) ns") }
    outcome.takeovers.add(waited - options.limit)
    // Until the other value is stored, the stopped one could not tell.
    let all = options.threads * (options.processes - 1)
    try record.words.await(record.index(.returned), atLeast: UInt64(all))
    leader.resume()
    try record.words.await(record.index(.returned), atLeast: UInt64(all + options.threads))
    // In a typed cache those who wait for a task that waits for the stopped process have their own limit, and compute too.
    let tooMany = options.typed ? record[.runs] < 2 : record[.runs] != 2 || record[.refused] != 1
    let isOverwritten = try FlightRecord.run(of: store.get(FlightRecord.key(round - 1)) ?? [], round - 1) == 1
    if tooMany || record[.stored] != 1 || isOverwritten {
      outcome.violation(
        round, "\(record[.runs]) runs after a stop, \(record[.stored]) stored, \(record[.refused]) refused")
    }
  }

  private func overtake(
    _ round: Int, _ record: FlightRecord, _ store: FlightPlace, _ random: inout SeededGenerator,
    _ outcome: inout Outcome
  ) throws {
    let key = FlightRecord.key(round - 1)
    try awaitFirstRun(record, &random)
    let sets = random.below(2) == 0
    if sets { try store.set(key, Flight.outsider) } else { try store.remove(key) }
    guard record.end(ofRun: 1) == 0 else {
      outcome.missed += 1
      return
    }
    let runs = sets ? 1 : 2
    try record.words.await(record.index(.returned), atLeast: UInt64(options.processes * options.threads))
    let value = try store.get(key)
    let expected = sets ? Flight.outsider : FlightRecord.value(round - 1, run: 2)
    if value != expected || record[.runs] != runs || record[.stored] != runs - 1 || record[.refused] != 1 {
      outcome.violation(
        round,
        "after a \(sets ? "set" : "removal"): \(record[.runs]) runs, \(record[.stored]) stored, "
          + "\(record[.refused]) refused, value \(value.map { String(decoding: $0, as: UTF8.self) } ?? "none")")
    }
  }

  private func report(_ words: SharedWords, _ outcome: Outcome, findings: Int) throws {
    let wrong = Int(words.load(FlightRecord.wrong))
    let alone = Int(words.load(FlightRecord.alone))
    var report = Report()
    report.add("command", "flight")
    report.add("target", options.target.rawValue)
    report.add("api", options.typed ? "typed cache, tasks" : "leases, threads")
    report.add("seed", Int(truncatingIfNeeded: options.seed))
    report.add("rounds", options.rounds)
    report.add("keys", options.rounds * options.keys)
    report.add("missed", outcome.missed)
    report.add("violations", outcome.violations)
    report.add("wrongValues", wrong)
    report.add("alone", alone)
    report.add("longestTakeoverMs", Double(outcome.takeovers.largest) / 1e6)
    report.add("late", outcome.takeovers.late())
    report.add("longestWakeMs", Double(words.load(FlightRecord.wake)) / 1e6)
    report.add("crashes", outcome.crashes)
    report.add("findings", findings)
    // A run that hardly ever disturbed anybody proves nothing.
    let isIdle = outcome.missed * 2 > options.rounds
    try report.finish(
      json: json,
      violations: outcome.violations + outcome.takeovers.late() + wrong + alone + outcome.crashes + findings,
      isIdle: isIdle)
  }
}
