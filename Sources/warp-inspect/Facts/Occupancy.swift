// SPDX-License-Identifier: Apache-2.0
// What every slot holds, counted into cells: the matter of `map` and of the pictures in a report.
//
// - A lane is one shard, or several in a row where there are more shards than fit a picture. The slots of a lane lie one
//   after another; a cell stands for so many neighbours that all cells together take a few megabytes.
// - Never-used slots are not read, so the time follows what was used. A store in use is seen at no single moment.

import WarpFormat

/// What a slot is to somebody who looks for room.
enum SlotUse: Int, CaseIterable {
  case visited, live, expired, writing, free, unused

  var name: String {
    switch self {
    case .visited: "visited"
    case .live: "live"
    case .expired: "expired"
    case .writing: "being written"
    case .free: "given back"
    case .unused: "never used"
    }
  }

  var meaning: String {
    switch self {
    case .visited: "an entry read since the hand passed it"
    case .live: "an entry that was not"
    case .expired: "an entry whose deadline has passed"
    case .writing: "in a writer's hand, or left by a dead one"
    case .free: "on the free list"
    case .unused: "has never held anything"
    }
  }
}

/// How many slots there are of each use.
struct SlotTally: Equatable {
  private(set) var counts = SIMD8<UInt32>()

  subscript(_ use: SlotUse) -> Int { Int(counts[use.rawValue]) }
  var total: Int { SlotUse.allCases.reduce(0) { $0 + self[$1] } }
  /// Entries that a get may find.
  var entries: Int { self[.visited] + self[.live] }

  mutating func add(_ use: SlotUse, _ count: Int = 1) {
    counts[use.rawValue] &+= UInt32(truncatingIfNeeded: count)
  }

  mutating func add(_ other: SlotTally) { counts &+= other.counts }

  /// The use of most slots; the first of equals.
  var dominant: SlotUse { SlotUse.allCases.max { self[$0] < self[$1] } ?? .unused }
}

/// How far entries sit from their home buckets.
struct Probes {
  /// Entries by distance, 0 to the probe limit less one.
  var lengths = [Int](repeating: 0, count: Format.probeLimit)
  /// Entries that are further away than any may be: damage, or a shift that was going on.
  var beyond = 0
  var buckets = 0

  var entries: Int { lengths.reduce(beyond, +) }
  var longest: Int { beyond > 0 ? Format.probeLimit : lengths.lastIndex { $0 > 0 } ?? 0 }
  var load: Double { buckets == 0 ? 0 : Double(entries) / Double(buckets) }

  var mean: Double {
    let sum = lengths.enumerated().reduce(Double(beyond * Format.probeLimit)) {
      $0 + Double($1.offset * $1.element)
    }
    return entries == 0 ? 0 : sum / Double(entries)
  }

  /// Of a linear-probing table that is as full and whose hashes are random (Knuth): (1 + 1 / (1 - load)) / 2 buckets
  /// are looked at, the first one included.
  var expectedMean: Double { load < 1 ? (1 / (1 - load) - 1) / 2 : Double(Format.probeLimit) }

  mutating func add(_ distance: Int) {
    if distance < lengths.count { lengths[distance] += 1 } else { beyond += 1 }
  }

  mutating func add(_ other: Probes) {
    for (distance, count) in other.lengths.enumerated() { lengths[distance] += count }
    beyond += other.beyond
    buckets += other.buckets
  }
}

/// One shard in numbers.
struct ShardOccupancy {
  let index: Int
  var tally = SlotTally()
  var probes = Probes()
  /// Slot numbers as they are in the file; 0 is none.
  var hand = 0
  var oldest = 0
  var newest = 0
}

struct Occupancy {
  /// So many cells are counted at most, whatever the store's size.
  static let mostCells = 1 << 16
  /// More shards than this share lanes.
  static let mostLanes = 64

  /// Neighbours in the order of shards and slots.
  struct Lane {
    let shards: Range<Int>
    var cells: [SlotTally]
  }

  let path: String
  let slotsPerShard: Int
  let slotsPerCell: Int
  private(set) var lanes: [Lane]
  private(set) var shards: [ShardOccupancy] = []
  private(set) var total = SlotTally()
  private(set) var probes = Probes()
  /// Whether it can be told which entries have expired, and which were visited.
  let knowsTime: Bool
  let knowsVisits: Bool

