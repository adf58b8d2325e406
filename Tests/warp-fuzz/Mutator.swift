// SPDX-License-Identifier: Apache-2.0
// How inputs are changed: half of the time by libFuzzer, which knows nothing of their structure and learns from the
// comparisons that the code makes, half of the time here, by whole damages, operations and values.

import CFuzz
import WarpFormat
import WarpTestSupport

@c(LLVMFuzzerCustomMutator)
public func mutate(
  _ data: UnsafeMutablePointer<UInt8>, _ size: Int, _ room: Int, _ seed: UInt32
) -> Int {
  var random = SeededGenerator(seed: UInt64(seed))
  guard random.below(2) == 0 else { return LLVMFuzzerMutate(data, size, room) }
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  let state = FuzzState.shared
  let changed: [UInt8] =
    switch state.target {
    case .open, .verify: Mutator.recipe(bytes, state.stores?.bases.all ?? [], &random)
    case .typed: Mutator.typed(bytes, &random)
    case .zstd: Mutator.zstd(bytes, &random)
    }
  guard !changed.isEmpty, changed.count <= room else { return LLVMFuzzerMutate(data, size, room) }
  for (index, byte) in changed.enumerated() { data[index] = byte }
  return changed.count
}

enum Mutator {
  // MARK: Recipes

  static func recipe(_ bytes: [UInt8], _ bases: [Base], _ random: inout SeededGenerator) -> [UInt8] {
    guard var recipe = Recipe(bytes), !bases.isEmpty else { return [] }
    for _ in 0...random.below(3) {
      switch random.below(12) {
      case 0: recipe.base = bases[random.below(bases.count)].number
      // All right again but for one thing, most of the time: what is refused at once teaches nothing.
      case 1:
        recipe.repairs = random.below(3) == 0 ? Repairs(rawValue: UInt8(random.below(32))) : .all
      case 2: recipe.access = UInt8(random.below(16))
      case 3, 4: change(&recipe.operations, Recipe.mostOperations, &random, new: operation)
      default: change(&recipe.damages, Recipe.mostDamages, &random, new: damage)
      }
    }
    return recipe.bytes
  }

  /// Adds, replaces, moves or removes one.
  private static func change<Element>(
    _ list: inout [Element], _ most: Int, _ random: inout SeededGenerator,
    new: (inout SeededGenerator) -> Element
  ) {
    let kind = random.below(8)
    if list.isEmpty || kind < 4 {
      if list.count < most { list.insert(new(&random), at: random.below(list.count + 1)) }
    } else if kind < 6 {
      list[random.below(list.count)] = new(&random)
    } else if kind == 6 {
      list.swapAt(random.below(list.count), random.below(list.count))
    } else {
      list.remove(at: random.below(list.count))
    }
  }

  private static func operation(_ random: inout SeededGenerator) -> Operation {
    Operation(
      kind: UInt8(random.below(StoreCall.allCases.count)), key: UInt8(random.below(28)),
      argument: UInt8(random.below(256)))
  }

  private static func damage(_ random: inout SeededGenerator) -> Damage {
    Damage(
      place: UInt8(random.below(Place.allCases.count)), field: UInt8(random.below(24)),
      meaning: random.below(2) == 0 ? 0 : UInt8(random.below(Meaning.allCases.count)),
      index: UInt16(random.below(random.below(4) == 0 ? 1024 : 24)), value: value(&random))
  }

  /// A number that a check may have forgotten.
  private static func value(_ random: inout SeededGenerator) -> UInt64 {
    switch random.below(6) {
    case 0: UInt64(random.below(40))
    case 1: (1 << UInt64(random.below(64))) &+ UInt64(random.below(3)) &- 1
    case 2: UInt64.max &- UInt64(random.below(4))
    case 3: UInt64(UInt32.max) &- UInt64(random.below(4))
    case 4: UInt64(random.below(8)) << 32 | UInt64(random.below(30))
    default: random.next()
    }
  }

  // MARK: Typed values and frames

  /// A whole value put in somewhere, or the type that is asked for.
  static func typed(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    guard let first = bytes.first else { return [] }
    var bytes = bytes
    if random.below(4) == 0 { bytes[0] = UInt8(truncatingIfNeeded: random.next()) }
    let mode: TypedMode = first & 0x80 == 0 ? .value : .key
    let depth = random.below(4)
    guard let value = try? TypedTarget.tree(&random, depth: depth).typedBytes(mode: mode) else { return bytes }
    if random.below(3) == 0 { return [bytes[0]] + value }
    let start = 1 + random.below(bytes.count)
    let end = random.below(2) == 0 ? start : min(start + random.below(16), bytes.count)
    bytes.replaceSubrange(min(start, bytes.count)..<max(min(start, bytes.count), end), with: value)
    return bytes
  }

  /// The raw size that the frame declares, or a frame of the bytes that are there.
  static func zstd(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    guard bytes.count > 12 else { return [] }
    var bytes = bytes
    if random.below(2) == 0 {
      let value = Array(bytes.dropFirst(3))
      let level = random.below(20)
      let frame = value.withUnsafeBytes { Compression.compress($0, level: level, limit: value.count + 64) }
      return [UInt8(value.count & 0xFF), UInt8(value.count >> 8 & 0xFF), UInt8(value.count >> 16 & 0x0F)]
        + (frame ?? [])
    }
    let width = [1, 2, 4, 8][Int(bytes[7] >> 6)]
    let start = bytes[7] & 0x20 != 0 ? 8 : 9
    var size = (0..<min(width, 3)).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
    if width == 2 { size += 256 }
    bytes[0] = UInt8(size & 0xFF)
    bytes[1] = UInt8(size >> 8 & 0xFF)
    bytes[2] = UInt8(size >> 16 & 0x0F)
    return bytes
  }
}
