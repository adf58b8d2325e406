// SPDX-License-Identifier: Apache-2.0
// The hostile owner words and registry entries of `words`, with the real processes that they speak of, and what must
// come of each by SPEC.md §23.1.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// Does nothing until it is killed: a number in use.
struct Idle: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "idle-worker", shouldDisplay: false)

  @Option(help: "A file to have mapped meanwhile.") var maps: String?

  func run() throws {
    if let maps {
      let file = try System.open(maps, .readOnly)
      guard mmap(nil, 4096, PROT_READ, MAP_SHARED, file, 0) != MAP_FAILED else { throw ExitCode.failure }
      System.close(file)
    }
    while true { System.sleep(1_000_000_000) }
  }
}

/// The processes that entries can name.
struct WordCast {
  /// It has the data file mapped, as after closefrom(3).
  let living: Child
  /// It has not, as after exec.
  let stranger: Child
  let zombie: Child
  /// The number of a process that is gone.
  let gone: pid_t
  /// Start times in the kernel's ticks.
  let livingStart: UInt64
  let strangerStart: UInt64
  let firstStart: UInt64
  /// A handle of this very process, as registered.
  let own: LockWords.Entry
  let ownWord: UInt64
  private let file: Int32

  init(_ store: SharedStore, _ lock: LockWords) throws {
    living = try Child(["idle-worker", "--maps", store.path])
    stranger = try Child(["idle-worker"])
    zombie = try Child(["idle-worker"])
    let brief = try Child(["idle-worker"])
    gone = brief.id
    brief.send(SIGKILL)
    _ = brief.wait(seconds: 10)
    zombie.send(SIGKILL)
    guard zombie.awaitDeath(), let index = lock.index(of: getpid()), let start = WordCast.start(living.id),
      let other = WordCast.start(stranger.id), WordCast.awaitMapping(of: store.path, in: living.id)
    else { throw FormatError(.system, "a process that the cases need is missing") }
    livingStart = start
    strangerStart = other
    firstStart = WordCast.start(1) ?? 0
    own = lock.entry(index)
    ownWord = lock.word(index)
    // A lock on the byte of an entry, as a process of another namespace would have it.
    file = try System.open(store.path, .readWrite)
    _ = try System.lockByte(
      file, .write, at: Format.registryLockOffset + Int64(WordCase.lockedIndex), store.path)
  }

  func dismiss() {
    for child in [living, stranger, zombie] {
      child.send(SIGKILL)
      _ = child.wait(seconds: 10)
    }
    System.close(file)
  }

  private static func text(_ process: pid_t, _ name: String) -> String? {
    guard let file = try? System.open("/proc/\(process)/\(name)", .readOnly) else { return nil }
    defer { System.close(file) }
    return (try? System.read(file, at: 0, count: 1 << 20, "/proc")).map { String(decoding: $0, as: UTF8.self) }
  }

  private static func awaitMapping(of path: String, in process: pid_t) -> Bool {
    let end = System.bootTime() + 30_000_000_000
    while System.bootTime() < end {
      if text(process, "maps")?.contains(path) == true { return true }
      System.sleep(1_000_000)
    }
    return false
  }

  private static func start(_ process: pid_t) -> UInt64? {
    guard let text = text(process, "stat") else { return nil }
    guard let end = text.lastIndex(of: ")") else { return nil }
    let words = text[text.index(after: end)...].split(separator: " ")
    return words.count > 19 ? UInt64(words[19]) : nil
  }
}

struct WordCase {
  enum Verdict { case dead, alive, either }

  /// The entry that the cases write, far from those in use, and one whose byte somebody has locked.
  static let entryIndex = 900
  static let lockedIndex = 901
  private static let generation: UInt32 = 77

  let name: String
  let owner: UInt64
  let entry: LockWords.Entry?
  let verdict: Verdict
  var index = WordCase.entryIndex

  private init(_ name: String, owner: UInt64, _ verdict: Verdict) {
    self.name = name
    self.owner = owner
    entry = nil
    self.verdict = verdict
  }

  /// A word that names an entry about a process.
  private init(
    _ name: String, _ cast: WordCast, pid: UInt32, start: UInt64 = 0, pidNamespace: UInt64? = nil,
    timeNamespace: UInt64? = nil, index: Int = WordCase.entryIndex, _ verdict: Verdict
  ) {
    self.name = name
    self.index = index
    owner = UInt64(WordCase.generation) << 32 | UInt64(index + 1)
    entry = LockWords.Entry(
      generation: WordCase.generation, pid: pid, startTime: start,
      pidNamespace: pidNamespace ?? cast.own.pidNamespace,
      timeNamespace: timeNamespace ?? cast.own.timeNamespace)
    self.verdict = verdict
  }

  static func living(_ cast: WordCast) -> WordCase {
    WordCase("a living process", cast, pid: UInt32(cast.living.id), start: cast.livingStart, .alive)
  }

