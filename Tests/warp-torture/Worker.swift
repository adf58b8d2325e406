// SPDX-License-Identifier: Apache-2.0
// One worker of a mixed run: it reads every key, writes its own, and judges each answer against the history.
//
// - Six of ten operations are gets of any key; the rest are the next versions of the worker's own keys, membership
//   tests, and now and then a walk over everything.
// - The owner knows its keys exactly, so it also judges what `set`, `remove` and its own gets return.

import WarpFormat
import WarpKV
import WarpTestSupport

struct Worker {
  let store: SharedStore
  let history: History
  let index: Int
  let seed: UInt64
  let maxSize: Int
  /// Bytes of a value that no store of the run takes.
  var oversize: Int
  /// The keys by index.
  let names: [[UInt8]]
  var tally = [Int](repeating: 0, count: Tally.allCases.count)
  var random: SeededGenerator
  private var buffer: [UInt8]
  /// The last version of each own key, and the version that the last successful set stored, by key / workers.
  var versions: [UInt64]
  /// How many violations are described on stderr.
  private var explanations = 10

  /// A get may be this late, in nanoseconds, before what it finds counts as stale.
  private static let staleSlack: Int64 = 500_000_000
  private static let iterationEvery = 100_000

  /// Times the calls, if somebody asks for it.
  var stopwatch: Stopwatch?

  /// Own keys whose last operation was cut off, until the next one.
  var inDoubt: Set<Int> = []

  init(
    store: SharedStore, history: History, index: Int, seed: UInt64, maxSize: Int, choices: UInt64? = nil,
    collides: Bool = false
  ) {
    self.store = store
    self.history = history
    self.index = index
    self.seed = seed
    self.maxSize = maxSize
    oversize = maxSize + 1
    names = (0..<history.keys).map { collides ? Value.key($0, collidingIn: store) : Value.key($0) }
    random = SeededGenerator(seed: choices ?? seed &+ UInt64(index) &* 7919)
    buffer = [UInt8](repeating: 0, count: maxSize)
    versions = [UInt64](repeating: 0, count: history.keys / history.workers + 1)
  }

  /// Takes over the keys of a worker that was killed.
  mutating func resume() {
    for key in stride(from: index, to: history.keys, by: history.workers) {
      versions[key / history.workers] = history.intent(key)
      if history.intent(key) != history.acked(key).version { inDoubt.insert(key) }
    }
  }

  /// Adds what was counted to words that outlive the worker.
  mutating func publish() {
    history.words.add(KillWords.lost, UInt64(tally[Tally.lost.rawValue]))
    let corrupt = [Tally.torn, .wrong, .stale, .failures].reduce(0) { $0 + tally[$1.rawValue] }
    history.words.add(KillWords.corrupt, UInt64(corrupt))
    tally = [Int](repeating: 0, count: tally.count)
  }

  mutating func run(operations: Int) throws {
    // Short runs walk too, long ones not all the time.
    let walkEvery = max(1000, min(Worker.iterationEvery, operations / 4))
    for number in 1...max(operations, 1) {
      let draw = random.below(100)
      if number % walkEvery == 0 {
        try retryingBusy { try walk() }
      } else if draw < 60 {
        try read(random.below(history.keys))
      } else if draw < 65 {
        try member(random.below(history.keys))
      } else if let key = ownKey() {
        if draw < 75, !inDoubt.contains(key) { try readOwn(key) }
        try write(key)
      }
      tally[Tally.operations.rawValue] += 1
    }
  }

  mutating func count(_ what: Tally) { tally[what.rawValue] += 1 }

  mutating func violation(_ what: Tally, _ key: Int, _ text: String) {
    count(what)
    guard explanations > 0 else { return }
    explanations -= 1
    let line = "worker \(index): \(what) at key \(key): \(text)\n"
    System.explain(line)
  }

  mutating func ownKey() -> Int? {
    let place = random.below((history.keys + history.workers - 1) / history.workers)
    let key = place * history.workers + index
    return key < history.keys ? key : nil
  }

  // MARK: Reading

  mutating func read(_ key: Int) throws {
    let before = history.acked(key)
    let began = System.bootTime()
    let start = stopwatch?.start(isGet: true)
    let result = try store.get(names[key], into: &buffer)
    if let start { stopwatch?.endGet(start) }
    switch result {
    case .hit(let size):
      count(.hits)
      judge(key, [UInt8](buffer[..<size]), before, began)
    case .miss:
      count(.misses)
      if !history.allowsAbsence(key, since: before) {
        violation(.lost, key, "version \(before.version) was there, no removal since, and a get missed")
      }
    case .busy: count(.busyMisses)
    case .tooSmall(let needed): violation(.wrong, key, "a value of \(needed) bytes")
    }
  }

  /// A get of a key that nobody ever sets.
  mutating func readAbsent(_ number: Int) throws {
    let name = Array("absent \(number)".utf8)
    let start = stopwatch?.start(isGet: true)
    let result = try store.get(name, into: &buffer)
    if let start { stopwatch?.endGet(start) }
    switch result {
    case .miss: count(.misses)
    case .busy: count(.busyMisses)
    case .hit, .tooSmall: violation(.wrong, number, "a key that nobody set gives \(result)")
    }
  }

