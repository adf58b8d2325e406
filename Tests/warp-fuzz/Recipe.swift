// SPDX-License-Identifier: Apache-2.0
// An input of the targets `open` and `verify`, as bytes: which store to begin with, what to damage, what to do.
//
//   base 2 | repairs 1 | access 1 | operations 1 | operation 3 … | damage 13 …
//
// - Any bytes are an input: numbers are taken modulo what there is, and a rest that is too short counts for nothing. So
//   libFuzzer's own mutations are never wasted, and a file of the corpus is some dozens of bytes instead of a store.
// - Numbers are little-endian.

/// One change of a file.
struct Damage {
  /// Which structure.
  var place: UInt8
  /// Which of its fields; of raw bytes: how many.
  var field: UInt8
  /// How `value` is meant.
  var meaning: UInt8
  /// Which instance: shard, slot, bucket, registry entry.
  var index: UInt16
  var value: UInt64

  static let size = 13

  var bytes: [UInt8] {
    var bytes = [place, field, meaning, UInt8(truncatingIfNeeded: index), UInt8(index >> 8)]
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
    return bytes
  }

  init(place: UInt8, field: UInt8, meaning: UInt8, index: UInt16, value: UInt64) {
    self.place = place
    self.field = field
    self.meaning = meaning
    self.index = index
    self.value = value
  }

  init(_ bytes: ArraySlice<UInt8>) {
    let start = bytes.startIndex
    place = bytes[start]
    field = bytes[start + 1]
    meaning = bytes[start + 2]
    index = UInt16(bytes[start + 3]) | UInt16(bytes[start + 4]) << 8
    value = (0..<8).reversed().reduce(0) { $0 << 8 | UInt64(bytes[start + 5 + $1]) }
  }
}

/// One call.
struct Operation {
  var kind: UInt8
  var key: UInt8
  var argument: UInt8
}

/// What is put right after the damage, so that it lies behind the checks that would refuse it.
struct Repairs: OptionSet {
  let rawValue: UInt8
  static let geometry = Repairs(rawValue: 1)
  static let header = Repairs(rawValue: 2)
  static let lockHeader = Repairs(rawValue: 4)
  static let state = Repairs(rawValue: 8)
  static let entries = Repairs(rawValue: 16)
  static let all: Repairs = [.geometry, .header, .lockHeader, .state, .entries]
}

struct Recipe {
  /// More operations than this are not carried out.
  static let mostOperations = 32
  static let mostDamages = 64
  private static let headSize = 5

  var base: UInt16
  var repairs: Repairs
  var access: UInt8
  var operations: [Operation]
  var damages: [Damage]

  init(
    base: UInt16, repairs: Repairs = .all, access: UInt8 = 0, operations: [Operation] = [], damages: [Damage] = []
  ) {
    self.base = base
    self.repairs = repairs
    self.access = access
    self.operations = operations
    self.damages = damages
  }

  /// nil if the bytes are too few to name a store.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= Recipe.headSize else { return nil }
    base = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
    repairs = Repairs(rawValue: bytes[2])
    access = bytes[3]
    operations = []
    damages = []
    var position = Recipe.headSize
    for _ in 0..<min(Int(bytes[4]), Recipe.mostOperations) where position + 3 <= bytes.count {
      operations.append(
        Operation(kind: bytes[position], key: bytes[position + 1], argument: bytes[position + 2]))
      position += 3
    }
    while position + Damage.size <= bytes.count, damages.count < Recipe.mostDamages {
      damages.append(Damage(bytes[position..<(position + Damage.size)]))
      position += Damage.size
    }
  }

  var bytes: [UInt8] {
    var bytes = [
      UInt8(truncatingIfNeeded: base), UInt8(base >> 8), repairs.rawValue, access, UInt8(operations.count),
    ]
    for operation in operations { bytes += [operation.kind, operation.key, operation.argument] }
    for damage in damages { bytes += damage.bytes }
    return bytes
  }
}
