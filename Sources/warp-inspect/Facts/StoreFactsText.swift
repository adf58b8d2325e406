// SPDX-License-Identifier: Apache-2.0
// The facts of a store as the lines of one screen: a name, a value, and the tone of the value's first word.

import WarpFormat

extension StoreFacts {
  struct Line {
    let name: String
    let value: String
    var tone: Tone?

    init(_ name: String, _ value: String, _ tone: Tone? = nil) {
      (self.name, self.value, self.tone) = (name, value, tone)
    }
  }

  /// In the order of the screen.
  ///
  /// - Parameter bar: columns that a bar may take.
  func lines(bar: Int) -> [Line] {
    let health = Health(self)
    var lines = [Line("health", health.text, health.tone)] + fixedLines
    let percent = Numbers.tenths(Double(entries) / Double(image.geometry.capacity) * 100)
    lines += [
      Line(
        "fill",
        StoreFacts.bar(Double(entries), of: Double(image.geometry.capacity), width: bar)
          + " \(Numbers.grouped(entries)) of \(Numbers.grouped(image.geometry.capacity)) entries (\(percent) %)",
        .live),
      Line(
        "bytes",
        "\(Numbers.grouped(bytesUsed)) used, \(Numbers.grouped(status.allocated)) allocated, "
          + "file size \(Numbers.grouped(status.size))"),
    ]
    lines += counterLines(bar: bar)
    lines += [
      Line("age", ageText), Line("deadlines", deadlineText), Line("compression", compressionText),
      Line("clock", clockText),
    ]
    if survey.isSample {
      lines.append(
        Line(
          "sampled",
          "deadlines and compression: \(Numbers.grouped(survey.seenSlots)) of "
            + "\(Numbers.grouped(survey.usedSlots)) slots, parts right to 1.1 points (95 %)"))
    }
    return lines + [Line("lock file", lockText)] + recordLines
  }

  private var recordLines: [Line] {
    guard let record = image.lock?.geometry.record, let position = recorded else { return [] }
    let kept = Numbers.grouped(min(position, UInt64(record.cells)))
    return [
      Line("record", "the last \(kept) of \(Numbers.grouped(position)) requests for \(record.keysText); see advise")
    ]
  }

  /// A bar on a ground, always of the same width.
  static func bar(_ part: Double, of whole: Double, width: Int) -> String {
    let bar = Bars.lying(part, of: whole, width: width)
    return bar + String(repeating: "░", count: max(0, width - bar.unicodeScalars.count))
  }

  /// What was fixed when the store was made.
  private var fixedLines: [Line] {
    let header = image.header
    let geometry = image.geometry
    let raw =
      geometry.maxRawSize == geometry.maxValueSize
      ? "" : " (\(Numbers.grouped(geometry.maxRawSize)) uncompressed)"
    let features = features.isEmpty ? "none" : features.joined(separator: ", ")
    let timeToLive =
      header.defaultTimeToLive == 0 ? "none by default" : Numbers.duration(header.defaultTimeToLive)
    return [
      Line(
        "format",
        "\(Format.majorVersion).\(header.minorVersion), written by \(JSON.quoted(header.writerName)), "
          + "created \(Numbers.date(header.created))"),
      Line("features", "\(features); state \(supersededText)"),
      Line("store id", FieldText.hex(header.storeID)),
      Line(
        "geometry",
        "\(geometry.shardCount == 1 ? "1 shard" : "\(geometry.shardCount) shards") of "
          + "\(Numbers.grouped(geometry.slotsPerShard)) slots and \(Numbers.grouped(geometry.bucketsPerShard)) buckets"
      ),
      Line(
        "slots",
        "\(Numbers.grouped(geometry.slotStride)) bytes; keys to \(Numbers.grouped(geometry.maxKeySize)), "
          + "values to \(Numbers.grouped(geometry.maxValueSize))\(raw)"),
      Line(
        "eviction",
        (header.evictionID == Format.evictionSieve ? "SIEVE" : "none: refuses when full")
          + "; time to live \(timeToLive)"),
    ]
  }

  private func counterLines(bar: Int) -> [Line] {
    guard let counters else { return [Line("hit ratio", "unknown: nothing is counted without a lock file")] }
    func list(_ some: [Counter]) -> String {
      some.map { "\($0) \(Numbers.grouped(counters[$0]))" }.joined(separator: ", ")
    }
    let ratio = hitRatio.map {
      StoreFacts.bar($0, of: 1, width: bar) + " \(Numbers.tenths($0 * 100)) % of \(Numbers.grouped(gets)) gets"
    }
    let named: [Counter] = [
      .hits, .misses, .busyMisses, .insertions, .updates, .evictions, .expirations, .removals,
    ]
    let others = Counter.allCases.filter { !named.contains($0) && counters[$0] != 0 }
    return [
      Line("hit ratio", ratio ?? "unknown: no gets counted", ratio == nil ? nil : .live),
      Line("gets", list([.hits, .misses, .busyMisses])),
      Line("sets", list([.insertions, .updates])),
      Line("left", list([.evictions, .expirations, .removals])),
    ] + (others.isEmpty ? [] : [Line("also", list(others))])
  }

  private var ageText: String {
    guard entries > 0, ends.oldest != nil else { return "no entries; \(Numbers.grouped(writes)) writes" }
    guard let oldest = age(ends.oldest), let newest = age(ends.newest) else {
      return "unknown, the clock is of another boot; \(Numbers.grouped(writes)) writes"
    }
    return "oldest entry at least \(Numbers.duration(oldest)), newest \(Numbers.duration(newest)); "
      + "\(Numbers.grouped(writes)) writes"
  }

  private var deadlineText: String {
    guard survey.deadlines > 0, let first = survey.firstDeadline, let last = survey.lastDeadline else {
      return survey.isSample ? "none in the sample" : "none"
    }
    let about = survey.isSample ? "about " : ""
    let count = about + "\(Numbers.grouped(estimate(survey.deadlines))) entries"
    guard let now else { return "\(count); the clock is of another boot" }
    func distance(_ deadline: UInt64) -> String {
      deadline <= now ? "passed" : "in " + Numbers.duration(Int64(clamping: deadline - now))
    }
    return "\(count), \(about)\(Numbers.grouped(estimate(survey.expired))) expired; first \(distance(first)), "
      + "last \(distance(last))"
  }

  private var compressionText: String {
    guard image.header.usesZstd else { return "off" }
    guard let ratio = compressionRatio else { return "zstd; no values" }
    let percent = Numbers.tenths(Double(survey.compressed) / Double(max(1, survey.entries)) * 100)
    return "\(Numbers.tenths(ratio)) : 1, \(Numbers.grouped(survey.rawBytes)) bytes of values as "
      + "\(Numbers.grouped(survey.storedBytes)); zstd for \(percent) %"
  }

  private var clockText: String {
    guard let clock else { return "no valid record" }
    return
      "boot \(FieldText.hex(clock.bootID)) (\(isThisBoot ? "this one" : "another one")), base \(clock.base) ns"
  }

  private var lockText: String {
    if let problem = image.lockProblem { return "\(problem.rule) at \(problem.offset): \(problem.message)" }
    guard let lock = image.lock else { return "none" }
    let boot = lock.header.bootID == System.bootID() ? "this boot" : "another boot"
    return "\(boot); \(recoveries) recoveries"
  }
}

extension RequestRecord {
  /// Which keys it has the requests for.
  var keysText: String { shift == 0 ? "every key" : "one key in \(Numbers.grouped(1 << shift))" }
}
