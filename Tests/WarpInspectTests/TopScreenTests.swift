// SPDX-License-Identifier: Apache-2.0
// The screen of `top` as a function: drawn of samples that are made here, at every size.

import Testing
import WarpFormat

@testable import warp_inspect

@Suite struct TopScreenTests {
  private static func sample(_ second: Int, shards: Int = 16, handles: Int = 5) -> TopSample {
    var counters = CounterValues()
    let t = UInt64(second)
    counters[.hits] = 900 * t * t
    counters[.misses] = 100 * t
    counters[.insertions] = 90 * t
    counters[.updates] = 10 * t
    counters[.evictions] = 80 * t
    counters[.retries] = t / 2
    counters[.busySets] = second > 3 ? 2 : 0
    return TopSample(
      time: Int64(second) * 1_000_000_000, capacity: 1000, bytesUsed: 123_456, bytesAllocated: 4_567_890,
      counters: counters, shards: (0..<shards).map { shard($0, second) },
      handles: (0..<handles).map { handle($0, second) }, health: Health())
  }

  private static func shard(_ index: Int, _ second: Int) -> TopSample.Shard {
    let owners: [Int: HandleImage.State] = [2: .alive, 5: .dead, 6: .stopped]
    let place: Double = Double(index) / 16 + 0.1 * Double(second)
    return TopSample.Shard(
      entries: UInt64(index % 11 * 10), capacity: 100,
      hand: index % 11 == 0 ? nil : place.truncatingRemainder(dividingBy: 1), owner: owners[index])
  }

  private static func handle(_ index: Int, _ second: Int) -> TopSample.Handle {
    let states: [HandleImage.State] = [.alive, .stopped, .dead, .elsewhere, .unlocked]
    let names = ["worker", "a-very-long-name", "?"]
    let age: Int64 = Int64(second + index * 400) * 1_000_000_000
    let operations = UInt64(second * index * index * 1000)
    return TopSample.Handle(
      entry: index, generation: 1, pid: UInt32(4000 - index), name: names[index % 3], state: states[index % 5],
      age: index == 4 ? nil : age, shards: index == 1 ? 2 : 0, leases: index == 3 ? 7 : 0, operations: operations)
  }

  private static func screen(
    _ columns: Int, _ rows: Int, view: TopView = TopView(), shards: Int = 16, handles: Int = 5
  ) -> TopScreen {
    let samples = (0...6).map { sample($0, shards: shards, handles: handles) }
    return TopScreen(
      title: "/dev/shm/warpkv-1000/v1/sessions.warp", before: samples[5], now: samples[6],
      history: zip(samples, samples.dropFirst()).map { TopRates($0, $1) }, view: view, columns: columns, rows: rows)
  }

  private static let plain = Palette(isColored: false)

  @Test(arguments: [(80, 24), (20, 10), (120, 40), (40, 12)]) func looks(_ columns: Int, _ rows: Int) {
    let lines = TopScreenTests.screen(columns, rows).lines(TopScreenTests.plain)
    expectSnapshot(lines.joined(separator: "\n") + "\n", "top-\(columns)x\(rows)")
  }

  @Test func fitsEverySize() {
    var views = [TopView(), TopView(), TopView()]
    views[1].showsHelp = true
    views[2].isPaused = true
    views[2].note = "the store was replaced: this is the new one"
    for view in views {
      for columns in [20, 21, 29, 39, 40, 59, 60, 71, 72, 80, 119, 500] {
        for rows in [1, 2, 3, 5, 10, 24, 60] {
          for (shards, handles) in [(16, 5), (1, 0), (64, 40)] {
            let screen = TopScreenTests.screen(columns, rows, view: view, shards: shards, handles: handles)
            let lines = screen.lines(TopScreenTests.plain)
            #expect(
              lines.count <= rows && lines.allSatisfy { $0.unicodeScalars.count <= columns }, "\(columns)x\(rows)")
            // Colours change no width.
            let colored = screen.lines(Palette(isColored: true)).map { $0.replacing(/\u{1B}\[[\d;]*m/, with: "") }
            #expect(colored == lines)
          }
        }
      }
    }
  }

