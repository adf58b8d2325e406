// SPDX-License-Identifier: Apache-2.0
// A list of keys as it is printed: a line for each as it comes, and at the end what all of them are like.

import WarpFormat

struct KeyReport {
  private static let sizeWidth = 13

  let time: StoreTime
  /// Dates, where distances can't be told, are longer.
  private var whenWidth: Int { time.now == nil ? 23 : 12 }
  private let isJSON: Bool
  private let isTyped: Bool
  private let showsAge: Bool
  private var sizes = SizeTally()
  private(set) var listed = 0

  init(_ image: FileImage, isJSON: Bool, isTyped: Bool, showsAge: Bool) throws(FormatError) {
    time = try StoreTime(image)
    self.isJSON = isJSON
    self.isTyped = isTyped
    self.showsAge = showsAge
  }

  /// An entry that belongs to the list, whether it is shown or not.
  mutating func count(_ glance: KeyGlance) { sizes.add(glance.size) }

  mutating func list(_ row: KeyRow, _ output: inout Output) throws(FormatError) {
    listed += 1
    if isJSON { return try output.line(json(row).line) }
    let isNarrow = output.width < 50
    if listed == 1 {
      let titles =
        "size".leftPadded(KeyReport.sizeWidth) + "  "
        + (showsAge ? "written" : "deadline")
        .padded(whenWidth) + "  key"
      try output.line(output.palette.paint(isNarrow ? "size  key" : titles, .faint))
    }
    let size = Numbers.grouped(row.glance.size)
    let key = name(row)
    if isNarrow { return try output.line((size + "  " + key).clipped(output.width)) }
    let when = showsAge ? time.text(since: row.written) : deadline(row.glance.deadline)
    let line = size.leftPadded(KeyReport.sizeWidth) + "  " + when.padded(whenWidth) + "  " + key
    try output.line(line.clipped(output.width))
  }

  private func deadline(_ deadline: UInt64) -> String {
    if deadline == 0 { return "-" }
    return time.isExpired(deadline) ? "expired" : time.text(deadline: deadline)
  }

  private func typed(_ row: KeyRow) -> TypedValue? { isTyped ? try? TypedText.decode(row.key, .key) : nil }
  private func name(_ row: KeyRow) -> String { typed(row).map(TypedText.text) ?? BytesText.quoted(row.key) }

  private func json(_ row: KeyRow) -> JSON {
    var members: [(String, JSON)] = [
      ("key", BytesText.readable(row.key).map { .string($0) } ?? .null),
      ("keyHex", .string(FieldText.hex(row.key))),
      ("size", .number(row.glance.size)), ("keySize", .number(row.glance.keySize)),
      ("storedSize", .number(row.glance.storedSize)), ("rawSize", .number(row.rawSize)),
      ("codec", FieldNote.codec(row.codec).map { .string($0) } ?? .null),
      ("deadline", .number(row.glance.deadline)),
      ("expired", time.now == nil ? .null : .bool(time.isExpired(row.glance.deadline))),
      ("written", .number(row.written)), ("shard", .number(row.glance.shard)), ("slot", .number(row.glance.slot)),
    ]
    if let value = typed(row) { members.append(("typedKey", TypedText.json(value))) }
    return .object(members)
  }

  // MARK: The end

  /// - Parameter isCut: the list ended at its limit, so that there may be more.
  func end(_ scan: KeyScan, isCut: Bool, _ output: inout Output) throws(FormatError) {
    if isJSON { return try output.line(JSON.object([("summary", summaryJSON(scan, isCut))]).line) }
    let count = Numbers.grouped(sizes.count)
    let what = scan.share < 1 ? "entries of the sample" : isCut ? "keys listed, there may be more" : "keys"
    var text = "\(count) \(sizes.count == 1 && what == "keys" ? "key" : what)"
    if sizes.count > 0 {
      let about = sizes.isRounded ? "about " : ""
      text += ", \(Numbers.grouped(Int(sizes.sum))) bytes; mean \(Numbers.tenths(sizes.mean)), "
      text += "median \(about)\(Numbers.grouped(sizes.quantile(0.5))), "
      text += "p99 \(about)\(Numbers.grouped(sizes.quantile(0.99)))"
    }
    for line in wrapped(text, width: output.width, indent: 2) { try output.line(output.strong(line)) }
    for line in wrapped(error(scan), width: output.width, indent: 2) where !line.isEmpty { try output.line(line) }
  }

  /// What a sample leaves open; nothing if there was none.
  private func error(_ scan: KeyScan) -> String {
    guard scan.share < 1 else { return "" }
    let counted = Double(max(1, sizes.count))
    let mean = 1.96 * sizes.deviation / counted.squareRoot()
    let points = 196 * (0.25 / counted).squareRoot()
    let tail = 196 * (0.0099 / counted).squareRoot()
    return "sample of about \(Numbers.grouped(scan.entries)) entries, each looked at with probability "
      + "\(Numbers.hundredths(scan.share * 100)) %. With 95 % confidence: mean within \(Numbers.tenths(mean)) bytes, "
      + "median within \(Numbers.hundredths(points)) and p99 within \(Numbers.hundredths(tail)) points of rank. An "
      + "order shows the first of the sample: each entry of the store is missing from it with probability "
      + "\(Numbers.hundredths((1 - scan.share) * 100)) %. --exact looks at all."
  }

  private func summaryJSON(_ scan: KeyScan, _ isCut: Bool) -> JSON {
    let isEmpty = sizes.count == 0
    return .object([
      ("count", .number(sizes.count)), ("listed", .number(listed)), ("bytes", .number(Int(sizes.sum))),
      ("mean", isEmpty ? .null : .number(Numbers.hundredths(sizes.mean))),
      ("median", isEmpty ? .null : .number(sizes.quantile(0.5))),
      ("p99", isEmpty ? .null : .number(sizes.quantile(0.99))),
      ("entries", .number(scan.entries)), ("sampledShare", .number("\(scan.share)")),
      (
        "meanError",
        scan.share < 1
          ? .number(Numbers.hundredths(1.96 * sizes.deviation / Double(max(1, sizes.count)).squareRoot()))
          : .number(0)
      ),
      ("isCut", .bool(isCut)),
    ])
  }
}
