// SPDX-License-Identifier: Apache-2.0
// `warp-inspect import`: entries of an export into a store (SPEC.md, chapter 24). This command writes.
//
// - Into a store that is there, each entry is set as any other writer would do it; others may use the store meanwhile. What was
//   taken before something went wrong stays, and is told.
// - A store that is made here gets its name when all is in it: if anything goes wrong, there is none.
// - Nothing is lost in silence: every entry that was read is in one of the counts.

import ArgumentParser
import WarpFormat
import WarpTrace

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Takes the entries of an export into a store. Writes.",
    discussion: """
      FILE is what export wrote, of either form; - is standard input. Entries that
      would be expired by now are left out: time goes on while they are in a file.
      By default a key that the store has already keeps its value there.

      Without --evict nothing is given up for an entry: those for which there is no
      place are counted as refused. With it the store's SIEVE makes room.

      --create makes a new store with the parameters of the exported one, and with
      those that are given otherwise. It is there when all of the file is in it.

      Exit status: 0 all taken, 1 some refused or too large, 2 something is wrong
      with the file or the store; what was taken before is told.

      Examples:
        warp-inspect import sessions.jsonl sessions --replace
        warp-inspect import sessions.jsonl ./new.warp --create --capacity 100000
        warp-inspect export a --format binary | warp-inspect import - b --dry-run
      """)

  @Argument(help: "An export, or - for standard input.", completion: .file())
  var file: String

  @Argument(help: "A path or the name of a store.", completion: .file(extensions: ["warp"]))
  var store: String

  @Flag(help: "Make the store.")
  var create = false

  @Flag(help: "Read and check all, and change nothing.")
  var dryRun = false

  @Flag(help: "A key that the store has keeps its value (the default).")
  var ifAbsent = false

  @Flag(help: "A key that the store has gets the value of the file.")
  var replace = false

  @Flag(help: "Let entries go to make room.")
  var evict = false

  @OptionGroup(title: "Parameters of the new store, with --create") var shape: StoreShape

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if ifAbsent, replace { throw ValidationError("--if-absent and --replace exclude each other.") }
    if !create, shape.isGiven { throw ValidationError("Parameters are for a new store: say --create.") }
  }

  func run() throws {
    try reporting { _ in
      var reader = try ExportReader(file)
      var counts = ImportCounts()
      var problem: (any Error)?
      do {
        if create {
          try makeStore(&reader, &counts)
        } else {
          try fillStore(&reader, &counts)
        }
      } catch {
        problem = error
      }
      var output = Output()
      let isStored = problem == nil || !create
      if json {
        try output.line(counts.json(problem, isStored: isStored, dryRun: dryRun).text())
      } else if problem == nil || counts.read > 0 {
        for line in counts.lines(isStored: isStored, dryRun: dryRun, width: output.width) { try output.line(line) }
      }
      try output.flush()
      if let problem { throw problem }
      if let end = reader.end, end.damaged > 0 {
        complain("the export itself left out \(end.damaged) damaged entries")
      }
      if counts.refused > 0 { complain(refusal(counts)) }
      return counts.refused == 0 && counts.tooLarge == 0
    }
  }

  private func refusal(_ counts: ImportCounts) -> String {
    "\(counts.refused) entries were refused: the store is full, and \(counts.imported) were taken. "
      + "Say --evict, or import into a larger store"
  }

  // MARK: Into a store that is there

  private func fillStore(_ reader: inout ExportReader, _ counts: inout ImportCounts) throws {
    let path = try StoreNames.path(store)
    if dryRun {
      let image = try FileImage(path: path)
      try each(&reader, &counts, now: try image.moment().now) { entry, counts in
        if image.header.takes(entry) { counts.imported += 1 } else { counts.tooLarge += 1 }
      }
      return
    }
    let receiver = try Receiver(path, policy: evict ? sievePolicy : nil)
    try each(&reader, &counts, now: receiver.now) { entry, counts in
      switch try receiver.receive(entry, replaces: replace) {
      case .added(let evicted):
        counts.imported += 1
        counts.evicted += evicted
      case .kept: counts.kept += 1
      case .tooLarge: counts.tooLarge += 1
      case .full: counts.refused += 1
      }
    }
  }

  /// Reads to the end, and hands out what is not expired by `now`, or by the clock of the store.
  private func each(
    _ reader: inout ExportReader, _ counts: inout ImportCounts, now: UInt64,
    _ take: (CarriedEntry, inout ImportCounts) throws -> Void
  ) throws {
    // Both clocks at one moment: the difference between them is what counts.
    let elapsed = reader.header.elapsed(System.realTime())
    var progress = Progress()
    defer { progress.clear() }
    while let exported = try reader.next() {
      counts.read += 1
      progress.show("\(Numbers.grouped(counts.read)) entries read, \(Numbers.grouped(counts.imported)) taken")
      guard let entry = exported.carried(now: now, elapsed: elapsed) else {
        counts.expired += 1
        continue
      }
      try take(entry, &counts)
    }
  }

  // MARK: Into a new store

  private func makeStore(_ reader: inout ExportReader, _ counts: inout ImportCounts) throws {
    let header = try Header(shape.applied(to: reader.header.parameters), hashSeed: reader.header.hashSeed)
    let clock = try ClockRecord.now()
    let now = UInt64(bitPattern: System.bootTime() &+ clock.base)
    if dryRun {
      if try System.status(path: try StoreNames.path(store)) != nil {
        throw FormatError(.invalidArgument, "there is a file of this name", path: try StoreNames.path(store))
      }
      try each(&reader, &counts, now: now) { entry, counts in
        if header.takes(entry) { counts.imported += 1 } else { counts.tooLarge += 1 }
      }
      return
    }
    let maker = try StoreMaker(
      try StoreNames.newPath(store), header, clock, replaces: false, policy: evict ? sievePolicy : nil)
    try each(&reader, &counts, now: now) { entry, counts in
      switch try maker.add(entry) {
      case .added(let evicted):
        counts.imported += 1
        counts.evicted += evicted
      case .tooLarge: counts.tooLarge += 1
      case .full: counts.refused += 1
      }
    }
    try maker.publish()
  }
}

/// What became of the entries of a file.
struct ImportCounts {
  var read = 0
  var imported = 0
  /// Keys that had a value already.
  var kept = 0
  var expired = 0
  var tooLarge = 0
  var refused = 0
  /// Entries of the store that made room.
  var evicted = 0

  private var rows: [(String, Int)] {
    [
      ("read", read), ("imported", imported), ("kept", kept), ("expired", expired), ("tooLarge", tooLarge),
      ("refused", refused), ("evicted", evicted),
    ]
  }

  /// - Parameter isStored: false if the store was not made.
  func lines(isStored: Bool, dryRun: Bool, width: Int) -> [String] {
    if !isStored { return wrapped("\(read) entries were read, and no store was made", width: width, indent: 2) }
    let verb = dryRun ? "could be imported" : "imported"
    var parts = ["\(imported) of \(read) entries \(verb)"]
    let others = [
      ("kept as the store has them", kept), ("expired", expired), ("too large", tooLarge), ("refused", refused),
      ("others evicted", evicted),
    ]
    parts += others.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
    return wrapped(parts.joined(separator: ", "), width: width, indent: 2)
  }

  func json(_ problem: (any Error)?, isStored: Bool, dryRun: Bool) -> JSON {
    .object(
      rows.map { ($0.0, .number($0.1)) } + [
        ("stored", .bool(isStored && !dryRun)), ("problem", problem.map { .string("\($0)") } ?? .null),
      ])
  }
}
