// SPDX-License-Identifier: Apache-2.0
// `warp-inspect dump --lock`: the lock file (SPEC.md, chapter 20). Lines of all shards; of the other areas what is not zero
// throughout, since nearly all of a lock file is.

import WarpFormat

extension Dump {
  /// Prints the lock file, or throws what is wrong with its header.
  func printLock(_ image: FileImage, json: Bool, _ output: inout Output) throws {
    guard let lock = image.lock else {
      let path = image.path + StoreFiles.lockSuffix
      guard let problem = image.lockProblem else {
        throw FormatError(.notFound, "the store has no lock file: nobody has it open", path: path)
      }
      throw FormatError(
        .corruptLockFile, problem.message, path: path, offset: problem.offset, rule: problem.rule)
    }
    if json { try output.line(Dump.document(lock).text()) } else { try printLockText(lock, &output) }
  }

  private func printLockText(_ lock: LockImage, _ output: inout Output) throws {
    try output.line(output.strong("lock header"))
    try output.structure(LockHeaderFields.structure, in: lock.headerPage, base: 0)
    for line in try lock.lineRecords() {
      try output.line(output.strong("shard line \(line.index)"))
      try output.structure(LockLineFields.structure, in: line.bytes, base: line.offset)
      let visited = try lock.visitedSlots(line.index).map { String($0) }
      let text = "visited slots: " + (visited.isEmpty ? "none" : visited.joined(separator: " "))
      for part in wrapped(text, width: output.width - 2, indent: 2) { try output.line("  " + part) }
    }
    try printRecords(try lock.records(.registry), RegistryFields.structure, &output) { "registry entry \($0)" }
    try printRecords(try lock.records(.counters), CounterFields.structure, &output) { "counter stripe \($0)" }
    try printRecords(try lock.records(.leases), LeaseFields.structure, &output) {
      "lease cell \($0 % Format.leaseCells) of shard \($0 / Format.leaseCells)"
    }
    guard let record = try lock.requestRecords() else { return }
    try printRecords([record.control], RecordFields.structure, &output) { _ in "request record" }
    try printRecords(record.cells, RequestFields.structure, &output) { "request cell \($0)" }
  }

  private func printRecords(
    _ records: [LockImage.Record], _ structure: Structure, _ output: inout Output, title: (Int) -> String
  ) throws {
    for record in records {
      try output.line(output.strong(title(record.index)))
      try output.structure(structure, in: record.bytes, base: record.offset)
    }
  }

  /// The dump of a lock file as one value.
  static func document(_ lock: LockImage) throws(FormatError) -> JSON {
    let header = JSON.object(FieldText.members(LockHeaderFields.structure, lock.headerPage))
    let lines = try lock.lineRecords().map { Dump.json($0, [("shard", $0.index)], LockLineFields.structure) }
    let registry = try lock.records(.registry).map {
      Dump.json($0, [("entry", $0.index)], RegistryFields.structure)
    }
    let counters = try lock.records(.counters).map {
      Dump.json($0, [("stripe", $0.index)], CounterFields.structure)
    }
    let leases = try lock.records(.leases).map { record in
      let place = record.index.quotientAndRemainder(dividingBy: Format.leaseCells)
      return Dump.json(record, [("shard", place.quotient), ("cell", place.remainder)], LeaseFields.structure)
    }
    var visited: [JSON] = []
    for shard in 0..<lock.geometry.shardCount {
      visited.append(.array(try lock.visitedSlots(shard).map { .number($0) }))
    }
    return JSON.object(
      [
        ("header", header), ("lines", .array(lines)), ("registry", .array(registry)),
        ("counters", .array(counters)), ("leases", .array(leases)), ("visited", .array(visited)),
      ] + (try recordMembers(lock)))
  }

  /// What only a lock file with a record of requests has.
  private static func recordMembers(_ lock: LockImage) throws(FormatError) -> [(String, JSON)] {
    guard let (control, cells) = try lock.requestRecords() else { return [] }
    let position = control.bytes.integer(RecordFields.position)
    let shown = cells.map { cell in
      JSON.object(
        [
          ("cell", .number(cell.index)), ("offset", .number(cell.offset)),
          ("number", lock.number(of: cell, position: position).map { .number($0) } ?? .null),
        ] + FieldText.members(RequestFields.structure, cell.bytes))
    }
    return [
      (
        "record",
        .object(
          [("offset", .number(control.offset))] + FieldText.members(RecordFields.structure, control.bytes)
            + [("cells", .array(shown))])
      )
    ]
  }

  private static func json(
    _ record: LockImage.Record, _ place: [(String, Int)], _ structure: Structure
  ) -> JSON {
    .object(
      place.map { ($0.0, .number($0.1)) } + [("offset", .number(record.offset))]
        + FieldText.members(structure, record.bytes))
  }
}
