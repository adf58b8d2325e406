// SPDX-License-Identifier: Apache-2.0
//
// Values to bytes. SPEC: "Typed encoding".
//
// Counts are never promised by the caller: a container's count is written as 0, its values are counted as they are
// appended, and the count is stored afterwards. So a wrong conformance cannot produce a container that lies. The
// entries of maps and sets are encoded in place and then put in order by their bytes.

/// Appends typed values to a growing array of bytes.
///
/// After an error the bytes are incomplete and the writer is of no further use. Not for concurrent use.
public struct TypedWriter {
  public let mode: TypedMode
  /// What was written so far.
  public private(set) var bytes: [UInt8] = []
  /// Values appended at the current level.
  private(set) var count = 0
  private var depth = 0

  public init(mode: TypedMode) { self.mode = mode }

  /// Forgets what was written and keeps the memory, for the next value.
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    count = 0
    depth = 0
  }

  // MARK: Scalars

  public mutating func appendNone() { finish(.none) }

  public mutating func append(_ value: Bool) { finish(value ? .trueValue : .falseValue) }

  /// Appends an integer of any width up to 128 bits under the smallest tag that holds its value.
  @inlinable
  public mutating func append(integer value: some FixedWidthInteger) {
    if let value = Int64(exactly: value) {
      append(narrow: value)
    } else if let value = Int128(exactly: value) {
      append(wide: value)
    } else {
      // No integer type of Swift is wider, so only the upper half of UInt128 is left.
      append(widest: UInt128(value))
    }
  }

  @usableFromInline
  mutating func append(narrow value: Int64) { finish(.integer, value) }

  @usableFromInline
  mutating func append(wide value: Int128) {
    if !planted(.widerTagThanNeeded), let value = UInt64(exactly: value) { return finish(.unsigned64, value) }
    finish(.signed128, value)
  }

  @usableFromInline
  mutating func append(widest value: UInt128) { finish(.unsigned128, value) }

  public mutating func append(_ value: Double) {
    let mode = planted(.keyKeepsBits) ? .value : planted(.valueLosesBits) ? .key : mode
    finish(.double, TypedEncoding.bits(of: value, mode))
  }

  public mutating func append(_ value: Float) { finish(.float, TypedEncoding.bits(of: value, mode)) }

  /// Appends a UUID given as a number whose most significant byte is the UUID's first byte.
  public mutating func append(uuid value: UInt128) { finish(.uuid, value.byteSwapped) }

  /// Throws `tooLarge` if the text has 4 GiB or more.
  public mutating func append(_ value: String) throws(TypedEncodingError) {
    bytes.append(TypedTag.string.rawValue)
    try payload(value)
    count += 1
  }

  /// Throws `tooLarge` if there are 4 GiB or more.
  public mutating func append(bytes value: [UInt8]) throws(TypedEncodingError) {
    bytes.append(TypedTag.bytes.rawValue)
    try payload(value)
    count += 1
  }

  /// Appends the bytes that the codec called `name` made of some value.
  public mutating func append(codec name: String, bytes value: [UInt8]) throws(TypedEncodingError) {
    bytes.append(TypedTag.codec.rawValue)
    try payload(name)
    try payload(value)
    count += 1
  }

  // MARK: Values made of values

  /// Appends one value; `wrongValueCount` if its conformance appends none or several.
  public mutating func append(_ value: some WarpEncodable) throws(TypedEncodingError) {
    let before = count
    try value.encode(into: &self)
    guard count == before + 1 else { throw failure(.wrongValueCount) }
  }

  /// Appends `none`, or the wrapped value: as it is, unless it reads as `none` or `some` itself.
  public mutating func append(optional value: (some WarpEncodable)?) throws(TypedEncodingError) {
    guard let value else { return appendNone() }
    let start = bytes.count
    try append(value)
    let first = bytes[start]
    if planted(.someLeftOut) { return }
    guard first == TypedTag.none.rawValue || first == TypedTag.some.rawValue else { return }
    // What starts so is a chain of `some` that ends in `none`, one byte each.
    guard depth + bytes.count - start <= TypedEncoding.maximumDepth else { throw failure(.nestedTooDeep) }
    bytes.insert(TypedTag.some.rawValue, at: start)
  }

  public mutating func append<Element: WarpEncodable>(
    array elements: some Sequence<Element>
  ) throws(TypedEncodingError) {
    try container(.array) { (writer) throws(TypedEncodingError) in
      for element in elements { try writer.append(element) }
    }
  }

  /// Appends a tuple of the values that `body` appends.
  public mutating func appendTuple(
    _ body: (inout TypedWriter) throws(TypedEncodingError) -> Void
  ) throws(TypedEncodingError) {
    try container(.tuple, body)
  }

  /// Appends a tuple of these values.
  public mutating func append<each Element: WarpEncodable>(
    tuple elements: repeat each Element
  ) throws(TypedEncodingError) {
    try container(.tuple) { (writer) throws(TypedEncodingError) in
      repeat try writer.append(each elements)
    }
  }

  /// Appends the case `name` of an enumeration with the associated values that `body` appends.
  public mutating func append(
    enumCase name: String, _ body: (inout TypedWriter) throws(TypedEncodingError) -> Void
  ) throws(TypedEncodingError) {
    try container(.enumCase, name: name, body)
  }

  /// Appends a set; `duplicate` if two elements have equal encodings.
  public mutating func append<Element: WarpEncodable>(
    set elements: some Sequence<Element>
  ) throws(TypedEncodingError) {
    try container(.set) { (writer) throws(TypedEncodingError) in
      var entries: [Entry] = []
      for element in elements {
        let start = writer.bytes.count
        try writer.append(element)
        entries.append(Entry(key: start..<writer.bytes.count, end: writer.bytes.count))
      }
      try writer.sort(entries)
    }
  }

  /// Appends a map; `duplicate` if two keys have equal encodings (in key mode: several NaN keys).
  public mutating func append<Key: WarpEncodable, Value: WarpEncodable>(
    map pairs: some Sequence<(key: Key, value: Value)>
  ) throws(TypedEncodingError) {
    try container(.map) { (writer) throws(TypedEncodingError) in
      var entries: [Entry] = []
      for (key, value) in pairs {
        let start = writer.bytes.count
        try writer.append(key)
        let keyEnd = writer.bytes.count
        try writer.append(value)
        entries.append(Entry(key: start..<keyEnd, end: writer.bytes.count))
      }
      try writer.sort(entries)
      writer.count /= 2
    }
  }
}

