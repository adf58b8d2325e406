// SPDX-License-Identifier: Apache-2.0
//
// What an `Encodable` said about itself, before it becomes bytes. SPEC: "Records of programs".
//
// `Codable` lets a type hold several containers open and fill them in any order, while the typed encoding is written
// from front to back and in the order of the keys' bytes. So a value first becomes a tree, and the tree is written by
// `TypedWriter`, which counts, sorts, refuses a key that occurs twice and bounds the depth, as for every other value.

import WarpFormat

/// A value in the making. Used by one encoder at a time.
final class RecordNode {
  /// What has elements and no keys.
  enum Sequence { case array, tuple, set }

  enum Content {
    /// Nothing was encoded so far.
    case nothing
    /// A value that has a typed encoding of its own.
    case value(any WarpEncodable)
    case optional(RecordNode?)
    case elements(Sequence, [RecordNode])
    case pairs([(key: RecordNode, value: RecordNode)])
    /// Two values, or two kinds of container, were put in the place of one.
    case contradiction
  }

  var content: Content

  init(_ content: Content = .nothing) { self.content = content }

  /// Puts a whole value here.
  func put(_ new: Content) {
    if case .nothing = content { content = new } else { content = .contradiction }
  }

  /// Makes this a record, unless it is one. A class and its superclass may ask for the same one.
  func becomeRecord() {
    if case .pairs = content { return }
    put(.pairs([]))
  }

  /// Makes this a sequence, unless it is one.
  func becomeSequence(_ kind: Sequence) {
    if case .elements = content { return }
    put(.elements(kind, []))
  }

  /// A new node as the value of a name.
  func member(_ name: String) -> RecordNode {
    let node = RecordNode()
    if case .pairs(var pairs) = content {
      // Taken out first, or each append would copy all pairs.
      content = .nothing
      pairs.append((RecordNode(.value(name)), node))
      content = .pairs(pairs)
    }
    return node
  }

  /// A new node as the last element.
  func element() -> RecordNode {
    let node = RecordNode()
    if case .elements(let kind, var nodes) = content {
      content = .nothing
      nodes.append(node)
      content = .elements(kind, nodes)
    }
    return node
  }

  var count: Int {
    if case .elements(_, let nodes) = content { nodes.count } else { 0 }
  }
}

extension RecordNode: WarpEncodable {
  static var typeDescriptor: [UInt8] { [TypedEncoding.anyDescriptor] }

  func encode(into writer: inout TypedWriter) throws(TypedEncodingError) {
    switch content {
    case .value(let value): try writer.append(value)
    case .optional(let node): try writer.append(optional: node)
    case .elements(.array, let nodes): try writer.append(array: nodes)
    case .elements(.set, let nodes): try writer.append(set: nodes)
    case .elements(.tuple, let nodes):
      try writer.appendTuple { (writer) throws(TypedEncodingError) in
        for node in nodes { try writer.append(node) }
      }
    case .pairs(let pairs): try writer.append(map: pairs)
    // A type that encodes nothing has no members.
    case .nothing: try writer.append(map: EmptyCollection<(key: RecordNode, value: RecordNode)>())
    case .contradiction: throw TypedEncodingError(.wrongValueCount, at: writer.bytes.count)
    }
  }
}
