// SPDX-License-Identifier: Apache-2.0
// What lies where in the two files of a store: any range of them as pieces, each a structure of SPEC.md §5 or the bytes
// of a key or a value.
//
// Everything follows from the geometry, which was verified, but where a key ends and its value begins: that is read from
// the slot's header, and cut to the slot.

import WarpFormat

/// Some neighbouring bytes that belong together.
struct Piece {
  enum File { case data, lock }

  enum Kind {
    case structure(Structure)
    case key, value, visited
    /// Zero by the rules.
    case padding
    /// What older entries left, or nothing.
    case unused
  }

  let kind: Kind
  var file = File.data
  /// "metadata of slot 3", without the shard.
  let name: String
  /// Of SPEC.md.
  let section: String
  let offset: Int
  let size: Int
  var shard: Int?
  var slot: Int?
  var bucket: Int?

  var range: Range<Int> { offset..<(offset + size) }

  /// A part of it, of the same kind.
  func part(_ range: Range<Int>) -> Piece {
    var part = Piece(kind, name, section, range, shard: shard, slot: slot)
    part.file = file
    return part
  }

  /// With the shard.
  var title: String {
    guard let shard else { return name }
    return slot == nil && bucket == nil && name.hasPrefix("shard")
      ? "\(name) \(shard)" : "\(name) of shard \(shard)"
  }

  init(_ structure: Structure, _ name: String, at offset: Int, shard: Int? = nil, slot: Int? = nil) {
    kind = .structure(structure)
    self.name = name
    section = FieldMeaning.section(of: structure) ?? "5"
    self.offset = offset
    size = structure.size
    self.shard = shard
    self.slot = slot
  }

  init(_ kind: Kind, _ name: String, _ section: String, _ range: Range<Int>, shard: Int?, slot: Int? = nil) {
    self.kind = kind
    self.name = name
    self.section = section
    offset = range.lowerBound
    size = range.count
    self.shard = shard
    self.slot = slot
  }
}

struct Atlas {
  let image: FileImage

  private var geometry: Geometry { image.geometry }

  static let header = Piece(HeaderFields.structure, "header", at: 0)
  static let state = Piece(StateFields.structure, "state block", at: Format.stateOffset)

  func control(_ shard: Int) -> Piece {
    Piece(ControlFields.structure, "shard control", at: geometry.shardOffset(shard), shard: shard)
  }

  func bucket(_ bucket: Int, _ shard: Int) -> Piece {
    let start = geometry.shardOffset(shard) + geometry.bucketsOffset
    var piece = Piece(
      BucketFields.structure, "bucket \(bucket)", at: start + bucket * Format.bucketSize, shard: shard)
    piece.bucket = bucket
    return piece
  }

  func metadata(_ slot: Int, _ shard: Int) -> Piece {
    Piece(
      MetadataFields.structure, "metadata of slot \(slot)", at: image.metadataOffset(shard: shard, slot: slot),
      shard: shard, slot: slot)
  }

  /// Header, key, padding, value and the rest of a slot.
  func slot(_ slot: Int, _ shard: Int) throws(FormatError) -> [Piece] {
    typealias F = SlotFields
    let start = image.slotOffset(shard: shard, slot: slot)
    let end = start + geometry.slotStride
    let header = try image.bytes(at: start, count: F.structure.size)
    var pieces = [Piece(F.structure, "slot \(slot)", at: start, shard: shard, slot: slot)]
    var at = start + F.structure.size
    func add(_ kind: Piece.Kind, _ name: String, _ section: String, to next: Int) {
      if next > at {
        pieces.append(Piece(kind, "\(name) of slot \(slot)", section, at..<next, shard: shard, slot: slot))
      }
      at = max(at, next)
    }
    if header.integer(F.control) & 7 != 0 {
      let keySize = header.count(F.keySize).clamped(to: geometry.maxKeySize)
      let valueStart = start + F.structure.size + (keySize + 7) / 8 * 8
      let storedSize = header.count(F.storedSize).clamped(to: geometry.maxValueSize)
      add(.key, "key", "5.6", to: at + keySize)
      add(.padding, "padding behind the key", "5.6", to: min(end, valueStart))
      add(.value, "stored value", "8.4", to: min(end, valueStart + storedSize))
    }
    add(.unused, "rest", "8.1", to: end)
    return pieces
  }

  /// The pieces that a range of the data file touches, in order. The range is inside the file.
  func pieces(in range: Range<Int>) throws(FormatError) -> [Piece] {
    var pieces: [Piece] = []
    var at = range.lowerBound
    // Bound: each piece ends behind its beginning, and the range is short.
    while at < range.upperBound {
      let found = try self.pieces(at: at).filter { $0.range.overlaps(at..<range.upperBound) }
      guard let end = found.last?.range.upperBound, end > at else { break }
      pieces += found
      at = end
    }
    return pieces
  }

  /// The piece at an offset; of a slot all of them.
  private func pieces(at offset: Int) throws(FormatError) -> [Piece] {
    if offset < Format.stateOffset { return [Atlas.header] }
    if offset < Format.shardsOffset { return [Atlas.state] }
    let shard = (offset - Format.shardsOffset) / geometry.shardStride
    let start = geometry.shardOffset(shard)
    let place = offset - start
    let metadataEnd = geometry.metadataOffset + geometry.slotsPerShard * MetadataFields.structure.size
    let slotsEnd = geometry.slotsOffset + geometry.slotsPerShard * geometry.slotStride
    func padding(_ from: Int, _ to: Int) -> [Piece] {
      [Piece(.padding, "padding", "6.2", (start + from)..<(start + to), shard: shard)]
    }
    switch place {
    case ..<geometry.bucketsOffset: return [control(shard)]
    case ..<geometry.metadataOffset:
      return [bucket((place - geometry.bucketsOffset) / Format.bucketSize, shard)]
    case ..<metadataEnd:
      return [metadata((place - geometry.metadataOffset) / MetadataFields.structure.size + 1, shard)]
    case ..<geometry.slotsOffset: return padding(metadataEnd, geometry.slotsOffset)
    case ..<slotsEnd: return try slot((place - geometry.slotsOffset) / geometry.slotStride + 1, shard)
    default: return padding(slotsEnd, geometry.shardStride)
    }
  }

  // MARK: Lock file

  func line(_ shard: Int) -> Piece? {
    guard let lock = image.lock else { return nil }
    let offset = lock.geometry.linesOffset + shard * LockLineFields.structure.size
    var piece = Piece(LockLineFields.structure, "shard line", at: offset, shard: shard)
    piece.file = .lock
    return piece
  }

  func visited(_ slot: Int, _ shard: Int) -> Piece? {
    guard let lock = image.lock else { return nil }
    let offset = lock.geometry.visitedOffset + shard * lock.geometry.visitedStride + slot - 1
    var piece = Piece(
      .visited, "visited byte of slot \(slot)", "5.8", offset..<(offset + 1), shard: shard, slot: slot)
    piece.file = .lock
    return piece
  }

  static let lockHeader: Piece = {
    var piece = Piece(LockHeaderFields.structure, "lock header", at: 0)
    piece.file = .lock
    return piece
  }()
}

extension Int {
  /// At most `limit`, and not below zero.
  fileprivate func clamped(to limit: Int) -> Int { Swift.min(Swift.max(self, 0), limit) }
}
