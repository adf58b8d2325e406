// SPDX-License-Identifier: Apache-2.0
// What became of the entries of a store that is copied or repaired.

import WarpFormat

struct MovedCounts {
  /// "copied", "saved".
  let verb: String
  private(set) var moved = 0
  private var expired = 0
  private var tooLarge = 0
  private var evicted = 0
  /// For which a store without eviction had no place.
  private var refused = 0
  /// By the rule that they break.
  private var lost: [String: Int] = [:]
  /// Shards whose entries are not of one moment.
  private var unstable: [Int] = []

  init(verb: String) { self.verb = verb }

  /// Nothing is missing but what has expired.
  var isComplete: Bool { tooLarge == 0 && evicted == 0 && refused == 0 && lost.isEmpty }

  mutating func note(_ harvest: Harvest, _ shard: Int) {
    lost.merge(harvest.damaged, uniquingKeysWith: +)
    if !harvest.isConsistent { unstable.append(shard) }
  }

  /// - Parameter now: entries that are expired by then are left out; nil: none is.
  mutating func add(_ entry: CarriedEntry, to maker: StoreMaker, now: UInt64?) throws(FormatError) {
    if let now, entry.isExpired(now) {
      expired += 1
      return
    }
    switch try maker.add(entry) {
    case .added(let others):
      moved += 1
      evicted += others
    case .tooLarge: tooLarge += 1
    case .full: refused += 1
    }
  }

  /// How many are in the new store.
  private var present: Int { max(0, moved - evicted) }

  func print(json: Bool, header problem: FormatError? = nil) throws(FormatError) {
    var output = Output()
    let rules = lost.sorted { $0.key < $1.key }
    if json {
      let object = JSON.object([
        (verb, .number(present)), ("expired", .number(expired)), ("tooLarge", .number(tooLarge)),
        ("evicted", .number(evicted)), ("refused", .number(refused)),
        ("lost", .object(rules.map { ($0.key, .number($0.value)) })),
        ("unstable", .array(unstable.map { .number($0) })),
        ("header", problem.map { .string("\($0)") } ?? .null),
      ])
      try output.line(object.text())
    } else {
      var lines = ["\(present) entries \(verb)"]
      if let problem { lines.append("header: \(problem)") }
      for (count, text) in [
        (expired, "expired ones left out"), (tooLarge, "too large for the new store"),
        (evicted, "evicted by others"),
        (refused, "refused: no place, and the new store does not evict"),
      ] where count > 0 {
        lines.append("\(count) \(text)")
      }
      lines += rules.map { "\($0.value) lost: \($0.key) \(MovedCounts.reason($0.key))" }
      if !unstable.isEmpty {
        lines.append("shards that never held still: " + unstable.map(String.init).joined(separator: ", "))
      }
      for line in lines {
        for part in wrapped(line, width: output.width, indent: 2) { try output.line(part) }
      }
    }
    try output.flush()
  }

  private static func reason(_ rule: String) -> String {
    switch rule {
    case "WKV-B07": "another entry of the same key is newer"
    case "WKV-E01": "it was being written, or its state is none"
    case "WKV-E02": "its sequence is 0"
    case "WKV-E03": "a size is over the limits"
    case "WKV-E04": "its codec is not allowed"
    case "WKV-E05": "its flags are not 0"
    case "WKV-E06": "the checksum does not match"
    case "WKV-E07": "the hash is not that of the key, or of another shard"
    case "WKV-E09": "its value is no zstd frame"
    case "WKV-E10": "its times contradict each other"
    case "WKV-G03": "the file ends before it"
    default: "see SPEC.md"
    }
  }
}
