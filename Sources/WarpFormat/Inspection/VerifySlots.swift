// SPDX-License-Identifier: Apache-2.0
// Rules C01 to C07, P01, M01 to M05, E01, E02, E11: control, padding, metadata and control words of a shard, on a
// stable image (SPEC.md, "Verification").
//
// One pass over the slots collects the live ones for the rules that follow. Stretches of 1,024 slots whose headers and
// metadata are zero throughout are passed in one step: such slots are free and have nothing to check.

extension ShardCheck {
  func checkControl(_ report: Report) {
    typealias F = ControlFields
    if let reserved = Reserved(F.structure).firstNonzero(in: shard.control) {
      report(finding("C01", shard.offset + reserved, "a reserved byte of the shard's control is not zero"))
    }
    let used = shard.control.count(F.usedSlots)
    let backed = shard.control.count(F.backedSlots)
    let slots = geometry.slotsPerShard
    if used > slots {
      report(finding("C02", offset(F.usedSlots), "usedSlots is \(used), the shard has \(slots) slots"))
    }
    if geometry.allocatesRuns {
      if backed > slots || backed < shard.usedSlots {
        report(
          finding(
            "C03", offset(F.backedSlots), "backedSlots is \(backed), not in \(shard.usedSlots)...\(slots)"))
      }
    } else if backed != 0 {
      report(
        finding("C03", offset(F.backedSlots), "backedSlots is \(backed), but slots are allocated one by one"))
    }
    for nonzero in shard.padding {
      report(finding("P01", nonzero, "a byte of padding is not zero"))
    }
  }

  mutating func checkSlots(_ report: Report) {
    let perChunk = shard.headers.chunkSize / SlotFields.structure.size
    let used = shard.usedSlots
    let reserved = Reserved(MetadataFields.structure)
    for chunk in 0..<shard.headers.chunkCount {
      let first = chunk * perChunk + 1
      let last = min(first + perChunk - 1, geometry.slotsPerShard)
      let metadata = shard.metadata.chunk(chunk)
      if shard.headers.chunk(chunk) == nil && metadata == nil {
        freeCount += max(0, min(last, used) - first + 1)
        continue
      }
      for slot in first...last {
        let start = (slot - first) * MetadataFields.structure.size
        if slot > used {
          checkUnused(slot, metadata, at: start, report)
        } else {
          if let metadata, let byte = reserved.firstNonzero(in: metadata, at: start) {
            let position = metadataOffset(slot, MetadataFields.checksum) + byte - start
            report(finding("M01", position, "a reserved byte of the metadata is not zero", slot: slot))
          }
          checkUsed(slot, report)
        }
      }
    }
  }

  private func checkUnused(_ slot: Int, _ metadata: [UInt8]?, at start: Int, _ report: Report) {
    let control = shard.header(SlotFields.control, slot: slot)
    if control != 0 {
      report(
        finding(
          "E11", headerOffset(slot, SlotFields.control), "the control word of a slot never used is not zero",
          slot: slot))
    }
    if let metadata, let byte = metadata.firstNonzero(in: start..<(start + MetadataFields.structure.size)) {
      let position = metadataOffset(slot, MetadataFields.checksum) + byte - start
      report(finding("M05", position, "metadata of a slot never used is not zero", slot: slot))
    }
  }

  private mutating func checkUsed(_ slot: Int, _ report: Report) {
    let control = shard.header(SlotFields.control, slot: slot)
    let position = headerOffset(slot, SlotFields.control)
    let state = Control(raw: control).state
    let isLive = state == .live
    switch state {
    case .live: live.append(liveSlot(slot, control))
    case .free: freeCount += 1
    case .writing, .committed:
      report(finding("E01", position, "the slot is being written, but nobody owns the shard", slot: slot))
    case nil:
      report(finding("E01", position, "state \(control & 7) is undefined", slot: slot))
    }
    let sequence = control >> 3
    let writes = shard.control.integer(ControlFields.writeCounter)
    if sequence > writes || isLive && sequence == 0 {
      report(
        finding(
          "E02", position, "the slot's sequence is \(sequence), the shard's write counter \(writes)",
          slot: slot))
    }
    checkAllocated(slot, isLive: isLive, report)
  }

