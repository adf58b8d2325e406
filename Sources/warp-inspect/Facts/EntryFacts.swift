// SPDX-License-Identifier: Apache-2.0
// What there is to say about one entry: sizes, instants, place, and its value as the program that stored it had it.
//
// A value is decoded only after its declared size was compared with what the store allows (SPEC.md, WKV-R02).

import WarpFormat

struct EntryFacts {
  /// The value before compression, or why it can't be had.
  enum Content {
    case bytes([UInt8])
    case needsZstd
    case broken(String)
  }

  let entry: EntryImage
  let place: KeyPlace
  let time: StoreTime
  let content: Content
  /// nil without a lock file.
  let isVisited: Bool?
  let isSealed: Bool
  private let buckets: Int

  init(_ entry: EntryImage, in image: FileImage) throws(FormatError) {
    self.entry = entry
    place = KeyPlace(entry.key, in: image.header)
    time = try StoreTime(image)
    buckets = image.geometry.bucketsPerShard
    isVisited = try image.lock?.visited(shard: place.shard, first: entry.slot, count: 1).first.map { $0 != 0 }
    isSealed = image.sealed(entry, shard: place.shard) == entry.metadata.integer(MetadataFields.checksum)
    content = EntryFacts.content(entry, image)
  }

  var deadline: UInt64 { entry.header.integer(SlotFields.deadline) }
  var rawSize: Int { entry.header.count(SlotFields.rawSize) }
  var codec: String { FieldNote.codec(entry.header.integer(SlotFields.codec)) ?? "unknown" }
  var isExpired: Bool { time.isExpired(deadline) }
  private var written: UInt64 { entry.metadata.integer(MetadataFields.written) }
  private var freshUntil: UInt64 { entry.metadata.integer(MetadataFields.freshUntil) }

  private static func content(_ entry: EntryImage, _ image: FileImage) -> Content {
    let codec = entry.header.integer(SlotFields.codec)
    if codec == UInt64(Format.codecRaw) { return .bytes(entry.value) }
    guard codec == UInt64(Format.codecZstd) else { return .broken("codec \(codec) is unknown") }
    guard Compression.isAvailable else { return .needsZstd }
    let size = entry.header.count(SlotFields.rawSize)
    guard size <= image.geometry.maxRawSize else { return .broken("its raw size is over the store's limit") }
    return Compression.value(entry.value, rawSize: size).map { .bytes($0) } ?? .broken("its zstd frame is damaged")
  }

  /// Name and value, in the order of the screen.
  var lines: [(String, String)] {
    let bucket = entry.bucket ?? place.home
    let distance = (bucket - place.home) & (buckets - 1)
    let position = distance == 0 ? "its home" : "\(distance) from home"
    let size = Numbers.grouped(rawSize) + " bytes"
    var lines = [
      ("key", BytesText.quoted(entry.key) + ", \(Numbers.grouped(entry.key.count)) bytes"),
      ("place", "shard \(place.shard), slot \(entry.slot), bucket \(bucket) (\(position))"),
      (
        "size",
        codec == "raw"
          ? size + ", stored as they are" : size + ", stored as \(Numbers.grouped(entry.value.count)) (\(codec))"
      ),
      ("deadline", time.text(deadline: deadline)),
    ]
    if freshUntil != 0 { lines.append(("fresh until", time.text(since: freshUntil))) }
    lines += [
      ("written", time.text(since: written)),
      ("revision", "\(entry.metadata.integer(MetadataFields.revision))"),
      ("stamp", "\(entry.metadata.integer(MetadataFields.stamp))"),
      ("visited", isVisited.map { $0 ? "yes" : "no" } ?? "unknown: no lock file"),
    ]
    if !isSealed { lines.append(("checksum", "does not match: the entry is damaged")) }
    return lines
  }

  var json: [(String, JSON)] {
    var value: JSON = .null
    var text: JSON = .null
    if case .bytes(let bytes) = content {
      value = .string(FieldText.hex(bytes))
      text = BytesText.readable(bytes).map { .string($0) } ?? .null
    }
    return [
      ("found", .bool(true)), ("key", .string(FieldText.hex(entry.key))),
      ("keyText", BytesText.readable(entry.key).map { .string($0) } ?? .null),
      ("shard", .number(place.shard)), ("slot", .number(entry.slot)), ("bucket", .optional(entry.bucket)),
      ("homeBucket", .number(place.home)), ("size", .number(rawSize)), ("storedSize", .number(entry.value.count)),
      ("codec", .string(codec)), ("deadline", .number(deadline)),
      ("expired", time.now == nil ? .null : .bool(isExpired)), ("freshUntil", .number(freshUntil)),
      ("written", .number(written)), ("revision", .number(entry.metadata.integer(MetadataFields.revision))),
      ("stamp", .number(entry.metadata.integer(MetadataFields.stamp))),
      ("visited", isVisited.map { .bool($0) } ?? .null), ("checksumMatches", .bool(isSealed)),
      ("value", value), ("valueText", text),
    ]
  }
}
