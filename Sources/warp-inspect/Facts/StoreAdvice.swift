// SPDX-License-Identifier: Apache-2.0
// What a store can tell about its own size: how full it is, what it has hit, how often it gave up an entry, how large its
// values are, and, if it records its requests, the curve that they give.
//
// A larger store could have hit a miss only if it was evicted before, so evictions bound what more room can gain.

import WarpFormat
import WarpTrace

struct StoreAdvice {
  let path: String
  let capacity: Int
  let entries: Int
  let counters: CounterValues?
  let sizes: ValueSizes?
  let memory: Int

  init(_ image: FileImage) throws(FormatError) {
    path = image.path
    capacity = image.geometry.capacity
    counters = try image.lock?.counters()
    var entries = 0
    var histogram = SizeHistogram()
    for index in 0..<image.geometry.shardCount {
      try image.shard(index).forEachLive { live in
        entries += 1
        // Bytes of the file: cut to what a slot can hold, and otherwise not judged.
        histogram.add(min(live.storedSize, image.geometry.maxValueSize))
      }
    }
    self.entries = entries
    sizes = ValueSizes(
      histogram, unit: "entries", whole: image.geometry.maxValueSize, maxKeySize: image.geometry.maxKeySize,
      capacity: capacity)
    memory = image.geometry.fileSize + LockGeometry(image.geometry).fileSize
  }

  private func count(_ counter: Counter) -> Double { Double(counters?[counter] ?? 0) }
  /// Damaged counters give any number.
  private func whole(_ count: Double) -> String { Numbers.grouped(Int(min(count, 0x1p62))) }
  private var lookups: Double { count(.hits) + count(.misses) + count(.busyMisses) }
  var hitRatio: Double? { lookups > 0 ? count(.hits) / lookups : nil }
  /// The most that any larger capacity could have hit.
  var bound: Double? {
    hitRatio.map { min(1, $0 + min(count(.evictions), count(.misses)) / lookups) }
  }

  var sentences: [String] {
    var sentences = [
      "capacity \(Numbers.grouped(capacity)) (now): \(Numbers.grouped(entries)) entries, "
        + "\(Numbers.bytes(memory)) with all slots taken"
    ]
    guard let hitRatio, let bound else {
      return sentences + ["No lookups are counted, so nothing is known of its hit ratio."]
    }
    let evictions = count(.evictions)
    sentences.append(
      "hit ratio so far: \(Numbers.percent(hitRatio)) of \(whole(lookups)) lookups, with "
        + "\(whole(evictions)) evictions")
    if evictions == 0 {
      sentences.append("It has evicted nothing: more capacity would not have gained anything.")
    } else {
      sentences.append(
        "With more capacity it would have been at most \(Numbers.percent(bound)): only what was evicted can be missed "
          + "for lack of room.")
    }
    return sentences
  }

  /// Why there is no curve, or how far the one that there is can be trusted.
  private func remark(_ recorded: RecordedRequests?, _ curve: Advice?) -> String {
    guard let recorded else {
      return
        "For a curve, open it with requestRecording: .on() and let it work for a while, or give advise a trace of "
        + "its requests."
    }
    guard let curve, let hitRatio = recorded.hitRatio else {
      return "It records its requests, but has too few of them for a curve: \(Numbers.grouped(recorded.count))."
    }
    let keys = recorded.log.record.keysText
    let simulated = curve.points.first { $0.capacity == capacity }.map { Numbers.percent($0.hitRatio) } ?? "unknown"
    let lost = recorded.log.lost == 0 ? "" : "; \(Numbers.grouped(recorded.log.lost)) were lost"
    return
      "From its record of the last \(Numbers.grouped(recorded.count)) requests for \(keys)\(lost). Of the second half "
      + "it hit \(Numbers.percent(hitRatio)); simulated at its capacity: \(simulated)."
  }

  func print(_ recorded: RecordedRequests?, _ curve: Advice?, to output: inout Output) throws(FormatError) {
    try output.line(output.strong(path.shown))
    for text in sentences + [remark(recorded, curve)] {
      for line in wrapped(text, width: output.width, indent: 2) { try output.line(line) }
    }
    guard let curve else {
      for line in sizes?.lines(width: output.width, output.palette) ?? [] { try output.line(line) }
      return
    }
    try output.line("")
    // The values of all entries that there are say more than those of the requests that were recorded.
    try curve.with(sizes).print(to: &output)
  }

  func json(_ recorded: RecordedRequests?, _ curve: Advice?) -> JSON {
    .object([
      ("source", .string(path)), ("kind", .string("store")), ("capacity", .number(capacity)),
      ("entries", .number(entries)), ("memory", .number(memory)),
      ("hitRatio", hitRatio.map { .part($0) } ?? .null), ("hitRatioBound", bound.map { .part($0) } ?? .null),
      ("evictions", counters.map { .number($0[.evictions]) } ?? .null),
      ("valueSizes", sizes?.json ?? .null),
      (
        "record",
        recorded.map { recorded in
          .object([
            ("requests", .number(recorded.count)), ("position", .number(recorded.log.position)),
            ("oneKeyIn", .number(1 << recorded.log.record.shift)), ("lost", .number(recorded.log.lost)),
            ("hitRatio", recorded.hitRatio.map { .part($0) } ?? .null),
          ])
        } ?? .null
      ),
      ("curve", curve?.json ?? .null),
      (
        "sentences",
        .array(
          (sentences + [remark(recorded, curve)] + [sizes?.sentence].compactMap { $0 }).map { .string($0) })
      ),
    ])
  }
}
