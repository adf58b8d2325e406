// SPDX-License-Identifier: Apache-2.0
//
// Values that are checked and stepped over, and where they lie. SPEC: "Typed encoding", "Validation".
//
// Who wants the parts of an encoding in an order of its own (a coder of records asks for names) first checks the whole
// with `skip`, then lists the offsets of a container's parts and reads from those. A value at a listed offset is
// well-formed and canonical: reading it can only fail because it is of another type.

extension TypedReader {
  /// Checks one value of any kind by every rule and steps over it.
  ///
  /// - Returns: the offset of its tag.
  @discardableResult
  package mutating func skip() throws(TypedEncodingError) -> Int {
    let start = offset
    let tag = try peekTag()
    switch tag {
    case .none: try readNone()
    case .some: try readSome { (reader) throws(TypedEncodingError) in _ = try reader.skip() }
    case .falseValue, .trueValue: _ = try readBool()
    case .integer: _ = try readNarrow()
    case .unsigned64, .signed128: _ = try readWide()
    case .unsigned128: _ = try readWidest()
    case .double: _ = try readDouble()
    case .float: _ = try readFloat()
    case .string: _ = try readString()
    case .bytes, .codec: try skipBytes(tag)
    case .uuid: _ = try readUUID()
    case .array, .tuple, .set:
      try elements(of: tag) { (reader) throws(TypedEncodingError) in _ = try reader.skip() }
    case .map:
      try entries(
        key: { (reader) throws(TypedEncodingError) in try reader.skip() },
        value: { (reader, _) throws(TypedEncodingError) in try reader.skip() })
    case .enumCase:
      try readEnumCase { (reader, _, count) throws(TypedEncodingError) in
        for _ in 0..<count { try reader.skip() }
      }
    }
    return start
  }

  private mutating func skipBytes(_ tag: TypedTag) throws(TypedEncodingError) {
    try take(tag)
    if tag == .codec { _ = try textPayload() }
    _ = try payloadRange()
    count += 1
  }

  /// The offsets of the elements of an array, a tuple or a set.
  package mutating func readPlaces(of tag: TypedTag) throws(TypedEncodingError) -> [Int] {
    var result: [Int] = []
    try elements(of: tag) { (reader) throws(TypedEncodingError) in result.append(try reader.skip()) }
    return result
  }

  /// The offsets of the keys and values of a map.
  package mutating func readMapPlaces() throws(TypedEncodingError) -> [(key: Int, value: Int)] {
    var result: [(key: Int, value: Int)] = []
    try entries(
      key: { (reader) throws(TypedEncodingError) in try reader.skip() },
      value: { (reader, key) throws(TypedEncodingError) in result.append((key, try reader.skip())) })
    return result
  }
}
