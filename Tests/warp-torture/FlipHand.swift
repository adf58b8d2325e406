// SPDX-License-Identifier: Apache-2.0
// The hostile hand of `warp-torture flip`: it maps the two files behind the library's back and changes what it likes. When
// the files are replaced it follows the names.

import Glibc
import WarpFormat
import WarpTestSupport

/// What the hand did.
struct FlipTally {
  var flips = 0
  /// Words that were moved to and fro.
  var fluttered = 0
}

struct FlipHand {
  /// Instances of one structure in one of the files.
  private struct Places {
    let fields: [(offset: Int, size: Int)]
    let start: Int
    let stride: Int
    let count: Int
    let inLock: Bool
    /// How often it is chosen.
    let weight: Int

    init(
      _ structure: Structure, at start: Int, stride: Int = 0, count: Int = 1, inLock: Bool = false, weight: Int
    ) {
      fields = structure.fields.map { ($0.offset, $0.size) }
      (self.start, self.stride, self.count, self.inLock, self.weight) = (start, stride, count, inLock, weight)
    }

    /// Words that are numbered and have no fields.
    init(wordsAt start: Int, count: Int, weight: Int) {
      fields = [(0, 8)]
      (self.start, stride, self.count, inLock, self.weight) = (start, 8, count, false, weight)
    }
  }

  /// A file that is mapped whole.
  private struct Mapped {
    let words: SharedWords
    let inode: UInt64
  }

  let path: String
  var random: SeededGenerator
  private var data: Mapped?
  private var lock: Mapped?
  private var places: [Places] = []
  private var slots = 1
  /// Nanoseconds from one flip to the next.
  private let pace: Int64
  private var flipsToLook = 0

  init(path: String, random: SeededGenerator) {
    self.path = path
    self.random = random
    pace = [0, 2_000, 50_000, 1_000_000, 10_000_000][self.random.below(5)]
  }

  /// Changes something; false if there is no hope.
  mutating func flip(_ tally: inout FlipTally) -> Bool {
    if flipsToLook == 0 { look() }
    flipsToLook -= 1
    guard let data, let lock else {
      System.sleep(200_000)
      flipsToLook = 0
      return true
    }
    let (words, index, bits, shift) = place(data, lock)
    let old = words.load(index)
    let value = value(old >> UInt64(shift))
    let mask: UInt64 = bits == 64 ? .max : ((1 << UInt64(bits)) - 1) << UInt64(shift)
    let new = old & ~mask | (value << UInt64(shift)) & mask
    if random.below(64) == 0 {
      for _ in 0..<(1000 + random.below(20_000)) {
        words.store(index, new)
        words.store(index, old)
      }
      tally.fluttered += 1
    }
    words.store(index, new)
    tally.flips += 1
    if pace > 0 { System.sleep(Int64(random.below(Int(2 * pace)))) }
    return true
  }

  /// Which word of which file, and how many of its bits.
  private mutating func place(_ data: Mapped, _ lock: Mapped) -> (SharedWords, Int, bits: Int, shift: Int) {
    if random.below(4) > 0, let place = chosen() {
      let field = place.fields[random.below(place.fields.count)]
      let words = place.inLock ? lock.words : data.words
      // Half of the time at the front, where small stores have what they have.
      let instance = random.below(2) == 0 ? random.below(min(place.count, 8)) : random.below(place.count)
      var offset = place.start + instance * place.stride + field.offset
      if field.size > 8 { offset += random.below(field.size / 8) * 8 }
      if offset / 8 < words.count { return (words, offset / 8, min(field.size, 8) * 8, offset % 8 * 8) }
    }
    // Any byte or word behind the headers.
    let words = random.below(2) == 0 ? data.words : lock.words
    let first = Format.pageSize / 8
    let index = first + random.below(max(1, words.count - first))
    return random.below(2) == 0 ? (words, index, 64, 0) : (words, index, 8, random.below(8) * 8)
  }

  /// Each as often as its weight says.
  private mutating func chosen() -> Places? {
    let total = places.reduce(0) { $0 + $1.weight }
    guard total > 0 else { return nil }
    var at = random.below(total)
    for place in places {
      if at < place.weight { return place }
      at -= place.weight
    }
    return nil
  }

  /// A number in the place of another.
  private mutating func value(_ old: UInt64) -> UInt64 {
    switch random.below(10) {
    case 0: 0
    case 1: UInt64(random.below(slots + 2))
    case 2: old &+ 1
    case 3: old &- 1
    case 4: old ^ 1 << UInt64(random.below(64))
    case 5: (1 << UInt64(random.below(64))) &- UInt64(random.below(2))
    case 6: .max &- UInt64(random.below(3))
    // An owner word, a bucket word, two sizes.
    case 7: UInt64(random.below(6)) << 32 | UInt64(1 + random.below(4))
    case 8: old & ~0xFFFF_FFFF | UInt64(random.below(slots + 2))
    default: random.next()
    }
  }

  // MARK: Files

  /// Maps what has the names now.
  private mutating func look() {
    flipsToLook = pace >= 1_000_000 ? 1 : 500
    let status = try? System.status(path: path)
    let lockStatus = try? System.status(path: path + StoreFiles.lockSuffix)
    guard let status, let lockStatus, status.size > 0, lockStatus.size > 0 else {
      (data, lock) = (nil, nil)
      return
    }
    if data?.inode != status.inode {
      data?.words.unmap()
      data = (try? SharedWords(path)).map { Mapped(words: $0, inode: status.inode) }
      learn()
    }
    if lock?.inode != lockStatus.inode {
      lock?.words.unmap()
      lock = (try? SharedWords(path + StoreFiles.lockSuffix)).map { Mapped(words: $0, inode: lockStatus.inode) }
    }
  }

  /// Where the structures are, if the header can be read.
  private mutating func learn() {
    guard let data, let page = try? firstPage(),
      let header = try? Header(verifying: page, fileSize: data.words.count * 8)
    else { return }
    let geometry = header.geometry
    let lock = LockGeometry(geometry)
    slots = geometry.slotsPerShard
    places = [
      Places(HeaderFields.structure, at: 0, weight: 1),
      Places(StateFields.structure, at: Format.stateOffset, weight: 2),
      Places(LockHeaderFields.structure, at: 0, inLock: true, weight: 1),
      Places(
        LockLineFields.structure, at: lock.linesOffset, stride: LockLineFields.structure.size,
        count: geometry.shardCount, inLock: true, weight: 60),
      Places(
        RegistryFields.structure, at: lock.registryOffset, stride: RegistryFields.structure.size,
        count: Format.registryEntries, inLock: true, weight: 20),
      Places(
        LeaseFields.structure, at: lock.leasesOffset, stride: LeaseFields.structure.size,
        count: geometry.shardCount * Format.leaseCells, inLock: true, weight: 20),
    ]
    for shard in 0..<min(geometry.shardCount, 16) {
      let start = geometry.shardOffset(shard)
      let count = geometry.slotsPerShard
      places += [
        Places(ControlFields.structure, at: start, weight: 60),
        Places(wordsAt: start + geometry.bucketsOffset, count: geometry.bucketsPerShard, weight: 60),
        Places(
          MetadataFields.structure, at: start + geometry.metadataOffset, stride: MetadataFields.structure.size,
          count: count, weight: 60),
        Places(
          SlotFields.structure, at: start + geometry.slotsOffset, stride: geometry.slotStride, count: count,
          weight: 100),
      ]
    }
  }

  private func firstPage() throws -> [UInt8] {
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    return try System.read(file, at: 0, count: Format.pageSize, path)
  }
}
