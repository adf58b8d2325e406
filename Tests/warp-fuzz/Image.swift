// SPDX-License-Identifier: Apache-2.0
// A pair of files in memory, damaged as a recipe says and put right again where it says so.
//
// Whatever the recipe is, nothing here traps: every place is taken modulo what there is. A file is never larger than
// `mostBytes`, so that what runs out of memory is the library.

import WarpFormat
import WarpTestSupport

/// Structures of the two files that damage is aimed at, in the order of their numbers in a recipe.
enum Place: Int, CaseIterable {
  case header, state, control, bucket, metadata, slot, payload
  case lockHeader, line, registry, counters, lease, visited
  case rawData, rawLock, dataSize, lockSize
  /// One slot's bytes and metadata over another's.
  case copiedSlot

  /// The tables of fields, nil where there is none.
  static let structures: [Structure?] = allCases.map { place in
    switch place {
    case .header: HeaderFields.structure
    case .state: StateFields.structure
    case .control: ControlFields.structure
    case .metadata: MetadataFields.structure
    case .slot: SlotFields.structure
    case .lockHeader: LockHeaderFields.structure
    case .line: LockLineFields.structure
    case .registry: RegistryFields.structure
    case .counters: CounterFields.structure
    case .lease: LeaseFields.structure
    default: nil
    }
  }

  var structure: Structure? { Place.structures[rawValue] }

  init(_ number: UInt8) { self = Place.allCases[Int(number) % Place.allCases.count] }
}

/// What the value of a damage stands for.
enum Meaning: Int, CaseIterable {
  case literal
  /// The owner word that the next handle will have.
  case ownOwner
  /// The owner word of a registry entry as it stands.
  case entryOwner
  case ownPid, ownStartTime, ownPidNamespace, ownTimeNamespace
  /// Store time, plus the value.
  case time
  /// A slot index, in range or one beyond.
  case slotIndex
  /// A bucket word that names a slot by its right hash.
  case bucketWord
  /// The control word of a live slot.
  case live

  init(_ number: UInt8) { self = Meaning.allCases[Int(number) % Meaning.allCases.count] }
}

struct Image {
  static let mostBytes = 32 << 20
  static let mostRawBytes = 1 << 20

  private(set) var data: [UInt8]
  private(set) var lock: [UInt8]?
  private(set) var dataSize: Int
  private(set) var lockSize: Int
  private var geometry: Geometry
  private var lockGeometry: LockGeometry { LockGeometry(geometry) }
  private let me = System.process()

  init(_ recipe: Recipe, _ base: Base) {
    data = base.data
    lock = base.lock.isEmpty || recipe.access & 1 != 0 ? nil : base.lock
    dataSize = data.count
    lockSize = lock?.count ?? 0
    // A header that is broken beyond reading says nothing of where things are; any small geometry will do.
    geometry =
      (try? Header(verifying: Array(data.prefix(Format.pageSize)), fileSize: data.count).geometry)
      ?? Image.smallGeometry
    for damage in recipe.damages where Place(damage.place) == .header { apply(damage) }
    if recipe.repairs.contains(.geometry) { repairGeometry() }
    for damage in recipe.damages where Place(damage.place) != .header { apply(damage) }
    if recipe.repairs.contains(.entries) { repairEntries() }
    if recipe.repairs.contains(.state) { repairState() }
    if recipe.repairs.contains(.header) { Image.seal(&data, 0, HeaderFields.checksum.offset) }
    if recipe.repairs.contains(.lockHeader), lock != nil {
      Image.seal(&lock!, 0, LockHeaderFields.checksum.offset)
    }
  }

  // A geometry that is always valid.
  private static let smallGeometry = try! Geometry(Parameters(capacity: 4, maxKeySize: 16, maxValueSize: 32))

  // MARK: Numbers