  mutating func judge(_ key: Int, _ bytes: [UInt8], _ before: Acked, _ began: Int64) {
    guard let content = bytes.withUnsafeBytes({ Value.read($0) }) else {
      return violation(.torn, key, "\(bytes.count) bytes that fail their check")
    }
    let action = OwnerAction(seed: seed, key: key, version: content.version, maxSize: maxSize)
    guard content.key == key, action.size == bytes.count else {
      return violation(.wrong, key, "it holds key \(content.key), version \(content.version)")
    }
    if !history.allows(content.version, key, since: before) {
      violation(
        .wrong, key,
        "version \(content.version), but \(before) was acknowledged and \(history.intent(key)) is the last")
    }
    // Its deadline was set before its set ended.
    if case .fleeting(_, let milliseconds) = action, before.version == content.version,
      began > history.ended(key) + Int64(milliseconds) * 1_000_000 + Worker.staleSlack
    {
      violation(.stale, key, "version \(content.version) had expired")
    }
  }

  private mutating func member(_ key: Int) throws {
    let before = history.acked(key)
    let isThere = try store.contains(names[key])
    // A shard that stays busy makes `contains` say no: that can't be told apart here, so only a yes is judged.
    if isThere, before.state == .absent, history.intent(key) == before.version {
      violation(.wrong, key, "contains is true, but it was removed by version \(before.version)")
    }
  }

  /// Each key that is present throughout appears exactly once, with an allowed value.
  mutating func walk() throws {
    count(.iterations)
    let before = (0..<history.keys).map { history.acked($0) }
    let began = System.bootTime()
    var seen = [Bool](repeating: false, count: history.keys)
    var entries: [(key: Int, value: [UInt8])] = []
    try store.forEachEntry { entry in
      guard !entry.key.starts(with: Probe.prefix) else { return }
      entries.append((Value.index(ofKey: entry.key, among: names) ?? -1, entry.value))
    }
    for (key, value) in entries {
      guard (0..<history.keys).contains(key) else {
        violation(.wrong, key, "iteration gave a key that nobody made")
        continue
      }
      if seen[key] { violation(.wrong, key, "iteration gave it twice") }
      seen[key] = true
      judge(key, value, before[key], began)
    }
    for key in 0..<history.keys where !seen[key] && !history.allowsAbsence(key, since: before[key]) {
      violation(.lost, key, "iteration missed version \(before[key].version)")
    }
  }

  // MARK: Writing

  /// Nobody else writes this key, so the answer is known exactly unless it may have expired.
  private mutating func readOwn(_ key: Int) throws {
    let state = history.acked(key)
    let value = try store.get(names[key])
    let version = value.flatMap { $0.withUnsafeBytes { Value.read($0)?.version } }
    if state.state == .present, version != state.version, value != nil {
      violation(.wrong, key, "the owner reads \(version ?? 0) after setting \(state.version)")
    } else if state.state == .absent, value != nil {
      violation(.wrong, key, "the owner reads \(version ?? 0) after removing it")
    }
  }

  /// The next operation on one of its own keys.
  mutating func write() throws {
    if let key = ownKey() { try write(key) }
  }

  private mutating func write(_ key: Int) throws {
    let place = key / history.workers
    let version = versions[place] + 1
    versions[place] = version
    let before = history.acked(key)
    let action = OwnerAction(seed: seed, key: key, version: version, maxSize: maxSize)
    let removals = history.begin(key, version: version, mayVanish: action.mayVanish)
    let start = stopwatch?.start(isGet: false)
    defer { if let start { stopwatch?.endWrite(start) } }
    do {
      let after = try perform(action, key, version, before)
      history.end(key, version: version, after, since: removals)
      inDoubt.remove(key)
    } catch let error as WarpError where error.code == .busy {
      // The old value stays, and so does what was acknowledged.
      count(.busyWrites)
    }
  }

  private mutating func perform(
    _ action: OwnerAction, _ key: Int, _ version: UInt64, _ before: Acked
  ) throws -> KeyState {
    let name = names[key]
    let written = System.bootTime()
    switch action {
    case .set(let size):
      let result = try store.set(name, to: Value.make(key: key, version: version, written: written, size: size))
      expect(result == .replaced, before, key, "set returned \(result)")
      return .present
    case .fleeting(let size, let milliseconds):
      let value = Value.make(key: key, version: version, written: written, size: size)
      let result = try store.set(name, to: value, timeToLive: .milliseconds(milliseconds))
      expect(result == .replaced, before, key, "set returned \(result)")
      return .fleeting
    case .remove:
      let removed = try store.remove(name)
      expect(removed, before, key, "remove returned \(removed)")
      return .absent
    case .oversize:
      let result = try store.set(name, to: [UInt8](repeating: 1, count: oversize))
      if result != .skipped { violation(.wrong, key, "an oversized set returned \(result)") }
      return .absent
    }
  }

  /// Of a key in doubt nothing is expected.
  private mutating func expect(_ wasThere: Bool, _ before: Acked, _ key: Int, _ text: String) {
    guard !inDoubt.contains(key) else { return }
    if before.state == .present && !wasThere && !history.mayBeRemoved(since: before) { violation(.lost, key, text) }
    if before.state == .absent && wasThere { violation(.wrong, key, text) }
  }
}
