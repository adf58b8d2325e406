// SPDX-License-Identifier: Apache-2.0
// `warp-torture replace`: a store in use is replaced by one with other parameters, over and over (SPEC.md 23.4; WKV-O09,
// WKV-O11). Then two processes that want different parameters open it at the same moment (ReplaceRace).
//
// - Whoever has it open goes on: what fits is there, no value is wrong, no call fails.
// - A replacement happens when a process opens with other parameters, and only then. Each store has an id of its own:
//   each opening makes exactly one, the workers none, and between two openings the id on the disk stays.
// - At the end every handle has the last store, and the files are those of one store.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

struct Replace: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Replaces a store while others use it.")

  @OptionGroup var options: CrewOptions
  @Option(help: "Replacements, and races of two replacers.") var rounds = 100
  @Flag(help: "End with one JSON object.") var json = false

  private static let echo = Probe.prefix + Array("echo".utf8)

  func run() throws {
    // No run lasts that long; the children end with their parent.
    let watchdog = Watchdog("replace")
    try withTemporaryDirectory { directory in
      var crew = try Crew(options, directory)
      let keeper = try SharedStore.open(path: crew.path, Shapes.first(options.keys))
      try crew.start()
      var changes = Changes(keeper, crew, Shapes(keys: options.keys, seed: options.seed))
      var random = SeededGenerator(seed: options.seed &+ 1)
      for round in 0..<rounds where crew.sum(.failures) == 0 {
        watchdog.progress()
        System.sleep(Int64(random.below(30_000_000)))
        try changes.replace(round)
      }
      _ = crew.advance()
      let followed = crew.sum(.followed)
      let idle = crew.records.count { $0[.followed] == 0 }
      crew.stop()
      changes.end(crew)
      let settled = try crew.settle(keeper)
      let race = try ReplaceRace(rounds: rounds, seed: options.seed).run(directory, watchdog)
      var report = Report()
      report.add("command", "replace")
      report.add("rounds", rounds)
      report.add("seed", Int(truncatingIfNeeded: options.seed))
      report.add("keys", options.keys)
      report.add("zstd", Compression.isAvailable ? 1 : 0)
      report.add("replacements", changes.made)
      report.add("unasked", changes.unasked + crew.sum(.made))
      report.add("followed", followed)
      report.add("handlesBehind", changes.behind)
      report.add("echoesWrong", changes.wrong)
      report.add("echoesBusy", changes.busy)
      report.add("longestOpenMs", Double(changes.longest) / 1e6)
      settled.add(to: &report, crew)
      race.add(to: &report)
      let violations =
        settled.violations + crew.crashes + changes.violations + crew.sum(.made) + idle
        + abs(changes.made - rounds) + race.violations
      try report.finish(json: json, violations: violations)
    }
  }

  /// The replacements and what is wrong about them.
  private struct Changes {
    private let keeper: SharedStore
    private let path: String
    private var shapes: Shapes
    /// Handles of earlier rounds, which follow like any other.
    private var handles: [SharedStore] = []
    private var id: [UInt8]
    private(set) var made = 0
    /// Stores that appeared without an opening, or more than one in it.
    private(set) var unasked = 0
    private(set) var behind = 0
    private(set) var wrong = 0
    private(set) var busy = 0
    private(set) var longest: Int64 = 0
    private var echo: [UInt8]?

    var violations: Int { unasked + behind + wrong }

    init(_ keeper: SharedStore, _ crew: Crew, _ shapes: Shapes) {
      self.keeper = keeper
      self.shapes = shapes
      path = crew.path
      id = keeper.attachment.header.storeID
    }

    mutating func replace(_ round: Int) throws {
      let shape = shapes.next()
      if try storeID(path) != id {
        System.explain("round \(round): the store was replaced without being asked to\n")
        unasked += 1
      }
      let began = System.bootTime()
      let (next, count) = try Maker.open(path, shape)
      longest = max(longest, System.bootTime() - began)
      made += min(count, 1)
      unasked += max(count - 1, 0)
      id = try storeID(path)
      if next.attachment.header.storeID != id || next.capacity != shape.capacity
        || next.maxValueSize != shape.maxValueSize || next.maxKeySize != shape.maxKeySize
        || next.shards != shape.shards
      {
        System.explain("round \(round): the opening did not give what was asked for\n")
        behind += 1
      }
      // What the last handle stored, perhaps as a zstd frame, and what this one stores.
      try expectEcho(next, echo, "round \(round), new handle")
      let value = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 100 + round % 100)
      try retryingBusy { try next.set(Replace.echo, to: value) }
      try expectEcho(keeper, value, "round \(round), old handle")
      echo = value
      handles.append(next)
      if handles.count > 3 { handles.removeFirst().close() }
    }

    private mutating func expectEcho(_ store: SharedStore, _ expected: [UInt8]?, _ what: String) throws {
      var buffer = [UInt8](repeating: 0, count: 200)
      var result = try store.get(Replace.echo, into: &buffer)
      // A get may give up where it would have to wait; a busy machine must not make that a failure.
      let end = System.bootTime() + 30_000_000_000
      while result == .busy, System.bootTime() < end {
        busy += 1
        result = try store.get(Replace.echo, into: &buffer)
      }
      let value: [UInt8]? = if case .hit(let size) = result { [UInt8](buffer[..<size]) } else { nil }
      guard value != expected || result == .busy else { return }
      System.explain("\(what): \(result), \(expected?.count ?? 0) bytes were set\n")
      wrong += 1
    }

    /// When nobody replaces any more: does everyone have the last store?
    mutating func end(_ crew: Crew) {
      let last = keeper
      for store in [keeper] + handles {
        // A call makes the handle follow.
        _ = try? store.count
        if store.shape != last.shape || store.attachment.header.storeID != id { behind += 1 }
        if store !== keeper { store.close() }
      }
      for record in crew.records where record.shape != last.shape {
        System.explain("worker \(record.index) has \(record.shape), the store is \(last.shape)\n")
        behind += 1
      }
      if (try? storeID(path)) != id { unasked += 1 }
    }

    private func storeID(_ path: String) throws -> [UInt8] {
      let file = try System.open(path, .readOnly)
      defer { System.close(file) }
      let page = try System.read(file, at: 0, count: Format.pageSize, path)
      return try Header(verifying: page, fileSize: System.status(file, path).size).storeID
    }
  }
}
