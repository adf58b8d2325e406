// SPDX-License-Identifier: Apache-2.0
// `warp-inspect map`: what every slot holds, as a picture on the terminal or in a file.

import ArgumentParser
import WarpFormat

struct Map: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draws which slots hold what, and how far entries sit from home.",
    discussion: """
      Each cell stands for one slot or for several neighbours; the first line says
      for how many. Slots are in the order of the file, so a store that fills up
      grows from the left, and the hand walks by age and not from left to right.

      A probe length is the number of buckets between an entry and the bucket at
      which looking for it begins. Long ones make lookups slow; with random hashes
      they follow from the load.

      A store that is in use is seen at no single moment. Without a lock file
      nothing is visited; in another boot nothing can be called expired.

      With --svg the same is written as a drawing, for light and dark screens; the
      drawing of the probe lengths is beside it, in FILE-probes.svg for FILE.svg.

      Examples:
        warp-inspect map sessions
        warp-inspect map --shard 3 ./cache.warp
        warp-inspect map --svg map.svg sessions
        warp-inspect map --json sessions | jq .slots.expired
      """)

  @OptionGroup var options: StoreOptions

  @Option(help: "Only this shard, from 0.")
  var shard: Int?

  @Option(help: "Write the picture to this file, as SVG.", completion: .file(extensions: ["svg"]))
  var svg: String?

  func run() throws {
    try options.inspect { image, output in
      let count = image.geometry.shardCount
      if let shard, !(0..<count).contains(shard) {
        throw Misuse("there is no shard \(shard): say 0\(count > 1 ? " to \(count - 1)" : "")")
      }
      let occupancy = try Occupancy(image, shards: shard.map { $0..<($0 + 1) })
      if let svg { try write(occupancy, to: svg) }
      if options.json {
        try output.line(Map.json(occupancy).text())
      } else {
        for line in Map.lines(occupancy, output.palette, width: output.width) { try output.line(line) }
      }
      return true
    }
  }

  private func write(_ occupancy: Occupancy, to path: String) throws(FormatError) {
    let stem = path.hasSuffix(".svg") ? String(path.dropLast(4)) : path
    try OutputFile.write(Array(occupancyPicture(occupancy).document().utf8), to: path)
    try OutputFile.write(Array(probePicture(occupancy).document().utf8), to: stem + "-probes.svg")
  }

  // MARK: Text

  static func lines(_ occupancy: Occupancy, _ palette: Palette, width: Int) -> [String] {
    let text = OccupancyText(occupancy, palette: palette, width: width)
    var lines = [palette.paint(occupancy.path, .strong)] + text.lines + [""] + text.legend
    var notes: [String] = []
    if !occupancy.knowsVisits { notes.append("no lock file: what was visited is not known") }
    if !occupancy.knowsTime { notes.append("the clock is of another boot: what is expired is not known") }
    lines += notes.flatMap { wrapped($0, width: width, indent: 2) }.map { palette.paint($0, .warning) }
    lines += [""] + text.probes
    let table = text.table
    if !table.isEmpty { lines += [""] + table }
    return lines
  }

  // MARK: JSON

  static func json(_ occupancy: Occupancy) -> JSON {
    .object([
      ("path", .string(occupancy.path)), ("slots", json(occupancy.total)), ("probes", json(occupancy.probes)),
      ("knowsVisited", .bool(occupancy.knowsVisits)), ("knowsExpired", .bool(occupancy.knowsTime)),
      ("shards", .array(occupancy.shards.map(json))), ("cells", cells(occupancy)),
    ])
  }

  private static func json(_ tally: SlotTally) -> JSON {
    .object([("total", .number(tally.total))] + SlotUse.allCases.map { ("\($0)", .number(tally[$0])) })
  }

  private static func json(_ probes: Probes) -> JSON {
    .object([
      ("buckets", .number(probes.buckets)), ("entries", .number(probes.entries)),
      ("mean", .number(Numbers.hundredths(probes.mean))),
      ("expectedMean", .number(Numbers.hundredths(probes.expectedMean))), ("longest", .number(probes.longest)),
      ("lengths", .array(probes.lengths.prefix(probes.longest + 1).map { .number($0) })),
      ("beyondLimit", .number(probes.beyond)),
    ])
  }

  private static func json(_ shard: ShardOccupancy) -> JSON {
    .object([
      ("index", .number(shard.index)), ("slots", json(shard.tally)), ("hand", .number(shard.hand)),
      ("oldest", .number(shard.oldest)), ("newest", .number(shard.newest)), ("probes", json(shard.probes)),
    ])
  }

  /// The picture itself: a letter for each cell, as without colours.
  private static func cells(_ occupancy: Occupancy) -> JSON {
    let text = OccupancyText(occupancy, palette: Palette(isColored: false), width: 128)
    return .object([
      ("slotsPerCell", .number(text.slotsPerCell)),
      (
        "lanes",
        .array(
          occupancy.lanes.map { lane in
            .object([
              ("firstShard", .number(lane.shards.lowerBound)), ("shards", .number(lane.shards.count)),
              ("letters", .string(text.letters(of: lane))),
            ])
          })
      ),
    ])
  }
}