  static func all(_ cast: WordCast, _ lock: LockWords, _ random: inout SeededGenerator) -> [WordCase] {
    let elsewhere = cast.own.pidNamespace ^ 1
    let minimum = UInt32(bitPattern: Int32.min)
    let group = UInt32(bitPattern: -getpgrp())
    var cases = [
      WordCase("no owner", owner: 0, .dead),
      WordCase("1", owner: 1, .dead),
      WordCase("all ones", owner: .max, .dead),
      WordCase("this very handle", owner: cast.ownWord, .alive),
      WordCase("entry 1 of generation 1", owner: 1 << 32 | 1, cast.ownWord == 1 << 32 | 1 ? .alive : .either),
      WordCase("an entry behind the last", owner: 1 << 32 | UInt64(Format.registryEntries + 1), .dead),
      WordCase("no entry, a generation", owner: 1 << 32, .dead),
      WordCase("another generation", owner: cast.ownWord &+ 1 << 32, .dead),
      living(cast),
      WordCase(
        "a process without the file", cast, pid: UInt32(cast.stranger.id), start: cast.strangerStart, .dead),
      WordCase("a withdrawn entry", cast, pid: 0, .dead),
      WordCase("a process that is gone", cast, pid: UInt32(cast.gone), start: 1, .dead),
      WordCase("a zombie", cast, pid: UInt32(cast.zombie.id), .dead),
      // Dead for whoever may read the list of its mappings.
      WordCase("the first process, since ever", cast, pid: 1, start: cast.firstStart, .either),
      WordCase("the first process, no start time", cast, pid: 1, .either),
      WordCase("the first process, another start", cast, pid: 1, start: cast.firstStart + 1, .dead),
      WordCase(
        "a recycled number", cast, pid: UInt32(cast.living.id), start: cast.livingStart + 1, .dead),
      WordCase(
        "another time namespace", cast, pid: UInt32(cast.living.id), start: cast.livingStart + 1,
        timeNamespace: cast.own.timeNamespace ^ 1, .alive),
      WordCase("another namespace, no lock", cast, pid: 1, pidNamespace: elsewhere, .dead),
      WordCase(
        "another namespace, locked", cast, pid: 1, pidNamespace: elsewhere, index: lockedIndex, .alive),
      // Not numbers of processes; kill(2) takes them for groups and for everybody.
      WordCase("process -1", cast, pid: .max, .dead),
      WordCase("process -2^31", cast, pid: minimum, .dead),
      WordCase("our process group", cast, pid: group, .dead),
    ]
    for number in 0..<8 { cases.append(WordCase("random word \(number)", owner: random.next() | 1 << 63, .dead)) }
    return cases
  }
}

/// Owners that really died with a shard in their hands.
struct RealDeaths {
  struct Outcome {
    var zombies = 0
    var recycled = 0
    var failures = 0
    var slowest: Int64 = 0
    var slowestMs: Double { Double(slowest) / 1e6 }
  }

  private static let rounds = 20
  /// Nanoseconds until a child has opened the store, and then until it is met with a shard in its hands.
  private static let patience: Int64 = 30_000_000_000

  let store: SharedStore
  let lock: LockWords
  private var random: SeededGenerator

  init(_ store: SharedStore, _ lock: LockWords, seed: UInt64) {
    self.store = store
    self.lock = lock
    random = SeededGenerator(seed: seed)
  }

  /// Half of them are zombies when the next set comes; of the others the number is in use again, if the system lets us
  /// choose it.
  mutating func run(_ watchdog: Watchdog) throws -> Outcome {
    var outcome = Outcome()
    for round in 0..<RealDeaths.rounds {
      watchdog.progress()
      let child = try Child(["words-worker", "--path", store.path])
      guard let shard = try dieHolding(child) else {
        outcome.failures += 1
        continue
      }
      var next: Child?
      if round % 2 == 1 {
        _ = child.wait(seconds: 10)
        Child.choose(child.id)
        next = try Child(["idle-worker"])
      }
      let began = System.bootTime()
      do {
        try store.set(Probe.keys(store)[shard], to: [2])
        let time = System.bootTime() - began
        outcome.slowest = max(outcome.slowest, time)
        if time > WordTrial.most { outcome.failures += 1 }
        if next == nil { outcome.zombies += 1 }
        if next?.id == child.id { outcome.recycled += 1 }
      } catch {
        System.explain("a real death, round \(round): \(error)\n")
        outcome.failures += 1
      }
      for left in next.map({ [$0] }) ?? [child] {
        left.send(SIGKILL)
        _ = left.wait(seconds: 10)
      }
    }
    return outcome
  }

  /// Stops it until it holds a shard, and kills it there.
  private mutating func dieHolding(_ child: Child) throws -> Int? {
    var end = System.bootTime() + RealDeaths.patience
    while lock.index(of: child.id) == nil, System.bootTime() < end { System.sleep(1_000_000) }
    end = System.bootTime() + RealDeaths.patience
    while System.bootTime() < end {
      guard child.stop() else { return nil }
      if let held = lock.held(by: child.id) {
        child.send(SIGKILL)
        return child.awaitDeath() ? held.shard : nil
      }
      child.resume()
      System.sleep(Int64(random.below(100_000)))
    }
    child.send(SIGKILL)
    _ = child.wait(seconds: 10)
    return nil
  }
}

struct WordsWorker: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "words-worker", shouldDisplay: false)

  @Option var path: String

  func run() throws {
    let store = try SharedStore.open(path: path, Words.store)
    // Until it is killed, but not for ever.
    for number in 0..<100_000_000 { try store.set("mine \(number % 8)", to: [UInt8](repeating: 3, count: 200)) }
  }
}
