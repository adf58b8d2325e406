// SPDX-License-Identifier: Apache-2.0
// A store's two files built by hand, without the library's writing code, so that the verifier is tested against the
// specification and not against what the library happens to write.
//
// `data` and `lock` are plain bytes: a test builds a sound pair, breaks it where it likes, writes it and looks.

package import WarpFormat

/// A data file and its lock file in memory.
package struct StoreImage {
  package var header: Header
  package var data: [UInt8]
  package var lock: [UInt8]
  /// Keys and slots in insertion order, for each shard.
  private var order: [[Int]]

  package var geometry: Geometry { header.geometry }
  package var lockGeometry: LockGeometry { LockGeometry(geometry) }

  /// An empty store.
  package init(_ parameters: Parameters) throws(FormatError) {
    var environment = Environment.system
    environment.entropy = { (count) throws(FormatError) in (0..<count).map { UInt8(0x40 + $0) } }
    let geometry = try Geometry(parameters)
    header = try Header(parameters, geometry: geometry, environment: environment)
    data = header.encoded() + [UInt8](repeating: 0, count: geometry.fileSize - Format.pageSize)
    let clock = ClockRecord(generation: 1, bootID: [UInt8](1...16), base: 1_000_000)
    for (index, byte) in clock.encoded().enumerated() {
      data[Format.stateOffset + StateFields.clockA.offset + index] = byte
    }
    let lockHeader = LockHeader(header, bootID: [UInt8](1...16), device: 0, inode: 0)
    let lockSize = LockGeometry(geometry).fileSize
    lock = lockHeader.encoded() + [UInt8](repeating: 0, count: lockSize - Format.pageSize)
    order = Array(repeating: [], count: geometry.shardCount)
  }

  /// A data file as it is, to be damaged or added to.
  package init(data: [UInt8]) throws(FormatError) {
    header = try Header(verifying: Array(data.prefix(Format.pageSize)), fileSize: data.count)
    self.data = data
    lock = []
    order = Array(repeating: [], count: header.geometry.shardCount)
    for shard in 0..<header.geometry.shardCount {
      var slot = Int(control(ControlFields.oldest, shard: shard))
      while slot != 0 {
        order[shard].append(slot)
        slot = Int(metadata(slot, MetadataFields.newer, shard: shard))
      }
    }
  }

  // MARK: Places

  package func controlOffset(_ field: Field, shard: Int = 0) -> Int {
    geometry.shardOffset(shard) + field.offset
  }
  package func slotOffset(_ slot: Int, _ field: Field = SlotFields.control, shard: Int = 0) -> Int {
    geometry.shardOffset(shard) + geometry.slotsOffset + (slot - 1) * geometry.slotStride + field.offset
  }
  package func metadataOffset(_ slot: Int, _ field: Field = MetadataFields.checksum, shard: Int = 0) -> Int {
    geometry.shardOffset(shard) + geometry.metadataOffset + (slot - 1) * 64 + field.offset
  }
  package func bucketOffset(_ bucket: Int, shard: Int = 0) -> Int {
    geometry.shardOffset(shard) + geometry.bucketsOffset + bucket * 8
  }

  // MARK: Integers

  package func get(_ offset: Int, _ size: Int) -> UInt64 {
    (0..<size).reversed().reduce(0) { $0 << 8 | UInt64(data[offset + $1]) }
  }
  package mutating func set(_ offset: Int, _ size: Int, _ value: UInt64) {
    for index in 0..<size { data[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
  }
  package func control(_ field: Field, shard: Int = 0) -> UInt64 {
    get(controlOffset(field, shard: shard), field.size)
  }
  package mutating func setControl(_ field: Field, _ value: UInt64, shard: Int = 0) {
    set(controlOffset(field, shard: shard), field.size, value)
  }
  package func metadata(_ slot: Int, _ field: Field, shard: Int = 0) -> UInt64 {
    get(metadataOffset(slot, field, shard: shard), field.size)
  }
  package mutating func setMetadata(_ slot: Int, _ field: Field, _ value: UInt64, shard: Int = 0) {
    set(metadataOffset(slot, field, shard: shard), field.size, value)
  }
  package func slot(_ slot: Int, _ field: Field, shard: Int = 0) -> UInt64 {
    get(slotOffset(slot, field, shard: shard), field.size)
  }
  package mutating func setSlot(_ slot: Int, _ field: Field, _ value: UInt64, shard: Int = 0) {
    set(slotOffset(slot, field, shard: shard), field.size, value)
  }

  // MARK: Entries

  package func shard(of key: [UInt8]) -> Int {
    Int(XXH3.hash64(key, seed: header.hashSeed) & UInt64(geometry.shardCount - 1))
  }

  /// Adds an entry as the newest of its shard, in the first slot never used. The shard must have room.
  @discardableResult
  package mutating func insert(
    _ key: [UInt8], _ value: [UInt8], deadline: UInt64 = 0, codec: UInt8 = 0, rawSize: Int? = nil,
    freshUntil: UInt64 = 0
  ) -> Int {
    typealias C = ControlFields
    typealias M = MetadataFields
    let hash = XXH3.hash64(key, seed: header.hashSeed)
    let shard = shard(of: key)
    let slot = Int(control(C.usedSlots, shard: shard)) + 1
    let serial = control(C.writeCounter, shard: shard) + 1
    setControl(C.usedSlots, UInt64(slot), shard: shard)
    setControl(C.writeCounter, serial, shard: shard)
    setControl(C.lastStamp, serial, shard: shard)
    if deadline != 0 { setControl(C.sweep, 1, shard: shard) }
    if geometry.allocatesRuns {
      setControl(C.backedSlots, UInt64(geometry.slotsPerShard), shard: shard)
    } else {
      setMetadata(slot, M.allocated, UInt64(geometry.slotStride), shard: shard)
    }
    setSlot(slot, SlotFields.control, 1 << 3 | 3, shard: shard)
    setSlot(slot, SlotFields.deadline, deadline, shard: shard)
    setSlot(slot, SlotFields.keySize, UInt64(key.count), shard: shard)
    setSlot(slot, SlotFields.storedSize, UInt64(value.count), shard: shard)
    setSlot(slot, SlotFields.rawSize, UInt64(rawSize ?? value.count), shard: shard)
    setSlot(slot, SlotFields.codec, UInt64(codec), shard: shard)
    let start = slotOffset(slot, shard: shard) + 32
    for (index, byte) in key.enumerated() { data[start + index] = byte }
    for (index, byte) in value.enumerated() { data[start + (key.count + 7) / 8 * 8 + index] = byte }
    setMetadata(slot, M.stamp, serial, shard: shard)
    setMetadata(slot, M.revision, serial, shard: shard)
    setMetadata(slot, M.written, 1_000_000 + serial, shard: shard)
    setMetadata(slot, M.freshUntil, freshUntil, shard: shard)
    setMetadata(slot, M.hash, hash, shard: shard)
    let count = control(C.count, shard: shard)
    setControl(C.count, count + 1, shard: shard)
    let stored = control(C.storedBytes, shard: shard)
    setControl(C.storedBytes, stored + UInt64(key.count + value.count), shard: shard)
    if let newest = order[shard].last {
      setMetadata(newest, M.newer, UInt64(slot), shard: shard)
      setMetadata(slot, M.older, UInt64(newest), shard: shard)
    } else {
      setControl(C.oldest, UInt64(slot), shard: shard)
    }
    setControl(C.newest, UInt64(slot), shard: shard)
    order[shard].append(slot)
    link(slot, hash, shard: shard)
    seal(slot, shard: shard)
    return slot
  }

  /// Puts a slot into the first empty bucket from its home.
  private mutating func link(_ slot: Int, _ hash: UInt64, shard: Int) {
    var bucket = Int(hash >> 32) % geometry.bucketsPerShard
    while get(bucketOffset(bucket, shard: shard), 8) != 0 { bucket = (bucket + 1) % geometry.bucketsPerShard }
    set(bucketOffset(bucket, shard: shard), 8, hash & ~0xFFFF_FFFF | UInt64(slot))
  }

  /// Removes the newest entry of a shard, whose bucket must be the last of its chain.
  package mutating func removeNewest(shard: Int = 0) {
    typealias C = ControlFields
    let slot = order[shard].removeLast()
    let older = order[shard].last ?? 0
    let key = self.slot(slot, SlotFields.keySize, shard: shard)
    let stored =
      control(C.storedBytes, shard: shard) - key - self.slot(slot, SlotFields.storedSize, shard: shard)
    setControl(C.storedBytes, stored, shard: shard)
    setControl(C.count, UInt64(order[shard].count), shard: shard)
    setControl(C.newest, UInt64(older), shard: shard)
    if older == 0 {
      setControl(C.oldest, 0, shard: shard)
    } else {
      setMetadata(older, MetadataFields.newer, 0, shard: shard)
    }
    set(bucketOffset(bucket(of: slot, shard: shard)!, shard: shard), 8, 0)
    setSlot(slot, SlotFields.control, self.slot(slot, SlotFields.control, shard: shard) & ~7, shard: shard)
    setMetadata(slot, MetadataFields.newer, control(C.freeHead, shard: shard), shard: shard)
    setControl(C.freeHead, UInt64(slot), shard: shard)
  }

  package func bucket(of slot: Int, shard: Int = 0) -> Int? {
    (0..<geometry.bucketsPerShard).first { get(bucketOffset($0, shard: shard), 4) == UInt64(slot) }
  }

  /// Computes a slot's checksum anew, by the letter of the specification.
  package mutating func seal(_ slot: Int, shard: Int = 0) {
    let start = slotOffset(slot, shard: shard)
    let value = start + 32 + (Int(get(start + 16, 4)) + 7) / 8 * 8
    let size = Int(get(start + 20, 4))
    let digest = value + size <= data.count ? XXH3.hash64([UInt8](data[value..<(value + size)]), seed: 0) : 0
    let metadata = metadataOffset(slot, shard: shard)
    var record = header.storeID
    func append(_ number: UInt64, _ size: Int) {
      for index in 0..<size { record.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
    }
    append(UInt64(shard), 4)
    append(UInt64(slot), 4)
    record += data[(metadata + 40)..<(metadata + 48)]  // hash
    record += data[(start + 8)..<(start + 30)]  // deadline, sizes, codec, flags
    append(0, 2)
    record += data[(metadata + 8)..<(metadata + 40)]  // stamp, revision, written, fresh-until
    append(digest, 8)
    set(metadata, 8, XXH3.hash64(record, seed: 0))
  }

  /// Computes the header's checksum anew.
  package mutating func sealHeader() {
    set(
      HeaderFields.checksum.offset, 8,
      XXH3.hash64([UInt8](data.prefix(HeaderFields.checksum.offset)), seed: 0))
  }

  package mutating func sealLockHeader() {
    let checksum = XXH3.hash64([UInt8](lock.prefix(LockHeaderFields.checksum.offset)), seed: 0)
    for index in 0..<8 {
      lock[LockHeaderFields.checksum.offset + index] = UInt8(
        truncatingIfNeeded: checksum >> UInt64(8 * index))
    }
  }
}
