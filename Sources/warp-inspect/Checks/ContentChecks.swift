// SPDX-License-Identifier: Apache-2.0
// Checks of what is in the store: when it expires, where it lies, how large it is.

import WarpFormat

struct DeadlinesCheck: Check {
  /// Fewer deadlines show nothing.
  private static let least = 100
  /// Of the median lifetime: so short a time is one moment for those who must load again.
  private static let window = 0.01
  private static let leastWindow: UInt64 = 1_000_000
  /// Of all entries, in one window. Steady sets with one lifetime have a hundredth there.
  private static let bunched = 0.25

  static let name = "deadlines"
  static let fine = "they are not bunched together"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let sample = facts.distributions.deadlines
    guard sample.seen >= least, facts.entries > 0 else { return [] }
    let times = sample.elements.sorted()
    let width = max(leastWindow, UInt64(Double(facts.distributions.lifetimes.quantile(0.5)) * window))
    var (best, start, first) = (0, 0, 0)
    for end in times.indices {
      while times[end] - times[first] > width { first += 1 }
      if end - first + 1 > best { (best, start) = (end - first + 1, first) }
    }
    let part = Double(best) / Double(times.count)
    let share = part * Double(sample.seen) / Double(facts.entries)
    guard share >= bunched else { return [] }
    return [
      Diagnosis(
        .warning,
        "about \(Numbers.percent(share)) of all entries expire within \(Numbers.duration(Int64(clamping: width))), in "
          + "\(Numbers.duration(Int64(clamping: times[start]))): all their readers will compute at once",
        do: "add up to a tenth of chance to each timeToLive; read with freshFor so that one refreshes for all")
    ]
  }
}

struct ExpiredCheck: Check {
  private static let least = 100
  private static let many = 0.5

  static let name = "expired"
  static let fine = "few entries are expired"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let part = Double(facts.distributions.expired) / Double(max(1, facts.entries))
    guard facts.entries >= least, part > many else { return [] }
    return [
      Diagnosis(
        .note,
        "\(Numbers.percent(part)) of the entries are expired. Sets take them out, some at a time; their memory stays",
        do: "nothing if sets go on; otherwise a lower capacity or a longer timeToLive")
    ]
  }
}

struct ProbesCheck: Check {
  private static let least = 100
  /// Buckets more than expected that chance does not give.
  private static let tolerance = 1.0
  /// A lookup gives up at 128.
  private static let far = 64

  static let name = "probes"
  static let fine = "keys are spread as evenly as chance has it"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let probes = facts.distributions.probes
    guard probes.count >= least else { return [] }
    let load = Double(probes.count) / Double(facts.geometry.bucketsPerShard * facts.geometry.shardCount)
    // Knuth, volume 3, 6.4: a successful search with linear probing.
    let expected = load < 1 ? load / (2 * (1 - load)) : Double(Format.probeLimit)
    guard probes.mean > 2 * expected + tolerance || probes.max >= UInt64(far) else { return [] }
    return [
      Diagnosis(
        .warning,
        "entries sit \(Numbers.tenths(probes.mean)) buckets from home on average and \(probes.max) at most, where "
          + "\(Numbers.tenths(expected)) is expected at this load: many keys share their home. Someone may choose keys "
          + "that collide", do: "make the store anew: it draws another hash seed; then see who chooses the keys")
    ]
  }
}

struct SlotsCheck: Check {
  private static let least = 100
  /// Below this nobody minds.
  private static let leastWaste = 1 << 20
  /// From this on it is worth a warning.
  private static let muchWaste = 256 << 20

  static let name = "slots"
  static let fine = "slots are about as large as their entries"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let geometry = facts.geometry
    let sizes = facts.distributions.slots
    // Larger ones take only the blocks that their entry needs.
    guard sizes.count >= least, geometry.allocatesRuns else { return [] }
    let largest = Int(clamping: sizes.quantile(0.999))
    let waste = (geometry.slotStride - min(largest, geometry.slotStride)) * sizes.count
    guard 2 * largest <= geometry.slotStride, waste >= leastWaste else { return [] }
    let surplus = (geometry.slotStride - largest) / Format.slotAlignment * Format.slotAlignment
    let maxValueSize = max(0, geometry.maxValueSize - surplus)
    return [
      Diagnosis(
        waste >= muchWaste ? .warning : .note,
        "a slot takes \(geometry.slotStride) bytes, 99.9 % of the entries need at most \(largest): about "
          + "\(Numbers.grouped(waste)) bytes are never used",
        do: maxValueSize < geometry.maxValueSize
          ? "maxValueSize \(maxValueSize); see also warp-inspect advise" : "lower maxKeySize")
    ]
  }
}
