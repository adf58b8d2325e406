// SPDX-License-Identifier: Apache-2.0
//
// The typed encoding of the commonest types without an array between: keys are written to the caller's stack, values
// read from the private copy that a get has made; numbers of nine bytes are two words each. SPEC: "Typed encoding".
//
//     Bool                          | tag |
//     integers of up to 64 bits     | tag | 8 bytes |
//     Double, Float                 | tag | 8 or 4 bytes |
//     String, [UInt8]               | tag | size, 4 bytes | bytes |
//
// - What is written here is what TypedWriter writes, and what is read is what TypedReader takes; a test holds the two
//   against each other. Whatever does not fit the pattern is left to them: they also know what is wrong with it.
// - The type tests compare constants and vanish where the compiler knows the type. So all of this is inlined into the
//   program that uses the cache: without that each is a call through a table, which costs more than the lookup.

public import WarpFormat

/// - Precondition: every `unsafeBitCast` is between a type and itself: the test before it says so.
@usableFromInline
package enum DirectCoding<Value> {
  /// Bytes for a key on the stack. A key that needs more costs an array.
  @inlinable package static var keyRoom: Int { 256 }

  /// Whether values of this type are written and read here.
  @inlinable @inline(__always)
  package static var isKnown: Bool {
    isInteger || Value.self == String.self || Value.self == [UInt8].self || Value.self == Double.self
      || Value.self == Bool.self || Value.self == Float.self
  }

  @inlinable @inline(__always)
  static var isInteger: Bool {
    Value.self == Int.self || Value.self == UInt64.self || Value.self == UInt.self || Value.self == Int64.self
      || Value.self == UInt32.self || Value.self == Int32.self || Value.self == UInt16.self
      || Value.self == Int16.self || Value.self == UInt8.self || Value.self == Int8.self
  }

  /// Whether it is a number of a tag and eight bytes, which two registers hold.
  @inlinable @inline(__always)
  package static var isWord: Bool { isInteger || Value.self == Double.self }

  /// Bytes of such a number.
  @inlinable package static var wordSize: Int { 9 }

  // MARK: Keys

  /// The first eight bytes and the last eight of a key that is such a number.
  @inlinable @inline(__always)
  package static func words(of key: Value) -> (first: UInt64, last: UInt64) {
    let (tag, bits) = number(key)
    return (UInt64(tag.rawValue) | bits &<< 8, bits)
  }

  /// The tag and the payload of a key that is such a number. An integer has the smallest tag that holds it.
  @inlinable @inline(__always)
  static func number(_ key: Value) -> (TypedTag, UInt64) {
    if Value.self == Double.self {
      return (.double, TypedEncoding.bits(of: unsafe unsafeBitCast(key, to: Double.self), .key))
    }
    let (bits, isWide) = integer(key)
    return (isWide ? .unsigned64 : .integer, bits)
  }

  /// Writes a key to memory of at least `keyRoom` bytes and returns how many it took: 0 if it is not known or has no room.
  @inlinable @inline(__always)
  package static func write(key: Value, to room: UnsafeMutableRawPointer) -> Int {
    if isWord {
      let (tag, bits) = number(key)
      return unsafe write(tag, bits, to: room)
    }
    if Value.self == String.self {
      let text = unsafe unsafeBitCast(key, to: String.self)
      return unsafe text.utf8.withContiguousStorageIfAvailable { unsafe write(.string, $0, to: room) } ?? 0
    }
    if Value.self == [UInt8].self {
      let bytes = unsafe unsafeBitCast(key, to: [UInt8].self)
      return unsafe bytes.withUnsafeBufferPointer { unsafe write(.bytes, $0, to: room) }
    }
    if Value.self == Float.self {
      let bits = TypedEncoding.bits(of: unsafe unsafeBitCast(key, to: Float.self), .key)
      return unsafe write(.float, bits, to: room)
    }
    if Value.self == Bool.self {
      let tag: TypedTag = unsafe unsafeBitCast(key, to: Bool.self) ? .trueValue : .falseValue
      unsafe room.storeBytes(of: tag.rawValue, as: UInt8.self)
      return 1
    }
    return 0
  }

  /// The payload of an integer, and whether it is more than Int64 holds.
  @inlinable @inline(__always)
  static func integer(_ value: Value) -> (bits: UInt64, isWide: Bool) {
    let bits = MemorySeed.word(of: value) ?? 0
    // Signed ones come sign-extended, so only these two can be too large.
    let isUnsigned = Value.self == UInt64.self || Value.self == UInt.self
    return (bits, isUnsigned && bits > UInt64(Int64.max))
  }

  /// There is room for any number.
  @inlinable @inline(__always)
  static func write(
    _ tag: TypedTag, _ payload: some FixedWidthInteger & BitwiseCopyable, to room: UnsafeMutableRawPointer
  ) -> Int {
    unsafe room.storeBytes(of: tag.rawValue, as: UInt8.self)
    unsafe (room + 1).storeBytes(of: payload.littleEndian, as: type(of: payload))
    return 1 &+ MemoryLayout.size(ofValue: payload)
  }

  @inlinable @inline(__always)
  static func write(
    _ tag: TypedTag, _ payload: UnsafeBufferPointer<UInt8>, to room: UnsafeMutableRawPointer
  ) -> Int {
    guard payload.count <= keyRoom &- 5 else { return 0 }
    unsafe room.storeBytes(of: tag.rawValue, as: UInt8.self)
    unsafe (room + 1).storeBytes(of: UInt32(truncatingIfNeeded: payload.count).littleEndian, as: UInt32.self)
    if let start = payload.baseAddress { unsafe (room + 5).copyMemory(from: start, byteCount: payload.count) }
    return 5 &+ payload.count
  }

  // MARK: Values

  /// The value that private bytes encode in value mode; nil if they are none of this type, or it is not known.
  @inlinable @inline(__always)
  package static func read(_ bytes: UnsafeRawBufferPointer) -> Value? {
    if isWord {
      guard bytes.count == wordSize else { return nil }
      return unsafe read(tag: bytes[0], bytes.loadUnaligned(fromByteOffset: 1, as: UInt64.self).littleEndian)
    }
    if Value.self == String.self {
      guard let text = unsafe payload(.string, bytes), let value = unsafe String(validating: text, as: UTF8.self)
      else { return nil }
      return unsafe unsafeBitCast(value, to: Value.self)
    }
    if Value.self == [UInt8].self {
      guard let payload = unsafe payload(.bytes, bytes) else { return nil }
      return unsafe unsafeBitCast([UInt8](payload), to: Value.self)
    }
    if Value.self == Float.self {
      guard let bits = unsafe word(.float, bytes, as: UInt32.self) else { return nil }
      return unsafe unsafeBitCast(Float(bitPattern: bits), to: Value.self)
    }
    if Value.self == Bool.self {
      guard bytes.count == 1 else { return nil }
      let tag = unsafe bytes[0]
      guard tag == TypedTag.trueValue.rawValue || tag == TypedTag.falseValue.rawValue else { return nil }
      return unsafe unsafeBitCast(tag == TypedTag.trueValue.rawValue, to: Value.self)
    }
    return nil
  }

  /// The number that a value's first two little-endian words encode.
  @inlinable @inline(__always)
  package static func read(_ first: UInt64, _ second: UInt64, size: Int) -> Value? {
    guard size == wordSize else { return nil }
    return read(tag: UInt8(truncatingIfNeeded: first), first &>> 8 | second &<< 56)
  }

  @inlinable @inline(__always)
  static func read(tag: UInt8, _ bits: UInt64) -> Value? {
    if Value.self == Double.self {
      return tag == TypedTag.double.rawValue ? unsafe unsafeBitCast(Double(bitPattern: bits), to: Value.self) : nil
    }
    if tag == TypedTag.integer.rawValue { return narrow(Int64(bitPattern: bits)) }
    guard tag == TypedTag.unsigned64.rawValue, bits > UInt64(Int64.max) else { return nil }
    if Value.self == UInt64.self { return unsafe unsafeBitCast(bits, to: Value.self) }
    if Value.self == UInt.self { return unsafe unsafeBitCast(UInt(bits), to: Value.self) }
    return nil
  }

  /// nil if the type does not hold this number.
  @inlinable @inline(__always)
  static func narrow(_ number: Int64) -> Value? {
    if Value.self == Int.self { return exactly(number, as: Int.self) }
    if Value.self == Int64.self { return exactly(number, as: Int64.self) }
    if Value.self == UInt64.self { return exactly(number, as: UInt64.self) }
    if Value.self == UInt.self { return exactly(number, as: UInt.self) }
    if Value.self == UInt32.self { return exactly(number, as: UInt32.self) }
    if Value.self == Int32.self { return exactly(number, as: Int32.self) }
    if Value.self == UInt16.self { return exactly(number, as: UInt16.self) }
    if Value.self == Int16.self { return exactly(number, as: Int16.self) }
    if Value.self == UInt8.self { return exactly(number, as: UInt8.self) }
    if Value.self == Int8.self { return exactly(number, as: Int8.self) }
    return nil
  }

  @inlinable @inline(__always)
  static func exactly<Integer: FixedWidthInteger>(_ number: Int64, as type: Integer.Type) -> Value? {
    guard let value = Integer(exactly: number) else { return nil }
    return unsafe unsafeBitCast(value, to: Value.self)
  }

  /// The payload of a number, if the bytes are exactly one under this tag.
  @inlinable @inline(__always)
  static func word<Word: FixedWidthInteger & BitwiseCopyable>(
    _ tag: TypedTag, _ bytes: UnsafeRawBufferPointer, as type: Word.Type
  ) -> Word? {
    guard bytes.count == 1 &+ MemoryLayout<Word>.size, unsafe bytes[0] == tag.rawValue else { return nil }
    return unsafe Word(littleEndian: bytes.loadUnaligned(fromByteOffset: 1, as: Word.self))
  }

  /// The payload of a text or of bytes, if they are exactly one under this tag.
  @inlinable @inline(__always)
  static func payload(_ tag: TypedTag, _ bytes: UnsafeRawBufferPointer) -> UnsafeBufferPointer<UInt8>? {
    guard bytes.count >= 5, unsafe bytes[0] == tag.rawValue else { return nil }
    let size = unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    guard Int(size) == bytes.count &- 5 else { return nil }
    return unsafe UnsafeRawBufferPointer(rebasing: bytes[5...]).assumingMemoryBound(to: UInt8.self)
  }
}
