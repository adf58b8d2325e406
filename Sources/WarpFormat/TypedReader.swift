// SPDX-License-Identifier: Apache-2.0
//
// Bytes to values. SPEC: "Typed encoding", "Validation".
//
// The bytes may come from anybody. They are a private copy, each access is bounds-checked, and every declared size is
// compared with what is left before anything is allocated. Containers grow with the values that are really there: a
// count alone never reserves memory, because nested containers could each claim the same remaining bytes. Recursion
// is bounded by `TypedEncoding.maximumDepth`.

/// Takes typed values off the front of some bytes and refuses everything that is not canonical.
///
/// After an error the position is undefined and the reader is of no further use. Not for concurrent use.
public struct TypedReader {
  public let mode: TypedMode
  package let bytes: [UInt8]
  /// How many bytes were read.
  public internal(set) var offset = 0
  /// Values read at the current level.
  var count = 0
  var depth = 0

  public init(_ bytes: [UInt8], mode: TypedMode) {
    self.bytes = bytes
    self.mode = mode
  }

  /// A reader of the value that lies at an offset where ``skip()`` found one.
  package init(_ bytes: [UInt8], at offset: Int, mode: TypedMode) {
    precondition((0...bytes.count).contains(offset))
    self.bytes = bytes
    self.mode = mode
    self.offset = offset
  }

  var remaining: Int { bytes.count - offset }

  /// Throws `trailingBytes` unless everything was read.
  public func finish() throws(TypedEncodingError) {
    guard remaining == 0 || planted(.trailingBytesTaken) else { throw failure(.trailingBytes) }
  }

  /// The tag of the next value, which stays unread.
  public func peekTag() throws(TypedEncodingError) -> TypedTag {
    guard remaining > 0 || planted(.emptyInputTraps) else { throw failure(.truncated) }
    if planted(.unknownTagTaken), TypedTag(rawValue: bytes[offset]) == nil { return .none }
    guard let tag = TypedTag(rawValue: bytes[offset]) else { throw failure(.unknownTag) }
    return tag
  }

  // MARK: Scalars

  /// Reads one value; `wrongValueCount` if the conformance reads none or several.
  public mutating func read<Value: WarpDecodable>(_ type: Value.Type) throws(TypedEncodingError) -> Value {
    let before = count
    let value = try Value(from: &self)
    guard count == before + 1 else { throw failure(.wrongValueCount) }
    return value
  }

  public mutating func readNone() throws(TypedEncodingError) {
    try take(.none)
    count += 1
  }

  public mutating func readBool() throws(TypedEncodingError) -> Bool {
    let tag = try peekTag()
    guard tag == .falseValue || tag == .trueValue else { throw failure(.wrongType) }
    offset += 1
    count += 1
    return tag == .trueValue
  }

  /// Reads an integer; `notRepresentable` if `Integer` cannot hold it.
  @inlinable
  public mutating func readInteger<Integer: FixedWidthInteger>(
    as type: Integer.Type = Integer.self
  ) throws(TypedEncodingError) -> Integer {
    let start = offset
    let result =
      if isNext(.integer) {
        Integer(exactly: try readNarrow())
      } else if isNext(.unsigned128) {
        Integer(exactly: try readWidest())
      } else {
        Integer(exactly: try readWide())
      }
    guard let result else { throw TypedEncodingError(.notRepresentable, at: start) }
    return result
  }

  @usableFromInline
  mutating func readNarrow() throws(TypedEncodingError) -> Int64 {
    try take(.integer)
    let value = try load(Int64.self)
    count += 1
    return value
  }

  /// Reads what is too wide for Int64 but fits Int128; `wrongType` for everything that is no integer.
  @usableFromInline
  mutating func readWide() throws(TypedEncodingError) -> Int128 {
    let start = offset
    let tag = try peekTag()
    guard tag == .unsigned64 || tag == .signed128 else { throw failure(.wrongType) }
    offset += 1
    let value = tag == .unsigned64 ? Int128(try load(UInt64.self)) : try load(Int128.self)
    let fitsUnsigned64 = tag == .signed128 && UInt64(exactly: value) != nil
    guard Int64(exactly: value) == nil, !fitsUnsigned64 else {
      throw TypedEncodingError(.nonMinimalInteger, at: start)
    }
    count += 1
    return value
  }

