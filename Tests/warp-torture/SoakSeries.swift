// SPDX-License-Identifier: Apache-2.0
// What the processes and the files of `warp-torture soak` take, over its length.
//
// - After a warm-up (a sixth of the run) the samples are cut in three. Of each figure the upper quartile of the last
//   third may exceed that of the first third by the allowance that is reported with it: what one sample met is chance.
// - Looked at: the parent, the busy worker that is never killed, the idle worker, the workers that have just begun (the same
//   number of operations each), the files.
// - In a process with several threads, as the parent, a handle keeps the addresses of the files it had, and what it knew of
//   them, until it goes away: 2 mappings and 2 KiB for each replacement are allowed.
// - Of the files it is the largest shape's, each shape with the least that was seen of it. How many slots were ever taken
//   at once is chance, and so are the blocks under them: a rare moment has a tenth more. A name too many is counted where
//   the crew settles.

import WarpFormat

struct SoakSeries {
  private struct Sample {
    let time: Int64
    let replacements: Int
    let numbers: [Int]
    let files: [Int: [Int]]
  }

  private enum Who: String, CaseIterable {
    case parent, worker, idle, young

    func allowance(_ name: String, _ replacements: Int) -> Int {
      let isThreaded = self == .parent
      switch name {
      case "mappings": return isThreaded ? 2 * replacements : 16
      // Who has just begun may be in the middle of following.
      case "descriptors": return self == .young ? 4 : 2
      case "resident": return (1 << 20) + (isThreaded ? SoakSeries.kept * replacements : 0)
      default: return 1 << 19
      }
    }
  }

  /// Bytes that a handle of a process with several threads keeps of each pair of files that it had.
  private static let kept = 2048
  private static let fileNames = ["dataBytes", "lockBytes", "directoryBytes"]

  private let began = System.bootTime()
  private let interval: Int64
  private var nextSample: Int64
  private var samples: [Sample] = []
  /// The least since the last sample, for each size of the data file: each shape has its own.
  private var files: [Int: [Int]] = [:]

  /// - Parameter interval: a sixtieth of the time that was asked for, in nanoseconds.
  init(interval: Int64) {
    self.interval = interval
    nextSample = began + interval
  }

  private static let length = 60

  /// How much of the time that was asked for is over.
  var share: Double { Double(System.bootTime() - began) / Double(interval) / Double(SoakSeries.length) }
  var seconds: Double { Double(System.bootTime() - began) / 1e9 }

  /// After each event, because samples would meet some of the shapes only.
  mutating func look(_ crew: Crew, _ replacements: Int) throws {
    var allocated = 0
    for name in try System.list(crew.place) {
      allocated += try System.status(path: crew.place + "/" + name)?.allocated ?? 0
    }
    let now = [
      try System.status(path: crew.path)?.size ?? 0, try System.status(path: crew.path + "-lock")?.size ?? 0,
      allocated,
    ]
    files[now[0]] = zip(files[now[0]] ?? now, now).map { min($0, $1) }
    guard System.bootTime() >= nextSample else { return }
    nextSample += interval
    var numbers = try Figures.now().numbers
    let places = 0..<Figures.names.count
    numbers += places.map { crew.records[0][.figures, $0] }
    numbers += places.map { crew.records[CrewWorker.idle][.figures, $0] }
    numbers += places.map { place in crew.records.map { $0[.young, place] }.max() ?? 0 }
    samples.append(Sample(time: System.bootTime(), replacements: replacements, numbers: numbers, files: files))
    files = [:]
  }

  /// Of what ran so far.
  private func third(_ number: Int) -> [Sample] {
    let length = (samples.last?.time ?? began) - began
    let warm = length / 6
    let width = (length - warm) / 3
    let start = began + warm + Int64(number) * width
    return samples.filter { $0.time >= start && ($0.time < start + width || number == 2) }
  }

  /// Whether both thirds that are compared have samples enough, and all shapes.
  func isLong(shapes: Int) -> Bool {
    [third(0), third(2)].allSatisfy { samples in
      samples.count >= 5 && samples.last!.replacements - samples.first!.replacements >= shapes
    }
  }

  /// Reports the figures of the first and the last third, and what they may grow by; returns how many grew too much.
  func add(to report: inout Report) -> Int {
    let (first, last) = (third(0), third(2))
    let replacements = (last.last?.replacements ?? 0) - (first.first?.replacements ?? 0)
    var grown = 0
    func compare(_ name: String, _ start: Int, _ end: Int, allowance: Int) {
      let limit = start + allowance
      report.add(name, [("start", start), ("end", end), ("limit", limit)])
      guard end > limit else { return }
      System.explain("\(name) grew from \(start) to \(end), over \(limit)\n")
      grown += 1
    }
    func quartile(_ samples: [Sample], _ index: Int) -> Int {
      samples.isEmpty ? 0 : samples.map { $0.numbers[index] }.sorted()[samples.count * 3 / 4]
    }
    func largest(_ samples: [Sample], _ place: Int) -> Int {
      let all = samples.reduce(into: [Int: Int]()) { least, sample in
        for (size, numbers) in sample.files { least[size] = min(least[size] ?? .max, numbers[place]) }
      }
      return all.values.max() ?? 0
    }
    let names = Figures.names
    for (group, who) in Who.allCases.enumerated() {
      for (place, name) in names.enumerated() {
        let index = group * names.count + place
        compare(
          who.rawValue + name.prefix(1).uppercased() + name.dropFirst(), quartile(first, index),
          quartile(last, index),
          allowance: who.allowance(name, replacements))
      }
    }
    for (place, name) in SoakSeries.fileNames.enumerated() {
      let start = largest(first, place)
      compare(name, start, largest(last, place), allowance: start / 5)
    }
    report.add("samples", samples.count)
    report.add("replacementsBetween", replacements)
    report.add("grown", grown)
    return grown
  }
}
