// SPDX-License-Identifier: Apache-2.0
//
// Reading values that are made of values. SPEC: "Typed encoding", "Validation".
//
// One function opens every container: it bounds the depth and the count and requires that as many values were read
// as were announced. The order of keys is checked on the bytes, so nothing is sorted or hashed here.

extension TypedReader {
  public mutating func readOptional<Wrapped: WarpDecodable>(
    _ type: Wrapped.Type = Wrapped.self
  ) throws(TypedEncodingError) -> Wrapped? {
    switch try peekTag() {
    case .none:
      try readNone()
      return nil
    case .some:
      return try readSome { (reader) throws(TypedEncodingError) in try reader.read(Wrapped.self) }
    default:
      return try read(Wrapped.self)
    }
  }

  /// Reads `some` and, through `body`, what it wraps, which must be `none` or `some` again.
  mutating func readSome<Result>(
    _ body: (inout TypedReader) throws(TypedEncodingError) -> Result
  ) throws(TypedEncodingError) -> Result {
    let start = offset
    try take(.some)
    guard depth < TypedEncoding.maximumDepth else { throw TypedEncodingError(.nestedTooDeep, at: start) }
    let inner = try peekTag()
    guard inner == .none || inner == .some else { throw TypedEncodingError(.unneededSome, at: start) }
    depth += 1
    // The value inside counts as the one value that `some` is.
    let result = try body(&self)
    depth -= 1
    return result
  }

  public mutating func readArray<Element: WarpDecodable>(
    of type: Element.Type = Element.self
  ) throws(TypedEncodingError) -> [Element] {
    var result: [Element] = []
    try elements(of: .array) { (reader) throws(TypedEncodingError) in
      result.append(try reader.read(Element.self))
    }
    return result
  }

  /// Reads a tuple; `body` gets the number of values and must read all of them.
  public mutating func readTuple<Result>(
    _ body: (inout TypedReader, Int) throws(TypedEncodingError) -> Result
  ) throws(TypedEncodingError) -> Result {
    try container(.tuple) { (reader, _, count) throws(TypedEncodingError) in try body(&reader, count) }
  }

  /// Reads a tuple with a value of each of these types; `wrongType` if it has another number of them.
  public mutating func readTuple<each Element: WarpDecodable>(
    of types: repeat (each Element).Type
  ) throws(TypedEncodingError) -> (repeat each Element) {
    let start = offset
    return try container(.tuple) { (reader, _, count) throws(TypedEncodingError) in
      guard count == TypedEncoding.count(of: repeat each types) else {
        throw TypedEncodingError(.wrongType, at: start)
      }
      return (repeat try reader.read(each types))
    }
  }

  /// Reads an enumeration's case; `body` gets its name and the number of its values, and must read all of them.
  public mutating func readEnumCase<Result>(
    _ body: (inout TypedReader, String, Int) throws(TypedEncodingError) -> Result
  ) throws(TypedEncodingError) -> Result {
    // Depth first, name second: the order of SPEC's checks. So the container reads the name.
    try container(.enumCase) { (reader, name, count) throws(TypedEncodingError) in
      try body(&reader, name, count)
    }
  }

  /// Reads a set, whose elements come in the order of their bytes.
  public mutating func readSet<Element: WarpDecodable>(
    of type: Element.Type = Element.self
  ) throws(TypedEncodingError) -> [Element] {
    var result: [Element] = []
    try elements(of: .set) { (reader) throws(TypedEncodingError) in
      result.append(try reader.read(Element.self))
    }
    return result
  }

  /// Reads a map, whose entries come in the order of their keys' bytes.
  public mutating func readMap<Key: WarpDecodable, Value: WarpDecodable>(
    of type: (Key, Value).Type = (Key, Value).self
  ) throws(TypedEncodingError) -> [(key: Key, value: Value)] {
    var result: [(key: Key, value: Value)] = []
    try entries(
      key: { (reader) throws(TypedEncodingError) in try reader.read(Key.self) },
      value: { (reader, key) throws(TypedEncodingError) in result.append((key, try reader.read(Value.self))) })
    return result
  }

  /// Reads an array, a tuple or a set; `body` reads one element.
  mutating func elements(
    of tag: TypedTag, _ body: (inout TypedReader) throws(TypedEncodingError) -> Void
  ) throws(TypedEncodingError) {
    try container(tag) { (reader, _, count) throws(TypedEncodingError) in
      var previous = reader.offset..<reader.offset
      for _ in 0..<count {
        if tag == .set { try reader.ordered(after: &previous, body) } else { try body(&reader) }
      }
    }
  }

  /// Reads a map; `key` reads a key and `value` the value that belongs to it.
  mutating func entries<Key>(
    key: (inout TypedReader) throws(TypedEncodingError) -> Key,
    value: (inout TypedReader, Key) throws(TypedEncodingError) -> Void
  ) throws(TypedEncodingError) {
    try container(.map, valuesPerEntry: 2) { (reader, _, count) throws(TypedEncodingError) in
      var previous = reader.offset..<reader.offset
      for _ in 0..<count { try value(&reader, try reader.ordered(after: &previous, key)) }
    }
  }

  /// Reads a key and requires its bytes to come after those of the one before (empty before the first).
  private mutating func ordered<Key>(
    after previous: inout Range<Int>, _ body: (inout TypedReader) throws(TypedEncodingError) -> Key
  ) throws(TypedEncodingError) -> Key {
    let start = offset
    let key = try body(&self)
    if !bytes[previous].lexicographicallyPrecedes(bytes[start..<offset]) {
      let same = bytes[previous] == bytes[start..<offset]
      throw TypedEncodingError(same ? .duplicate : .unsorted, at: start)
    }
    previous = start..<offset
    return key
  }

  /// The one way into a container; `body` also gets the name of an enumeration's case, else an empty one.
  mutating func container<Result>(
    _ tag: TypedTag, valuesPerEntry: Int = 1,
    _ body: (inout TypedReader, String, Int) throws(TypedEncodingError) -> Result
  ) throws(TypedEncodingError) -> Result {
    let start = offset
    try take(tag)
    guard depth < TypedEncoding.maximumDepth || planted(.depthUnlimited) else {
      throw TypedEncodingError(.nestedTooDeep, at: start)
    }
    let name = tag == .enumCase ? try textPayload() : ""
    let countOffset = offset
    let entries = Int(try load(UInt32.self))
    if planted(.countBelieved) { _ = [UInt8](repeating: 1, count: entries) }
    // A value takes a byte at least. 64-bit arithmetic on 32-bit numbers: no overflow.
    guard entries * valuesPerEntry <= remaining else {
      throw TypedEncodingError(.sizeBeyondEnd, at: countOffset)
    }
    let outer = count
    count = 0
    depth += 1
    let result = try body(&self, name, entries)
    guard count == entries * valuesPerEntry else { throw failure(.wrongValueCount) }
    depth -= 1
    count = outer + 1
    return result
  }
}
