// SPDX-License-Identifier: Apache-2.0
// The outcome for people.

import ReplaySupport

extension Outcome {
  /// The table, and what to type next; without a line feed at the end.
  func table(_ place: StorePlace) -> String {
    var rows: [(name: String, value: String, note: String)] = []
    func add(_ name: String, _ value: String, _ note: String = "") { rows.append((name, value, note)) }
    func add(_ name: String, _ value: Int, _ note: String = "") { add(name, Numbers.grouped(value), note) }
    func percent(_ ratio: Double) -> String { Numbers.fixed(100 * ratio, places: 3) + " %" }
    add("requests", requests, "of \(Numbers.grouped(uniques)) keys")
    add("hits", hits)
    add("hit ratio", percent(hitRatio), "exact SIEVE: \(percent(sieveHitRatio))")
    add("evictions", evictions)
    if noSpace > 0 { add("not stored", noSpace, "the file system was full") }
    if retries > 0 { add("busy", retries, "calls that were made again") }
    for (index, share) in tallies.enumerated() {
      add("worker \(index + 1)", Int(share.requestsPerSecond), "requests per second")
    }
    add("seconds", Numbers.fixed(seconds, places: 3))
    add("entries", count, "of \(Numbers.grouped(capacity)), in \(shards) shard\(shards == 1 ? "" : "s")")
    add("stored", Numbers.bytes(storedBytes), "keys and values")
    guard let path else {
      add("tables", Numbers.bytes(allocatedBytes), "beside the values")
      return lines([("trace", trace), ("store", "in this process, its workers are threads")], rows)
    }
    add("allocated", Numbers.bytes(allocatedBytes), "by the file system, for both files")
    return lines([("trace", trace), ("store", path)], rows) + conclusion(place, path)
  }

  private func lines(
    _ head: [(name: String, value: String)], _ rows: [(name: String, value: String, note: String)]
  ) -> String {
    let names = (rows.map(\.name.count) + head.map(\.name.count)).max() ?? 0
    let values = rows.map(\.value.count).max() ?? 0
    func padding(_ width: Int, _ text: String) -> String {
      String(repeating: " ", count: max(0, width - text.count))
    }
    var text = ""
    for line in head { text += line.name + padding(names, line.name) + "  " + line.value + "\n" }
    for row in rows {
      text += row.name + padding(names, row.name) + "  " + padding(values, row.value) + row.value
      text += row.note.isEmpty ? "\n" : "  " + row.note + "\n"
    }
    return text
  }

  private func conclusion(_ place: StorePlace, _ path: String) -> String {
    var text = ""
    if isLimitedByFileSystem {
      text +=
        "\nThe file system, not the capacity, was the limit: it was full with \(Numbers.grouped(count)) of "
        + "\(Numbers.grouped(capacity)) entries.\n"
    }
    guard place.isKept else { return text + "\nThe store is deleted; --keep keeps it." }
    let quoted = Table.quoted(path)
    // Each file by name: a pattern could match a neighbour's.
    let files = [path, path + "-lock", path + "-init"].map(Table.quoted).joined(separator: " ")
    return text + """

      Look into it:  warp-inspect info \(quoted)
      Delete it:     rm \(files)
      """
  }
}

enum Table {
  /// A path as a shell takes it.
  static func quoted(_ path: String) -> String {
    let plain = path.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "-")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "_")
    }
    return plain
      ? path : "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
