// SPDX-License-Identifier: Apache-2.0
// Bytes with their meaning: the fields of a piece, each with value, words of SPEC.md and what is wrong with it.
//
// All of it follows from the field tables in WarpFormat: a field that is added there is annotated here.

import WarpFormat

/// A stretch of bytes with one meaning.
struct Annotation {
  let name: String
  /// In the file.
  let offset: Int
  let size: Int
  let value: String
  /// The value in words.
  var note: String?
  let meaning: String
  let section: String
  var problem: String?

  var range: Range<Int> { offset..<(offset + size) }
}

struct Annotator {
  /// nil: the header is broken, and there is no more than a page.
  let image: FileImage?
  let time: StoreTime
  /// What the header was refused for.
  var refusal: FormatError?

  /// - Parameter bytes: of the piece from its beginning; fewer than it has if only a part is shown.
  func annotations(_ piece: Piece, _ bytes: [UInt8]) throws(FormatError) -> [Annotation] {
    switch piece.kind {
    case .structure(let structure): return try fields(structure, piece, bytes, base: 0, prefix: "")
    case .key: return [try key(piece, bytes)]
    case .value: return [plain(piece, "value", bytes, "the value as it is stored", nil)]
    case .visited:
      let isVisited = bytes.first ?? 0 != 0
      return [plain(piece, "visited", bytes, "0 not visited, 1 visited", isVisited ? "visited" : "not visited")]
    case .padding: return zeros(piece.offset, bytes, "padding", piece.section)
    case .unused: return []
    }
  }

  private func fields(
    _ structure: Structure, _ piece: Piece, _ bytes: [UInt8], base: Int, prefix: String
  ) throws(FormatError) -> [Annotation] {
    var result: [Annotation] = []
    var end = 0
    let notes = FieldNote(geometry: image?.geometry, time: time)
    func reserved(to next: Int) {
      guard next > end, end < bytes.count else { return }
      result += zeros(
        piece.offset + base + end, [UInt8](bytes[end..<min(next, bytes.count)]), prefix + "reserved", piece.section)
    }
    for field in structure.fields {
      reserved(to: field.offset)
      end = field.offset + field.size
      // Half a field of a file that ends too early says nothing.
      guard end <= bytes.count else { continue }
      if let inner = Annotator.inner(field) {
        result += try fields(
          inner, piece, bytes.slice(field), base: base + field.offset, prefix: field.name + ".")
        continue
      }
      var problem = refusal.flatMap { $0.field == field.name ? $0.message : nil }
      if problem == nil {
        problem =
          try image.map { (image) throws(FormatError) in
            try FieldProblem(image: image).text(field, of: structure, in: piece, bytes)
          } ?? FieldProblem.checksum(field, structure, bytes)
      }
      result.append(
        Annotation(
          name: prefix + field.name, offset: piece.offset + base + field.offset, size: field.size,
          value: FieldText.text(field, bytes), note: notes.text(field, of: structure, bytes),
          meaning: FieldMeaning.text(field, of: structure), section: piece.section, problem: problem))
    }
    reserved(to: structure.size)
    return result
  }

  /// The records inside the state block.
  private static func inner(_ field: Field) -> Structure? {
    switch field {
    case StateFields.clockA, StateFields.clockB: ClockFields.structure
    case StateFields.detach: DetachFields.structure
    default: nil
    }
  }

  /// Bytes that must be zero: worth a word only if they are not.
  private func zeros(_ offset: Int, _ bytes: [UInt8], _ name: String, _ section: String) -> [Annotation] {
    guard let first = bytes.firstIndex(where: { $0 != 0 }),
      let last = bytes.lastIndex(where: { $0 != 0 })
    else { return [] }
    let part = [UInt8](bytes[first...last])
    return [
      Annotation(
        name: name, offset: offset + first, size: part.count, value: FieldText.hex([UInt8](part.prefix(8))),
        meaning: "zero", section: section, problem: "not zero")
    ]
  }

  private func plain(
    _ piece: Piece, _ name: String, _ bytes: [UInt8], _ meaning: String, _ note: String?
  ) -> Annotation {
    Annotation(
      name: name, offset: piece.offset, size: piece.size, value: BytesText.short(bytes, of: piece.size), note: note,
      meaning: meaning, section: piece.section)
  }

  private func key(_ piece: Piece, _ bytes: [UInt8]) throws(FormatError) -> Annotation {
    var note: String?
    if let image, bytes.count == piece.size {
      let place = KeyPlace(bytes, in: image.header)
      note = "hash 0x\(FieldProblem.hex(place.hash)): shard \(place.shard), home bucket \(place.home)"
    }
    return plain(piece, "key", bytes, "bytes of the key", note)
  }
}
