// SPDX-License-Identifier: Apache-2.0
// `warp-inspect top`: a store at work. What is seen is in Facts/TopSample.swift, how it looks in Pictures/TopScreen.swift.
//
// Each look costs a few reads of each shard and of the lock file, and takes no lock: the store is not disturbed.

import ArgumentParser
import WarpFormat

struct Top: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a store at work: rates, hit ratio, processes, shards and the hand.",
    discussion: """
      On a terminal a live screen; into a pipe, or on a terminal without a cursor, a
      line for each look. Rates are each second, since the look before.

      Keys: q quit, p or space pause, s sort the processes by operations, pid, name
      or age, + and - look less or more often, ? help.

      A store that is replaced while it is watched is followed; when it is deleted,
      top says so and ends with status 1.

      The curves are scaled to their highest point. What a process does is known
      while nobody else counts in its place (1 of 255). The hand is shown between
      the oldest entry of a shard and its newest, by the order of insertion.

      Examples:
        warp-inspect top sessions
        warp-inspect top sessions --interval 0.2
        warp-inspect top sessions | tee top.log
        warp-inspect top sessions --json --count 60 | jq '.perSecond.hits'
        warp-inspect top sessions --once
      """)

  @OptionGroup var options: StoreOptions

  @Option(name: [.short, .long], help: "Seconds from one look to the next, from 0.05 to 3600.")
  var interval = 1.0

  @Option(name: [.customShort("n"), .long], help: "End after this many looks.")
  var count: Int?

  @Flag(help: "Print one screen about one interval, and end.")
  var once = false

  func validate() throws {
    if !(0.05...3600).contains(interval) { throw ValidationError("--interval must be from 0.05 to 3600.") }
    if let count, count < 1 { throw ValidationError("--count must be at least 1.") }
  }

  func run() throws {
    try reporting(options.names.sentence) { output in
      var watch = try Watch(options.names)
      if once && !options.json { return try printOnce(&watch, &output) }
      if !options.json, let screen = LiveScreen() {
        let isThere = try live(&watch, screen, output.palette)
        // The sentence is for the page that the user sees afterwards.
        screen.end()
        return isThere || deleted(watch)
      }
      return try stream(&watch, &output)
    }
  }

  // MARK: Lines

  private var nanoseconds: Int64 { Int64(interval * 1e9) }

  private func printOnce(_ watch: inout Watch, _ output: inout Output) throws -> Bool {
    guard var series = try Series(&watch) else { return deleted(watch) }
    System.sleep(nanoseconds)
    guard try series.look(&watch) else { return deleted(watch) }
    let rows = max(Terminal.usualSize.rows, Terminal.size().rows)
    var view = TopView()
    view.interval = interval
    let screen = series.screen(watch.path, view, columns: output.width, rows: rows)
    // The last line is that of the keys.
    for line in screen.lines(output.palette).dropLast() { try output.line(line) }
    return true
  }

  private func stream(_ watch: inout Watch, _ output: inout Output) throws -> Bool {
    guard var series = try Series(&watch) else { return deleted(watch) }
    let limit = once ? 1 : count ?? Int.max
    var next = System.bootTime()
    // Bound: the looks that the user asked for, or until the user ends it.
    for index in 0..<limit {
      next = max(next + nanoseconds, System.bootTime())
      System.sleep(max(0, next - System.bootTime()))
      guard try series.look(&watch) else { return deleted(watch) }
      if series.wasReplaced { complain("\(watch.path.shown) was replaced by another store: this is that one") }
      let now = series.now
      if options.json {
        let json = TopLines.json(watch.path, series.before, now, series.rates, time: System.realTime())
        try output.line(json.line)
      } else {
        let clock = Numbers.date(System.realTime()).dropFirst(11).prefix(8)
        if index % TopLines.linesPerTitle == 0 { try output.line(TopLines.title(width: output.width)) }
        try output.line(TopLines.line(now, series.rates, clock: String(clock), width: output.width))
      }
      try output.flush()
    }
    return true
  }

  private func deleted(_ watch: Watch) -> Bool {
    complain("\(watch.path.shown) was deleted")
    return false
  }

  // MARK: Live

  /// False: the store was deleted.
  private func live(_ watch: inout Watch, _ screen: borrowing LiveScreen, _ palette: Palette) throws -> Bool {
    guard var series = try Series(&watch) else { return false }
    var view = TopView()
    view.interval = interval
    var looks = 0
    // The first rates come soon, however long the interval.
    var next = System.bootTime() + min(nanoseconds, 300_000_000)
    // Bound: until the user, or the store, ends it.
    while true {
      let size = screen.size
      try screen.draw(series.screen(watch.path, view, columns: size.columns, rows: size.rows).lines(palette))
      let isIdle = view.isPaused || !screen.isVisible
      switch screen.wait(isIdle ? 1_000_000_000 : max(0, next - System.bootTime())) {
      case .closed: return true
      case .keys(let keys):
        guard press(keys, &view, &next) else { return true }
        continue
      case .resized: continue
      case .nothing: break
      }
      guard !isIdle, System.bootTime() >= next else { continue }
      guard try series.look(&watch) else { return false }
      if series.wasReplaced { view.note = "the store was replaced: this is the new one" }
      looks += 1
      if let count, looks >= count { return true }
      next = System.bootTime() + Int64(view.interval * 1e9)
    }
  }

  private static let intervals = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60]

  /// False: quit. Keys that come as sequences (arrows) mean nothing here.
  private func press(_ keys: String, _ view: inout TopView, _ next: inout Int64) -> Bool {
    if keys.hasPrefix("\u{1B}") { return true }
    for key in keys {
      switch key {
      case "q", "Q", "\u{04}": return false
      case "p", "P", " ": view.isPaused.toggle()
      case "?", "h", "H": view.showsHelp.toggle()
      case "s", "S":
        let orders = TopView.Order.allCases
        let index = orders.firstIndex(of: view.order) ?? 0
        view.order = orders[(index + 1) % orders.count]
      case "+", "=": view.interval = Top.intervals.first { $0 > view.interval } ?? view.interval
      case "-", "_": view.interval = Top.intervals.last { $0 < view.interval } ?? view.interval
      default: break
      }
    }
    next = min(next, System.bootTime() + Int64(view.interval * 1e9))
    view.note = nil
    return true
  }
}

/// Looks at one store, one after the other.
private struct Series {
  /// A curve is never longer than the widest screen.
  private static let longest = 500

  private(set) var before: TopSample?
  private(set) var now: TopSample
  private(set) var history: [TopRates] = []
  private(set) var wasReplaced = false

  /// nil if there is nothing to look at.
  init?(_ watch: inout Watch) throws(FormatError) {
    switch try watch.look() {
    case .same(let sample), .other(let sample): now = sample
    case .gone: return nil
    }
  }

  var rates: TopRates { history.last ?? TopRates(now, now) }

  /// False: the store is gone.
  mutating func look(_ watch: inout Watch) throws(FormatError) -> Bool {
    switch try watch.look() {
    case .gone: return false
    case .same(let sample):
      (before, now, wasReplaced) = (now, sample, false)
    case .other(let sample):
      // A replacement takes the counters over, so the rates go on; after a deletion they are lower, and 0 here.
      (before, now, wasReplaced) = (now, sample, true)
    }
    if let before { history.append(TopRates(before, now)) }
    if history.count > Series.longest { history.removeFirst() }
    return true
  }

  func screen(_ path: String, _ view: TopView, columns: Int, rows: Int) -> TopScreen {
    TopScreen(
      title: path.shown, before: before, now: now, history: history, view: view, columns: columns, rows: rows)
  }
}