extension TypedWriter {
  /// Where an entry of a set or a map lies: its key, then up to `end` its value (nothing in a set).
  private struct Entry {
    let key: Range<Int>
    let end: Int
  }

  private mutating func finish(_ tag: TypedTag) {
    bytes.append(planted(.reservedTagWritten) && tag == .none ? 0 : tag.rawValue)
    count += 1
  }

  private mutating func finish(_ tag: TypedTag, _ payload: some FixedWidthInteger & BitwiseCopyable) {
    bytes.append(tag.rawValue)
    // The bytes of a local integer: initialised, without padding, and gone after the copy.
    let payload = planted(.bigEndian) ? payload.bigEndian : payload.littleEndian
    unsafe withUnsafeBytes(of: payload) { unsafe bytes.append(contentsOf: $0) }
    count += 1
  }

  private mutating func payload(_ text: String) throws(TypedEncodingError) {
    let text = planted(.textNormalised) ? String(text.map { $0 == "\u{E9}" ? "\u{E9}" : $0 }) : text
    try appendSize(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func payload(_ value: [UInt8]) throws(TypedEncodingError) {
    try appendSize(value.count)
    bytes.append(contentsOf: value)
  }

  mutating func appendSize(_ size: Int) throws(TypedEncodingError) {
    guard let size = planted(.sizeCut) ? UInt32(truncatingIfNeeded: size) : UInt32(exactly: size) else {
      throw failure(.tooLarge)
    }
    for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: size >> shift)) }
  }

  private mutating func container(
    _ tag: TypedTag, name: String? = nil, _ body: (inout TypedWriter) throws(TypedEncodingError) -> Void
  ) throws(TypedEncodingError) {
    guard depth < TypedEncoding.maximumDepth else { throw failure(.nestedTooDeep) }
    bytes.append(tag.rawValue)
    if let name { try payload(name) }
    let countOffset = bytes.count
    try appendSize(0)
    let outer = count
    count = 0
    depth += 1
    try body(&self)
    guard let values = UInt32(exactly: count) else { throw failure(.tooLarge) }
    for index in 0..<4 { bytes[countOffset + index] = UInt8(truncatingIfNeeded: values >> (8 * index)) }
    depth -= 1
    count = outer + 1
  }

  /// Puts entries that lie one after the other at the end of the bytes in the order of their keys.
  private mutating func sort(_ entries: [Entry]) throws(TypedEncodingError) {
    guard let start = entries.first?.key.lowerBound else { return }
    // A copy of the entries alone: one of all the bytes for each map would make an array of maps quadratic.
    let written = Array(bytes[start...])
    func key(_ entry: Entry) -> ArraySlice<UInt8> {
      written[(entry.key.lowerBound - start)..<(entry.key.upperBound - start)]
    }
    let sorted = planted(.mapUnsorted) ? entries : entries.sorted { key($0).lexicographicallyPrecedes(key($1)) }
    for (left, right) in zip(sorted, sorted.dropFirst())
    where key(left) == key(right) && !planted(.duplicatesWritten) {
      throw TypedEncodingError(.duplicate, at: max(left.key.lowerBound, right.key.lowerBound))
    }
    bytes.removeSubrange(start...)
    for entry in sorted {
      bytes.append(contentsOf: written[(entry.key.lowerBound - start)..<(entry.end - start)])
    }
  }

  func failure(_ code: TypedEncodingError.Code) -> TypedEncodingError {
    TypedEncodingError(code, at: bytes.count)
  }
}
