// SPDX-License-Identifier: Apache-2.0
//
// Optional, Set and Dictionary of types without a typed encoding. SPEC: "Records of programs".
//
// Their own Codable conformances would lose what the typed encoding keeps: an optional in an optional, the order of a
// set (Swift's changes with each process), keys that are no text. Arrays need nothing here: what they say suffices.
// The codec that picks between the two encodings is here, too.

import WarpFormat

extension Optional: StructurallyCoded where Wrapped: Codable {
  func encode(structureTo encoder: RecordEncoder) throws {
    encoder.node.put(.optional(try map { (value) in try encoder.node(of: value) }))
  }

  init(structureFrom decoder: RecordDecoder) throws { self = try decoder.optional(Wrapped.self) }
}

extension Set: StructurallyCoded where Element: Codable {
  func encode(structureTo encoder: RecordEncoder) throws {
    encoder.node.put(.elements(.set, try map { (element) in try encoder.node(of: element) }))
  }

  init(structureFrom decoder: RecordDecoder) throws {
    let places = try decoder.places(of: .set)
    self.init(try places.map { (place) in try decoder.at(place).take(Element.self) })
    // Elements that differ in bytes but are equal in Swift.
    guard count == places.count else {
      throw decoder.mismatch(Self.self, TypedEncodingError(.notRepresentable, at: decoder.offset))
    }
  }
}

extension Dictionary: StructurallyCoded where Key: Codable, Value: Codable {
  func encode(structureTo encoder: RecordEncoder) throws {
    encoder.node.put(
      .pairs(
        try map { (key, value) in
          // The key may be anything, so the path names it only as Swift prints it.
          (try encoder.node(of: key), try encoder.node(of: value, RecordKey(stringValue: "\(key)")))
        }))
  }

  init(structureFrom decoder: RecordDecoder) throws {
    self = [:]
    for (key, value) in try decoder.pairs() {
      let key = try decoder.at(key).take(Key.self)
      let value = try decoder.at(value, RecordKey(stringValue: "\(key)")).take(Value.self)
      guard updateValue(value, forKey: key) == nil else {
        throw decoder.mismatch(Self.self, TypedEncodingError(.notRepresentable, at: decoder.offset))
      }
    }
  }
}

extension RecordDecoder {
  /// Nothing, or the value here, which may stand behind a `some`.
  func optional<Wrapped: Decodable>(_ type: Wrapped.Type) throws -> Wrapped? {
    switch try tag {
    case .none: nil
    // The value that a checked `some` wraps begins at the next byte.
    case .some: try at(offset + 1).take(type)
    default: try take(type)
    }
  }
}

extension Codec where Value: Codable & SendableMetatype {
  /// The typed encoding of the type if it has one, else the record that its `encode(to:)` describes: a map from names to
  /// values, in which again every type with a typed encoding is written by that.
  ///
  /// A change of the record's shape does not change the descriptor: entries of the old shape fail to decode.
  public static var codable: Codec {
    if let type = Value.self as? any WarpDecodable.Type, let typed = typed(as: type) { return typed }
    return Codec(
      descriptor: [TypedEncoding.anyDescriptor],
      write: { (value, writer) throws(CodingFailure) in
        do {
          let node = RecordNode()
          try RecordEncoder(node).put(value)
          try writer.append(node)
        } catch { throw CodingFailure(error) }
      },
      read: { (reader) throws(CodingFailure) in
        do { return try RecordDecoder.read(Value.self, from: &reader) } catch { throw CodingFailure(error) }
      })
  }

  /// The codec of a type that is this one under another constraint, so the cast succeeds.
  private static func typed<Typed: WarpDecodable>(as type: Typed.Type) -> Codec? { Codec<Typed>.typed as? Codec }
}
