// SPDX-License-Identifier: Apache-2.0
// The page of `warp-inspect report`: everything that the other commands know of a store, told to somebody who was not
// there. Each number stands beside what it is.

import WarpFormat

struct ReportPage {
  let facts: StoreFacts
  let examination: Examination
  let occupancy: Occupancy
  /// The hit-ratio curve, if there are requests to replay.
  let advice: Advice?
  /// Nanoseconds since 1970.
  let time: Int64

  private var diagnoses: [Diagnosis] { Checks.diagnose(examination).map(\.diagnosis) }
  var severity: Severity { diagnoses.map(\.severity).max() ?? .ok }

  func document() -> String {
    let name = facts.image.path.split(separator: "/").last.map(String.init) ?? facts.image.path
    var page = Page(title: "\(name): WarpKV store")
    page.heading(
      name,
      under: "\(facts.image.path) · \(Numbers.date(time)) · format \(Format.majorVersion)."
        + "\(facts.image.header.minorVersion), written by \(facts.image.header.writerName)")
    page.tiles(tiles)
    addHealth(&page)
    addPictures(&page)
    addSpread(&page)
    addTables(&page)
    return page.document()
  }

  // MARK: The first screen

  private var tiles: [Page.Tile] {
    let capacity = facts.image.geometry.capacity
    let health = Health(facts)
    let unknown = "unknown"
    let percent = Numbers.tenths(Double(facts.entries) / Double(capacity) * 100)
    return [
      .init(name: "Health", value: "\(health.word)", definition: sentence(health), tone: health.tone),
      .init(
        name: "Entries", value: Numbers.grouped(facts.entries),
        definition:
          "\(percent) % of the capacity of \(Numbers.grouped(capacity)); expired ones count until taken out"),
      .init(
        name: "Hit ratio", value: facts.hitRatio.map { Numbers.tenths($0 * 100) + " %" } ?? unknown,
        definition: "hits of \(Numbers.grouped(facts.gets)) gets since the counters were last reset"),
      .init(
        name: "Evictions", value: facts.counters.map { Numbers.grouped($0[.evictions]) } ?? unknown,
        definition: "unexpired entries that SIEVE gave up to make room"),
      .init(
        name: "Bytes used", value: Numbers.bytes(facts.bytesUsed),
        definition: "keys and stored values of all entries"),
      .init(
        name: "Bytes allocated", value: Numbers.bytes(facts.status.allocated),
        definition: "blocks of the data file, of \(Numbers.bytes(facts.status.size)) that it may have"),
      .init(
        name: "Compression", value: facts.compressionRatio.map { Numbers.tenths($0) + " : 1" } ?? "off",
        definition: "bytes of values before compression to bytes as stored"),
      .init(
        name: "Attached", value: facts.handles.map { "\($0.occupation.handles.count)" } ?? unknown,
        definition: "handles that may write, dead ones included until their place is needed"),
    ]
  }

  private func sentence(_ health: Health) -> String {
    health.reasons.isEmpty ? "nothing odd at a glance, and see below" : health.reasons.joined(separator: "; ")
  }

  private func addHealth(_ page: inout Page) {
    page.section(
      "Checks",
      "What the doctor command finds. A note is worth knowing, a warning wants a look this week, an error is broken."
    )
    page.list(
      Checks.diagnose(examination).filter { $0.diagnosis.severity > .ok }.map { check, diagnosis in
        let advice = diagnosis.advice.map { " → " + $0 } ?? ""
        let tone = diagnosis.severity == .note ? .strong : diagnosis.severity.tone
        return ("\(diagnosis.severity), \(check.name): \(diagnosis.text)\(advice)", tone)
      })
    let well = diagnoses.count { $0.severity == .ok }
    page.paragraph("\(well) of \(diagnoses.count) checks have nothing to say.", .faint)
  }

  // MARK: Pictures

  private func addPictures(_ page: inout Page) {
    page.section("Slots", "Where entries lie in the file, shard by shard.")
    page.picture(
      occupancyPicture(occupancy),
      caption: SlotUse.allCases.map { "\($0.name): \($0.meaning)" }.joined(separator: ". ") + ".")
    if let advice {
      page.section("Capacity", advice.basis)
      page.picture(
        curvePicture(advice),
        caption:
          "The part of requests that a store of so many entries would have answered, replayed through its own SIEVE."
      )
      page.list(advice.sentences.map { ($0, .strong) })
    }
  }

  private func addSpread(_ page: inout Page) {
    page.section(
      "How sizes and times are spread",
      "Each bar counts the entries in a range that is twice as wide as the one before it. Half of the entries are not above the median, whose bar has another colour; 99 % are not above the second number."
    )
    for spread in examination.distributions.all where spread.count > 0 && spread.name != "probe length" {
      let bars = spread.bins.map { bin in
        Bar(
          label: spread.label(bin.range.lowerBound), count: bin.count,
          tip: "\(spread.label(bin.range.lowerBound)) to \(spread.label(bin.range.upperBound)): "
            + Numbers.grouped(bin.count))
      }
      let mark = spread.bins.firstIndex { $0.range.contains(spread.median) }
      page.picture(
        histogramPicture(
          bars, title: spread.title, axis: "from, in \(spread.isTime ? "time" : spread.unit)", mark: mark),
        caption: "\(Numbers.grouped(spread.count)) entries; median \(spread.label(spread.median)), "
          + "99 % \(spread.label(spread.p99)), largest \(spread.label(spread.max)).")
    }
    page.section(
      "Probe lengths", "Buckets between an entry and the one at which a lookup begins. Long ones make lookups slow."
    )
    page.picture(
      probePicture(occupancy),
      caption:
        "Mean \(Numbers.hundredths(occupancy.probes.mean)), longest \(occupancy.probes.longest); random hashes have a "
        + "mean of \(Numbers.hundredths(occupancy.probes.expectedMean)) at this load.")
  }
}

extension Distribution {
  var isTime: Bool { unit == "ms" }
  var title: String { name.prefix(1).uppercased() + name.dropFirst() }

  func label(_ value: UInt64) -> String {
    if isTime { return value < 1000 ? "\(value) ms" : Numbers.duration(Int64(clamping: value) &* 1_000_000) }
    return unit == "bytes" ? Numbers.bytes(value) : Numbers.grouped(value)
  }
}
