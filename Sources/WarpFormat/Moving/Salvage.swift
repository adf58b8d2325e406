// SPDX-License-Identifier: Apache-2.0
// What is still sound in a damaged file (SPEC.md 24.5): every slot is looked at by itself. Tables, queues, free lists and counts
// are not believed, and neither is `usedSlots`.
//
// - The file is read with `pread` only and never changed. It may be shorter than it ought to be.
// - Holes are skipped, so the time grows with what the file holds and not with what it claims.

/// A damaged file, opened for what can be saved of it.
package final class SalvagedFile {
  package let guess: HeaderGuess
  /// The header with which slots are judged.
  private let header: Header
  private let file: ByteFile
  private let lock: LockImage?
  private let owned: [Int32]

  /// - Throws: what opening throws, and if nothing is known of what the header was.
  package init(
    _ path: String, parameters: Parameters?, isOurs: Bool, environment: Environment = .system
  ) throws(FormatError) {
    let descriptor = try System.open(path, .readOnly)
    do throws(FormatError) {
      file = try ByteFile(descriptor: descriptor, path: path)
      let page = try System.read(descriptor, at: 0, count: Format.pageSize, path)
      guess = try HeaderGuess(
        page, fileSize: file.size, parameters: parameters, isOurs: isOurs, environment: environment)
    } catch {
      System.close(descriptor)
      throw error.at(path)
    }
    var header = guess.header
    if guess.mayUseZstd { header.incompatFeatures |= Format.incompatZstd }
    self.header = header
    // Marks are all that is wanted of it.
    let lockPath = path + StoreFiles.lockSuffix
    let lockDescriptor = try? System.open(lockPath, .readOnly)
    lock = lockDescriptor.flatMap { try? LockImage(descriptor: $0, path: lockPath, of: header) }
    owned = [descriptor] + (lockDescriptor.map { [$0] } ?? [])
  }

  deinit {
    for descriptor in owned { System.close(descriptor) }
  }

  package var status: FileStatus? { try? System.status(file.descriptor, file.path) }

  /// The sound entries of a shard, and how many of what else looked like one.
  package func harvest(_ index: Int) throws(FormatError) -> Harvest {
    let geometry = header.geometry
    let stride = geometry.slotStride
    let base = geometry.shardOffset(index) + geometry.slotsOffset
    let end = min(file.size, base + geometry.slotsPerShard * stride)
    let visited = Set((try? lock?.visitedSlots(index)) ?? [])
    var result = Harvest()
    result.isConsistent = true
    var at = base
    // Bound: `at` grows by a slot at least.
    while at < end, let data = System.nextData(file.descriptor, from: at), data.lowerBound < end {
      let first = (max(data.lowerBound, at) - base) / stride
      let last = (min(data.upperBound, end) - 1 - base) / stride
      for place in first...max(first, last) {
        try examine(
          SlotPlace(header: header, shard: index, slot: place + 1), base + place * stride, visited, &result)
      }
      at = base + (max(first, last) + 1) * stride
    }
    let copies = result.entries.settle()
    if copies > 0 { result.damaged["WKV-B07", default: 0] += copies }
    return result
  }

  private func examine(
    _ place: SlotPlace, _ offset: Int, _ visited: Set<Int>, _ result: inout Harvest
  ) throws(FormatError) {
    let head = try System.read(file.descriptor, at: offset, count: SlotFields.structure.size, file.path)
    guard head.count == SlotFields.structure.size else { return }
    switch Control(raw: head.integer(SlotFields.control)).state {
    case .free: return
    case .live: break
    default:
      result.damaged["WKV-E01", default: 0] += 1
      return
    }
    let metadata = try System.read(
      file.descriptor, at: metadataOffset(place), count: MetadataFields.structure.size, file.path)
    guard let (_, valueStart, storedSize) = place.payload(head) else {
      result.damaged["WKV-E03", default: 0] += 1
      return
    }
    let bytes = try System.read(file.descriptor, at: offset, count: valueStart + storedSize, file.path)
    guard bytes.count == valueStart + storedSize, metadata.count == MetadataFields.structure.size else {
      result.damaged["WKV-G03", default: 0] += 1
      return
    }
    if let rule = place.problem(bytes, metadata) {
      result.damaged[rule, default: 0] += 1
    } else if let entry = place.entry(bytes, metadata, isVisited: visited.contains(place.slot)) {
      result.entries.append(entry)
    }
  }

  private func metadataOffset(_ place: SlotPlace) -> Int {
    header.geometry.shardOffset(place.shard) + header.geometry.metadataOffset
      + (place.slot - 1) * MetadataFields.structure.size
  }

  /// What time it is in the store, as `FileImage.moment`; estimated if its clock record is lost.
  ///
  /// - Parameter latest: the latest store time at which an entry was written.
  package func moment(latest: UInt64, environment: Environment = .system) throws(FormatError) -> StoreMoment {
    let state = try System.read(file.descriptor, at: Format.stateOffset, count: Format.pageSize, file.path)
    let (boot, real) = (environment.bootTime(), environment.realTime())
    let bootID = try environment.bootID()
    var latest = max(latest, UInt64(clamping: real))
    if state.count == Format.pageSize {
      if let moment = StoreMoment(state, realTime: real, bootTime: boot, bootID: bootID) { return moment }
      if let left = DetachRecord(state) { latest = max(latest, left.detached) }
    }
    return StoreMoment(now: latest, realTime: real, bootTime: boot, bootID: bootID)
  }
}
