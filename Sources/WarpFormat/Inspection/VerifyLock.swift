// SPDX-License-Identifier: Apache-2.0
// Rules L04 to L07: the lock file behind its header (SPEC.md, "Verification"). L01 to L03 are in LockImage.swift, those of
// leases in VerifyLeases.swift.
//
// Everything here changes while it is read. Reserved bytes never do; owner words and sequences are judged only if they
// read the same before and after what they are compared with.

extension Verifier {
  func checkLock(_ lock: LockImage, _ report: (Finding) -> Void) throws(FormatError) {
    let geometry = lock.geometry
    var areas = [
      (LockLineFields.structure, geometry.linesOffset, geometry.shardCount),
      (RegistryFields.structure, geometry.registryOffset, Format.registryEntries),
      (CounterFields.structure, geometry.countersOffset, Format.counterStripes),
      (LeaseFields.structure, geometry.leasesOffset, geometry.shardCount * Format.leaseCells),
    ]
    if geometry.record != nil { areas.append((RecordFields.structure, geometry.recordOffset, 1)) }
    for (structure, base, count) in areas { try checkReserved(lock, structure, base, count, report) }
    for shard in 0..<geometry.shardCount {
      try checkLine(lock, shard, report)
      try checkVisited(lock, shard, report)
    }
    try checkLeases(lock, report)
    let end = geometry.visitedOffset + geometry.shardCount * geometry.visitedStride
    let endOfRecord = geometry.recordOffset + (geometry.record?.size ?? 0)
    let gaps =
      geometry.record == nil
      ? [end..<geometry.fileSize] : [end..<geometry.recordOffset, endOfRecord..<geometry.fileSize]
    for gap in gaps {
      guard let offset = try lock.file.firstNonzero(in: gap) else { continue }
      report(
        Finding(rule: "WKV-L04", offset: offset, message: "a byte behind an area of the lock file is not zero"))
    }
  }

  private func checkReserved(
    _ lock: LockImage, _ structure: Structure, _ base: Int, _ count: Int, _ report: (Finding) -> Void
  ) throws(FormatError) {
    let reserved = Reserved(structure)
    let bytes = try lock.file.sparse(at: base, count: count * structure.size, chunkSize: Format.pageSize)
    for index in 0..<bytes.chunkCount {
      guard let chunk = bytes.chunk(index) else { continue }
      for start in stride(from: 0, to: chunk.count, by: structure.size) {
        guard let byte = reserved.firstNonzero(in: chunk, at: start) else { continue }
        report(
          Finding(
            rule: "WKV-L04", offset: base + index * bytes.chunkSize + byte,
            message: "a reserved byte of a \(structure.name) in the lock file is not zero"))
      }
    }
  }

  private func checkLine(
    _ lock: LockImage, _ shard: Int, _ report: (Finding) -> Void
  ) throws(FormatError) {
    var line = try lock.line(shard)
    for _ in 0..<Format.readerTries {
      let isKnown = try isKnown(line.owner, lock)
      // 1 stands in a lock file that was made anew: the next owner recovers the shard.
      let isSound = line.owner.word != 0 || line.sequence & 1 == 0 || line.sequence == 1
      if isKnown && isSound { return }
      let now = try lock.line(shard)
      if now == line {
        let base = lock.lineOffset(shard)
        if !isKnown {
          report(
            Finding(
              rule: "WKV-L05", offset: base + LockLineFields.owner.offset,
              message: "the owner of the shard is no registry entry of that generation", shard: shard))
        }
        if !isSound {
          report(
            Finding(
              rule: "WKV-L06", offset: base + LockLineFields.sequence.offset,
              message: "the sequence \(line.sequence) is odd, but nobody owns the shard", shard: shard))
        }
        return
      }
      line = now
    }
  }

  /// Whether an owner word is nobody's, or that of a handle that there is or was.
  func isKnown(_ owner: OwnerWord, _ lock: LockImage) throws(FormatError) -> Bool {
    if owner.word == 0 { return true }
    guard let index = owner.registryIndex else { return false }
    let entry = try lock.registryEntry(index)
    // An earlier generation is that of a dead owner, whose entry has been claimed again before its shard was healed.
    let claims = UInt32(truncatingIfNeeded: entry.integer(RegistryFields.generation) &- owner.generation)
    return owner.generation > 0 && claims < 1 << 31
  }

  private func checkVisited(
    _ lock: LockImage, _ shard: Int, _ report: (Finding) -> Void
  ) throws(FormatError) {
    let base = lock.geometry.visitedOffset + shard * lock.geometry.visitedStride
    let bytes = try lock.file.sparse(at: base, count: lock.geometry.visitedStride)
    for index in 0..<bytes.chunkCount {
      guard let chunk = bytes.chunk(index) else { continue }
      let first = index * bytes.chunkSize
      for place in chunk.indices where chunk[place] != 0 {
        if first + place >= lock.geometry.slotsPerShard {
          report(
            Finding(
              rule: "WKV-L04", offset: base + first + place,
              message: "a byte behind the visited bytes is not zero", shard: shard))
        } else if chunk[place] != 1 {
          report(
            Finding(
              rule: "WKV-L07", offset: base + first + place, message: "a visited byte is \(chunk[place])",
              shard: shard, slot: first + place + 1))
        }
      }
    }
  }
}