  /// - Parameters:
  ///   - shards: all, if not given.
  ///   - time: to judge deadlines by.
  init(_ image: FileImage, shards wanted: Range<Int>? = nil, time: StoreTime? = nil) throws(FormatError) {
    let geometry = image.geometry
    let range = wanted ?? 0..<geometry.shardCount
    let perLane = (range.count + Occupancy.mostLanes - 1) / Occupancy.mostLanes
    let slots = geometry.slotsPerShard * range.count
    path = image.path
    slotsPerShard = geometry.slotsPerShard
    slotsPerCell = Occupancy.powerOfTwo(atLeast: (slots + Occupancy.mostCells - 1) / Occupancy.mostCells)
    lanes = []
    for first in stride(from: range.lowerBound, to: range.upperBound, by: perLane) {
      let shards = first..<min(first + perLane, range.upperBound)
      let cells = (shards.count * slotsPerShard + slotsPerCell - 1) / slotsPerCell
      lanes.append(Lane(shards: shards, cells: Array(repeating: SlotTally(), count: cells)))
    }
    let time = if let time { time } else { try StoreTime(image) }
    knowsTime = time.now != nil
    knowsVisits = image.lock != nil
    for lane in lanes.indices {
      for shard in lanes[lane].shards { try gather(shard, into: lane, image, time) }
    }
  }

  static func powerOfTwo(atLeast count: Int) -> Int {
    var power = 1
    while power < count { power *= 2 }
    return power
  }

  private mutating func gather(
    _ index: Int, into lane: Int, _ image: FileImage, _ time: StoreTime
  ) throws(FormatError) {
    typealias C = ControlFields
    let control = try image.control(ofShard: index)
    var shard = ShardOccupancy(index: index)
    shard.hand = control.count(C.hand)
    shard.oldest = control.count(C.oldest)
    shard.newest = control.count(C.newest)
    let used = min(control.count(C.usedSlots), slotsPerShard)
    let start = (index - lanes[lane].shards.lowerBound) * slotsPerShard
    var cells = lanes[lane].cells
    var next = 1
    let (deadlineField, controlField, size) = (SlotFields.deadline, SlotFields.control, SlotFields.structure.size)
    try image.scanHeaders(shard: index, used: used) { (first, headers) throws(FormatError) in
      fill(.free, start + next - 1..<start + first - 1, &cells)
      let visited = try image.lock?.visited(shard: index, first: first, count: headers.count / size)
      for at in 0..<headers.count / size {
        let use: SlotUse
        switch headers.integer(controlField, at: at * size) & 7 {
        case 0: use = .free
        case 3:
          use =
            time.isExpired(headers.integer(deadlineField, at: at * size))
            ? .expired : visited?[at] ?? 0 != 0 ? .visited : .live
        default: use = .writing
        }
        cells[(start + first - 1 + at) / slotsPerCell].add(use)
        shard.tally.add(use)
      }
      next = first + headers.count / size
    }
    fill(.free, start + next - 1..<start + used, &cells)
    fill(.unused, start + used..<start + slotsPerShard, &cells)
    shard.tally.add(.unused, slotsPerShard - used)
    shard.tally.add(.free, slotsPerShard - shard.tally.total)
    lanes[lane].cells = cells
    shard.probes = try Occupancy.probes(index, image)
    total.add(shard.tally)
    probes.add(shard.probes)
    shards.append(shard)
  }

  /// Places of a lane that were not looked at one by one.
  private func fill(_ use: SlotUse, _ places: Range<Int>, _ cells: inout [SlotTally]) {
    var place = places.lowerBound
    while place < places.upperBound {
      let end = min(places.upperBound, (place / slotsPerCell + 1) * slotsPerCell)
      cells[place / slotsPerCell].add(use, end - place)
      place = end
    }
  }

  private static func probes(_ shard: Int, _ image: FileImage) throws(FormatError) -> Probes {
    let count = image.geometry.bucketsPerShard
    var probes = Probes()
    probes.buckets = count
    let field = BucketFields.word
    try image.scanBuckets(shard: shard) { (first, words) throws(FormatError) in
      for place in 0..<words.count / Format.bucketSize {
        let word = words.integer(field, at: place * Format.bucketSize)
        guard word & 0xFFFF_FFFF != 0 else { continue }
        probes.add((first + place - Int(word >> 32)) & (count - 1))
      }
    }
    return probes
  }
}

extension Occupancy {
  /// The cells of a lane in groups of `group` neighbours.
  func cells(of lane: Lane, by group: Int) -> [SlotTally] {
    guard group > 1 else { return lane.cells }
    return stride(from: 0, to: lane.cells.count, by: group).map { start in
      lane.cells[start..<min(start + group, lane.cells.count)].reduce(into: SlotTally()) { $0.add($1) }
    }
  }

  /// How many neighbouring cells become one so that the longest lane has at most `most`: a power of two.
  func grouping(most: Int) -> Int {
    let longest = lanes.map(\.cells.count).max() ?? 0
    return Occupancy.powerOfTwo(atLeast: (longest + max(1, most) - 1) / max(1, most))
  }

  /// The place in a lane of a shard's slot; nil for 0 and for numbers that no slot has.
  func place(_ slot: Int, of shard: Int, in lane: Lane) -> Int? {
    guard (1...slotsPerShard).contains(slot), lane.shards.contains(shard) else { return nil }
    return (shard - lane.shards.lowerBound) * slotsPerShard + slot - 1
  }
}
