// SPDX-License-Identifier: Apache-2.0
//
// How the keys and values of a typed cache become bytes and come back. SPEC: "Typed encoding".
//
// A codec is a value, so that a cache can be asked for another one without its key and value types knowing of it.
// What it writes is always exactly one value of the typed encoding, and what it reads is checked by all its rules: a
// tool can show any typed entry, and bytes that somebody else made end in an error, never in a trap.
//
// Equal keys must give equal bytes, in every process. The typed encoding and the coder of Codable types see to that by
// themselves; for a codec of the program's own the program promises it.

public import WarpFormat

/// Why a value has no bytes, or bytes give no value of the type.
public enum CodingFailure: Error, Sendable {
  /// The bytes or the value break a rule of the typed encoding, or the bytes are of another type.
  case typed(TypedEncodingError)
  /// What `encode(to:)`, `init(from:)` or a function of a named codec threw. Also a `DecodingError` when the bytes are
  /// of a record of another shape.
  case thrown(any Error)

  init(_ error: any Error) {
    switch error {
    case let error as CodingFailure: self = error
    case let error as TypedEncodingError: self = .typed(error)
    default: self = .thrown(error)
    }
  }
}

/// How values of a type become bytes of the typed encoding and back.
///
/// Both directions are O(bytes), and O(n log n) in the elements of a set or dictionary, which are sorted.
///
/// Thread-safety: may be used from many threads at a time.
public struct Codec<Value>: Sendable {
  /// Names the type in a store's identity (SPEC: "Type descriptors").
  public let descriptor: [UInt8]
  @usableFromInline let write: @Sendable (Value, inout TypedWriter) throws(CodingFailure) -> Void
  @usableFromInline let read: @Sendable (inout TypedReader) throws(CodingFailure) -> Value
  /// Whether it is the typed encoding of the type itself.
  @usableFromInline let isTyped: Bool

  /// A codec from its parts; `write` appends exactly one value, `read` reads exactly one.
  @usableFromInline
  init(
    descriptor: [UInt8], isTyped: Bool = false,
    write: @escaping @Sendable (Value, inout TypedWriter) throws(CodingFailure) -> Void,
    read: @escaping @Sendable (inout TypedReader) throws(CodingFailure) -> Value
  ) {
    self.descriptor = descriptor
    self.isTyped = isTyped
    self.write = write
    self.read = read
  }

  /// The bytes of a value: keys in key mode, values in value mode.
  @inlinable
  public func encode(_ value: Value, mode: TypedMode) throws(CodingFailure) -> [UInt8] {
    var writer = TypedWriter(mode: mode)
    try write(value, &writer)
    return writer.bytes
  }

  /// Appends a value to a writer, which may have been used before: its `removeAll()` keeps its memory.
  @inlinable
  public func encode(_ value: Value, into writer: inout TypedWriter) throws(CodingFailure) {
    try write(value, &writer)
  }

  /// The value that these bytes encode; they must hold nothing more.
  @inlinable
  public func decode(_ bytes: [UInt8], mode: TypedMode) throws(CodingFailure) -> Value {
    var reader = TypedReader(bytes, mode: mode)
    let value = try read(&reader)
    do throws(TypedEncodingError) { try reader.finish() } catch { throw .typed(error) }
    return value
  }

  /// The value that these bytes encode. They are copied once, so a reader never sees them change.
  @inlinable
  public func decode(_ bytes: RawSpan, mode: TypedMode) throws(CodingFailure) -> Value {
    // The span holds as many bytes as it says, and the array is filled with exactly those.
    let copy = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    return try decode(copy, mode: mode)
  }
}

// MARK: Makers

extension Codec where Value: WarpDecodable {
  /// The typed encoding of the type itself: `Int`, `String`, `[UInt8]`, `[String: [Double]]`, `Arguments2<Int, String>`,
  /// and every type that conforms to `WarpDecodable`.
  @inlinable
  public static var typed: Codec {
    Codec(
      descriptor: Value.typeDescriptor, isTyped: true,
      write: { (value, writer) throws(CodingFailure) in
        do throws(TypedEncodingError) { try writer.append(value) } catch { throw .typed(error) }
      },
      read: { (reader) throws(CodingFailure) in
        do throws(TypedEncodingError) { return try reader.read(Value.self) } catch { throw .typed(error) }
      })
  }
}

extension Codec where Value == Void {
  /// The result of a function that returns nothing: the empty tuple.
  public static var void: Codec {
    // The type of no arguments has no spelling that both the compiler and swift-format understand.
    let nothing = ArgumentPack()
    return Codec(
      descriptor: type(of: nothing).typeDescriptor,
      write: { (_, writer) throws(CodingFailure) in
        do throws(TypedEncodingError) { try writer.append(nothing) } catch { throw .typed(error) }
      },
      read: { (reader) throws(CodingFailure) in
        do throws(TypedEncodingError) { _ = try reader.read(type(of: nothing)) } catch { throw .typed(error) }
      })
  }
}

extension Codec {
  /// A codec of the program's own, under a name that stands in the bytes and in the store's identity.
  ///
  /// For keys, equal values must become equal bytes in every process, and different values different ones.
  public static func named(
    _ name: String, encode: @escaping @Sendable (Value) throws -> [UInt8],
    decode: @escaping @Sendable ([UInt8]) throws -> Value
  ) -> Codec {
    Codec(
      descriptor: TypedEncoding.descriptor(.codec, name: name),
      write: { (value, writer) throws(CodingFailure) in
        do { try writer.append(codec: name, bytes: try encode(value)) } catch { throw CodingFailure(error) }
      },
      read: { (reader) throws(CodingFailure) in
        do {
          let start = reader.offset
          let (written, bytes) = try reader.readCodec()
          guard written.utf8.elementsEqual(name.utf8) else { throw TypedEncodingError(.wrongType, at: start) }
          return try decode(bytes)
        } catch { throw CodingFailure(error) }
      })
  }
}