  private func checkAllocated(_ slot: Int, isLive: Bool, _ report: Report) {
    let allocated = Int(shard.metadata(MetadataFields.allocated, slot: slot))
    let position = metadataOffset(slot, MetadataFields.allocated)
    if geometry.allocatesRuns {
      if allocated != 0 {
        report(
          finding("M04", position, "allocated is \(allocated), but slots are allocated in runs", slot: slot))
      }
      return
    }
    if allocated > geometry.slotStride {
      report(
        finding("M04", position, "allocated is \(allocated), the stride \(geometry.slotStride)", slot: slot))
    } else if isLive {
      // Both sizes are 32-bit, so this can't overflow.
      let keySize = Int(shard.header(SlotFields.keySize, slot: slot))
      let storedSize = Int(shard.header(SlotFields.storedSize, slot: slot))
      let needed = SlotFields.structure.size + Geometry.align(keySize, 8) + storedSize
      if needed > allocated {
        report(finding("M04", position, "allocated is \(allocated), the entry takes \(needed)", slot: slot))
      }
    }
  }

  private func liveSlot(_ slot: Int, _ control: UInt64) -> Live {
    typealias M = MetadataFields
    return Live(
      slot: slot, control: control,
      keySize: UInt32(truncatingIfNeeded: shard.header(SlotFields.keySize, slot: slot)),
      storedSize: UInt32(truncatingIfNeeded: shard.header(SlotFields.storedSize, slot: slot)),
      hash: shard.metadata(M.hash, slot: slot), stamp: shard.metadata(M.stamp, slot: slot),
      revision: shard.metadata(M.revision, slot: slot), newer: Int(shard.metadata(M.newer, slot: slot)),
      older: Int(shard.metadata(M.older, slot: slot)), bucket: nil)
  }

  /// The live slots of an image that is not stable.
  mutating func collectLive() {
    let size = SlotFields.structure.size
    for (first, chunk) in shard.usedHeaders() {
      for index in 0..<(chunk.count / size) where first + index <= shard.usedSlots {
        let control = chunk.integer(SlotFields.control, at: index * size)
        if Control(raw: control).state == .live { live.append(liveSlot(first + index, control)) }
      }
    }
  }

  /// Rules on all live slots together.
  func checkCounts(_ report: Report) {
    typealias F = ControlFields
    let count = shard.control.count(F.count)
    let capacity = geometry.capacity(ofShard: shard.index)
    if count != live.count {
      report(finding("C04", offset(F.count), "count is \(count), \(live.count) slots are live"))
    } else if count > capacity {
      report(finding("C04", offset(F.count), "count is \(count), the shard's capacity \(capacity)"))
    }
    let stored = shard.control.integer(F.storedBytes)
    let sum = live.reduce(UInt64(0)) { $0 + UInt64($1.keySize) + UInt64($1.storedSize) }
    if stored != sum {
      report(finding("C06", offset(F.storedBytes), "storedBytes is \(stored), the live slots hold \(sum)"))
    }
    checkSweep(report)
    checkOrder("M02", MetadataFields.stamp, F.lastStamp, live.map { ($0.stamp, $0.slot) }, report)
    checkOrder("M03", MetadataFields.revision, F.writeCounter, live.map { ($0.revision, $0.slot) }, report)
  }

  private func checkSweep(_ report: Report) {
    typealias F = ControlFields
    let sweep = shard.control.count(F.sweep)
    if sweep > geometry.slotsPerShard {
      report(
        finding("C07", offset(F.sweep), "sweep is slot \(sweep), the shard has \(geometry.slotsPerShard) slots"))
    } else if sweep == 0,
      let entry = live.first(where: { shard.header(SlotFields.deadline, slot: $0.slot) != 0 })
    {
      report(
        finding("C07", offset(F.sweep), "sweep is 0, but slot \(entry.slot) has a deadline", slot: entry.slot))
    }
  }

  /// Distinct, positive, and none above the counter they are drawn from. Of equal ones the higher slot is reported.
  private func checkOrder(
    _ rule: String, _ field: Field, _ counter: Field, _ values: [(value: UInt64, slot: Int)], _ report: Report
  ) {
    let sorted = values.sorted { ($0.value, $0.slot) < ($1.value, $1.slot) }
    for index in sorted.indices {
      let (value, slot) = sorted[index]
      if value == 0 {
        report(
          finding(rule, metadataOffset(slot, field), "the \(field.name) of a live slot is 0", slot: slot))
      } else if index > 0, sorted[index - 1].value == value {
        report(
          finding(
            rule, metadataOffset(slot, field),
            "the \(field.name) \(value) is that of slot \(sorted[index - 1].slot), too",
            slot: slot))
      }
    }
    let highest = sorted.last?.value ?? 0
    let limit = shard.control.integer(counter)
    if highest > limit {
      report(
        finding(
          "C05", offset(counter), "\(counter.name) is \(limit), but a live slot has \(field.name) \(highest)")
      )
    }
  }
}