  @usableFromInline
  mutating func readWidest() throws(TypedEncodingError) -> UInt128 {
    let start = offset
    try take(.unsigned128)
    let value = try load(UInt128.self)
    guard Int128(exactly: value) == nil else { throw TypedEncodingError(.nonMinimalInteger, at: start) }
    count += 1
    return value
  }

  public mutating func readDouble() throws(TypedEncodingError) -> Double {
    let start = offset
    try take(.double)
    let bits = try load(UInt64.self)
    let value = Double(bitPattern: bits)
    guard TypedEncoding.bits(of: value, mode) == bits else {
      throw TypedEncodingError(.nonCanonicalFloat, at: start)
    }
    count += 1
    return value
  }

  public mutating func readFloat() throws(TypedEncodingError) -> Float {
    let start = offset
    try take(.float)
    let bits = try load(UInt32.self)
    let value = Float(bitPattern: bits)
    guard TypedEncoding.bits(of: value, mode) == bits else {
      throw TypedEncodingError(.nonCanonicalFloat, at: start)
    }
    count += 1
    return value
  }

  /// Reads a UUID as a number whose most significant byte is the UUID's first byte.
  public mutating func readUUID() throws(TypedEncodingError) -> UInt128 {
    try take(.uuid)
    let value = try load(UInt128.self).byteSwapped
    count += 1
    return value
  }

  public mutating func readString() throws(TypedEncodingError) -> String {
    try take(.string)
    let text = try textPayload()
    count += 1
    return text
  }

  public mutating func readBytes() throws(TypedEncodingError) -> [UInt8] {
    try take(.bytes)
    let value = Array(bytes[try payloadRange()])
    count += 1
    return value
  }

  /// Reads what a named codec wrote.
  public mutating func readCodec() throws(TypedEncodingError) -> (name: String, bytes: [UInt8]) {
    try take(.codec)
    let name = try textPayload()
    let value = Array(bytes[try payloadRange()])
    count += 1
    return (name, value)
  }
}

// MARK: The parts of an encoding

extension TypedReader {
  func failure(_ code: TypedEncodingError.Code) -> TypedEncodingError {
    TypedEncodingError(code, at: planted(.errorElsewhere) ? offset + 1 : offset)
  }

  /// Whether the next value has this tag. Cheaper than asking which tag it has.
  @usableFromInline
  func isNext(_ tag: TypedTag) -> Bool { offset < bytes.count && bytes[offset] == tag.rawValue }

  mutating func take(_ tag: TypedTag) throws(TypedEncodingError) {
    guard isNext(tag) else {
      _ = try peekTag()
      throw failure(.wrongType)
    }
    offset += 1
  }

  mutating func load<Word: FixedWidthInteger & BitwiseCopyable>(
    _ type: Word.Type
  ) throws(TypedEncodingError) -> Word {
    let size = MemoryLayout<Word>.size
    guard remaining >= size else { throw failure(.truncated) }
    let start = offset
    // Bytes of an array, checked to be there; an integer is valid for any bits.
    let word = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: start, as: Word.self) }
    offset += size
    return Word(littleEndian: word)
  }

  /// Reads a 4-byte size and steps over the bytes it announces.
  mutating func payloadRange() throws(TypedEncodingError) -> Range<Int> {
    let start = offset
    let size = Int(try load(UInt32.self))
    guard size <= remaining || planted(.uncheckedSize) else { throw TypedEncodingError(.sizeBeyondEnd, at: start) }
    defer { offset += size }
    return offset..<(offset + size)
  }

  mutating func textPayload() throws(TypedEncodingError) -> String {
    let range = try payloadRange()
    if planted(.textUnchecked) { return String(decoding: bytes[range], as: UTF8.self) }
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw TypedEncodingError(.invalidUTF8, at: range.lowerBound)
    }
    return text
  }
}