  @Test func theFirstLookHasNoRates() {
    let sample = TopScreenTests.sample(3)
    let screen = TopScreen(
      title: "a", before: nil, now: sample, history: [], view: TopView(), columns: 80, rows: 24)
    let lines = screen.lines(TopScreenTests.plain)
    #expect(lines[3].hasPrefix("gets/s           0"))
    #expect(lines.contains { $0.hasPrefix("worker") && $0.contains(" - ") })
    var bare = sample
    bare.counters = nil
    bare.handles = []
    let poor = TopScreen(title: "a", before: bare, now: bare, history: [], view: TopView(), columns: 80, rows: 24)
    #expect(poor.lines(TopScreenTests.plain).contains("hit ratio   no lock file"))
    #expect(poor.lines(TopScreenTests.plain).contains("nobody is attached"))
  }

  @Test func processesAreSorted() throws {
    func pids(_ order: TopView.Order) -> [String] {
      var view = TopView()
      view.order = order
      let lines = TopScreenTests.screen(80, 40, view: view).lines(TopScreenTests.plain)
      return lines.compactMap { $0.firstMatch(of: #/ (39\d\d|4000) /#).map { String($0.1) } }
    }
    #expect(pids(.operations) == ["3996", "3997", "3998", "3999", "4000"])
    #expect(pids(.pid) == ["3996", "3997", "3998", "3999", "4000"])
    #expect(pids(.name) == ["3998", "3996", "3999", "3997", "4000"])
    #expect(pids(.age) == ["3997", "3998", "3999", "4000", "3996"])
  }

  @Test func theHandMoves() throws {
    func place(_ hand: Double) throws -> Int {
      var sample = TopScreenTests.sample(1, shards: 1)
      sample.shards = [.init(entries: 80, capacity: 100, hand: hand, owner: nil)]
      let screen = TopScreen(
        title: "a", before: nil, now: sample, history: [], view: TopView(), columns: 80, rows: 24)
      let line = try #require(screen.lines(TopScreenTests.plain).first { $0.contains("┃") })
      return try #require(Array(line).firstIndex(of: "┃"))
    }
    let places = try [0, 0.25, 0.5, 0.75, 1].map(place)
    #expect(places == places.sorted() && Set(places).count == 5)
    // It stays in what is filled: 24 cells, of which 80 % are.
    #expect(places[4] - places[0] == 19)
  }

  @Test func ratesOfAMoment() {
    let (a, b) = (TopScreenTests.sample(2), TopScreenTests.sample(4))
    let rates = TopRates(a, b)
    #expect(rates.seconds == 2 && rates[.misses] == 100)
    #expect(rates[.hits] == 5400 && rates.sets == 100)
    #expect(rates.hitRatio == 54.0 / 55)
    // Backwards, as after a reset: nothing, rather than nonsense.
    #expect(TopRates(b, a)[.misses] == 0 && TopRates(a, a).hitRatio == nil)
    #expect(b.rate(of: b.handles[3], since: a) == 9000)
    // Somebody else who counts in the same place, and another handle in the same entry.
    var shared = b
    shared.handles[0].entry = 3 + 255
    #expect(shared.rate(of: shared.handles[3], since: a) == nil)
    var other = b
    other.handles[3].generation = 2
    #expect(other.rate(of: other.handles[3], since: a) == nil)
  }

  @Test func linesForAPipe() {
    let (a, b) = (TopScreenTests.sample(2), TopScreenTests.sample(4))
    for width in [20, 21, 40, 79, 80, 200] {
      let title = TopLines.title(width: width)
      let line = TopLines.line(b, TopRates(a, b), clock: "12:34:56", width: width)
      #expect(title.count == line.count && line.count <= width)
    }
    #expect(TopLines.line(b, TopRates(a, b), clock: "12:34:56", width: 29) == "12:34:56   5500   98.2    100")
  }

  @Test func shortNumbers() {
    let numbers: [(Double, String)] = [
      (0, "0"), (-1, "0"), (.nan, "0"), (.infinity, "0"), (0.04, "0.0"), (3, "3"), (3.25, "3.3"), (9.96, "10"),
      (9999, "9999"), (9999.6, "10.0k"), (123_456, "123.5k"), (999_960, "1.0M"), (4.2e9, "4.2G"),
      (1e300, "9999.0T"),
    ]
    for (number, text) in numbers {
      #expect(Numbers.short(number) == text)
      #expect(Numbers.short(number).count <= 7)
    }
    #expect(Numbers.bytes(4096) == "4096 B" && Numbers.bytes(10 << 30) == "10.0 GiB")
  }
}