  private static func get(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64 {
    guard offset >= 0, offset + size <= bytes.count else { return 0 }
    return (0..<size).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
  }

  private static func put(_ bytes: inout [UInt8], _ offset: Int, _ size: Int, _ value: UInt64) {
    guard offset >= 0, offset + size <= bytes.count else { return }
    for index in 0..<size { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (index & 7))) }
  }

  private static func seal(_ bytes: inout [UInt8], _ start: Int, _ size: Int) {
    guard start + size + 8 <= bytes.count else { return }
    put(&bytes, start + size, 8, XXH3.hash64([UInt8](bytes[start..<(start + size)]), seed: 0))
  }

  private func number(_ field: Field, _ start: Int = 0) -> UInt64 {
    Image.get(data, start + field.offset, field.size)
  }

  // MARK: Places

  private func shardAndSlot(_ index: UInt16) -> (shard: Int, slot: Int) {
    let shard = Int(index) % geometry.shardCount
    return (shard, Int(index) / geometry.shardCount % geometry.slotsPerShard)
  }

  private func slotOffset(_ shard: Int, _ slot: Int) -> Int {
    geometry.shardOffset(shard) + geometry.slotsOffset + slot * geometry.slotStride
  }

  private func metadataOffset(_ shard: Int, _ slot: Int) -> Int {
    geometry.shardOffset(shard) + geometry.metadataOffset + slot * MetadataFields.structure.size
  }

  /// Where the structure of a damage begins in its file.
  private func start(_ place: Place, _ index: UInt16, _ field: UInt8) -> Int {
    let (shard, slot) = shardAndSlot(index)
    return switch place {
    case .header, .lockHeader, .dataSize, .lockSize, .copiedSlot: 0
    case .state: Format.stateOffset
    case .control: geometry.shardOffset(shard)
    case .bucket:
      geometry.shardOffset(shard) + geometry.bucketsOffset
        + (Int(index) / geometry.shardCount + Int(field) << 8) % geometry.bucketsPerShard * Format.bucketSize
    case .metadata: metadataOffset(shard, slot)
    case .slot: slotOffset(shard, slot)
    case .payload: slotOffset(shard, slot) + 32 + Int(field) * 8
    case .line: lockGeometry.linesOffset + shard * LockLineFields.structure.size
    case .registry:
      lockGeometry.registryOffset + Int(index) % Format.registryEntries * RegistryFields.structure.size
    case .counters:
      lockGeometry.countersOffset + Int(index) % Format.counterStripes * CounterFields.structure.size
    case .lease:
      lockGeometry.leasesOffset + Int(index) % (Format.leaseCells * geometry.shardCount)
        * LeaseFields.structure.size
    case .visited: lockGeometry.visitedOffset + shard * lockGeometry.visitedStride + slot
    case .rawData: Int(index) * 8
    case .rawLock: Int(index) * 4
    }
  }

  // MARK: Damage

  private mutating func apply(_ damage: Damage) {
    let place = Place(damage.place)
    let value = value(damage)
    var offset = start(place, damage.index, damage.field)
    var size = 8
    if let structure = place.structure {
      let field = structure.fields[Int(damage.field) % structure.fields.count]
      offset += field.offset
      size = min(field.size, 8)
      // The records of the state block, the id and the name: one of their words.
      if field.size > 8 { offset += Int(damage.index) % (field.size / 8) * 8 }
    }
    switch place {
    case .lockHeader, .line, .registry, .counters, .lease, .rawLock:
      if lock != nil { Image.put(&lock!, offset, size, value) }
    case .visited: if lock != nil { Image.put(&lock!, offset, 1, value) }
    case .dataSize: dataSize = Int(value % UInt64(Image.mostBytes))
    case .lockSize: lockSize = Int(value % UInt64(Image.mostBytes))
    case .copiedSlot: copySlot(damage)
    default: Image.put(&data, offset, size, value)
    }
  }

  private mutating func copySlot(_ damage: Damage) {
    let (shard, slot) = shardAndSlot(damage.index)
    let other = Int(damage.value % UInt64(geometry.slotsPerShard))
    for (from, to, size) in [
      (slotOffset(shard, slot), slotOffset(shard, other), geometry.slotStride),
      (metadataOffset(shard, slot), metadataOffset(shard, other), MetadataFields.structure.size),
    ] where max(from, to) + size <= data.count {
      data.replaceSubrange(to..<(to + size), with: data[from..<(from + size)])
    }
  }

  private func value(_ damage: Damage) -> UInt64 {
    let value = damage.value
    let registry = lockGeometry.registryOffset
    func generation(_ entry: Int) -> UInt64 {
      Image.get(lock ?? [], registry + entry * RegistryFields.structure.size, RegistryFields.generation.size)
    }
    switch Meaning(damage.meaning) {
    case .literal: return value
    case .ownOwner: return (generation(0) &+ 1) << 32 | 1
    case .entryOwner:
      let entry = Int(value % UInt64(Format.registryEntries))
      return generation(entry) << 32 | UInt64(entry + 1)
    case .ownPid: return UInt64(me.id)
    case .ownStartTime: return me.startTime
    case .ownPidNamespace: return me.pidNamespace
    case .ownTimeNamespace: return me.timeNamespace
    case .time:
      let record = Format.stateOffset + StateFields.clockA.offset
      return UInt64(FuzzWorld.start) &+ number(ClockFields.base, record) &+ value
    case .slotIndex: return value % UInt64(geometry.slotsPerShard + 2)
    case .bucketWord:
      let slot = Int(value % UInt64(geometry.slotsPerShard))
      let metadata = metadataOffset(Int(damage.index) % geometry.shardCount, slot)
      return number(MetadataFields.hash, metadata) & ~0xFFFF_FFFF | UInt64(slot + 1)
    case .live: return value << 3 | 3
    }
  }

  // MARK: Repairs

  /// Makes the derived fields of the header, the sizes of the files and the lock header agree with its parameters.
  private mutating func repairGeometry() {
    typealias F = HeaderFields
    guard data.count >= Format.pageSize else { return }
    func count(_ field: Field) -> Int { Int(clamping: number(field)) }
    let parameters = Parameters(
      capacity: count(F.capacity), shards: count(F.shardCount), maxKeySize: count(F.maxKeySize),
      maxValueSize: count(F.maxValueSize), maxRawSize: count(F.maxRawSize),
      eviction: UInt32(truncatingIfNeeded: number(F.evictionID)),
      zstd: number(F.incompatFeatures) & Format.incompatZstd != 0)
    guard let wanted = try? Geometry(parameters), wanted.fileSize <= Image.mostBytes,
      wanted.maxRawSize <= Image.mostRawBytes, LockGeometry(wanted).fileSize <= Image.mostBytes,
      let header = try? Header(parameters, geometry: wanted, environment: Fixtures.environment)
    else { return }
    let page = header.encoded()
    for range in [F.fileSize.offset..<F.capacity.offset, 76..<88, 100..<152] {
      data.replaceSubrange(range, with: page[range])
    }
    guard wanted != geometry || wanted.fileSize != data.count else { return }
    geometry = wanted
    resize(&data, to: wanted.fileSize)
    dataSize = wanted.fileSize
    Image.seal(&data, 0, F.checksum.offset)
    guard var bytes = lock,
      let header = try? Header(verifying: Array(data.prefix(Format.pageSize)), fileSize: dataSize),
      let bootID = try? Fixtures.environment.bootID()
    else { return }
    lockSize = lockGeometry.fileSize
    resize(&bytes, to: lockSize)
    let first = LockHeader(header, bootID: bootID, device: 0, inode: 0).encoded()
    bytes.replaceSubrange(0..<Format.pageSize, with: first)
    lock = bytes
  }

  private func resize(_ bytes: inout [UInt8], to size: Int) {
    if bytes.count > size { bytes.removeLast(bytes.count - size) }
    if bytes.count < size { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
  }

  private mutating func repairState() {
    for (field, size) in [
      (StateFields.clockA, ClockFields.checksum.offset), (StateFields.clockB, ClockFields.checksum.offset),
      (StateFields.detach, DetachFields.checksum.offset),
    ] {
      let start = Format.stateOffset + field.offset
      guard start + field.size <= data.count, data[start..<(start + field.size)].contains(where: { $0 != 0 })
      else { continue }
      Image.seal(&data, start, size)
    }
  }

  /// The checksums of all live slots, as the format has them.
  private mutating func repairEntries() {
    guard data.count >= geometry.fileSize else { return }
    let words = (
      Image.get(data, HeaderFields.storeID.offset, 8), Image.get(data, HeaderFields.storeID.offset + 8, 8)
    )
    for shard in 0..<geometry.shardCount {
      let used = min(Int(number(ControlFields.usedSlots, geometry.shardOffset(shard))), geometry.slotsPerShard)
      for slot in 0..<min(used, 512) {
        let at = slotOffset(shard, slot)
        guard data[at] & 7 >= 2 else { continue }
        let place = metadataOffset(shard, slot)
        let header = EntryHeader([UInt8](data[at..<(at + SlotFields.structure.size)]))
        let metadata = EntryMetadata([UInt8](data[place..<(place + MetadataFields.structure.size)]))
        guard header.keySize <= geometry.maxKeySize, header.storedSize <= geometry.maxValueSize else { continue }
        let value = at + 32 + (header.keySize + 7) & ~7
        guard value + header.storedSize <= data.count else { continue }
        let stored = [UInt8](data[value..<(value + header.storedSize)])
        let sum = EntryChecksum.value(
          storeID: words, shard: shard, slot: UInt32(slot + 1), header: header, metadata: metadata,
          digest: XXH3.hash64(stored, seed: 0))
        Image.put(&data, place, 8, sum)
      }
    }
  }
}
