// SPDX-License-Identifier: Apache-2.0
// Rules L05, L08 and L09 for the lease cells of the lock file (SPEC.md, "Verification").
//
// A cell may be claimed and freed while it is looked at: it is judged only if it reads the same before and after what it is
// compared with. Its count of claims makes that sure. What a free cell holds means nothing.

extension Verifier {
  func checkLeases(_ lock: LockImage, _ report: (Finding) -> Void) throws(FormatError) {
    let size = LeaseFields.structure.size
    let cells = try lock.file.sparse(
      at: lock.geometry.leasesOffset, count: lock.geometry.shardCount * Format.leaseCells * size,
      chunkSize: Format.leaseCells * size)
    for shard in 0..<cells.chunkCount {
      guard let chunk = cells.chunk(shard) else { continue }
      for cell in 0..<Format.leaseCells where chunk.integer(LeaseFields.owner, at: cell * size) != 0 {
        try checkLease(lock, shard, cell, report)
      }
    }
  }

  private func checkLease(
    _ lock: LockImage, _ shard: Int, _ cell: Int, _ report: (Finding) -> Void
  ) throws(FormatError) {
    var lease = try lock.lease(shard, cell)
    for _ in 0..<Format.readerTries {
      guard lease.owner.word != 0 else { return }
      var broken: [(rule: String, field: Field, message: String)] = []
      if try !isKnown(lease.owner, lock) {
        broken.append(
          ("WKV-L05", LeaseFields.owner, "the owner of a lease is no registry entry of that generation"))
      }
      if try lock.line(shard).leases & 1 << UInt64(cell) == 0 {
        broken.append(("WKV-L08", LeaseFields.owner, "lease cell \(cell) is claimed, but its bit in `leases` is 0"))
      } else if lease.claim & LeaseState.mask != LeaseState.held.rawValue {
        broken.append(
          ("WKV-L08", LeaseFields.claim, "lease cell \(cell) is claimed, but `claim` says that it is not"))
      }
      if Int(truncatingIfNeeded: lease.hash) & (lock.geometry.shardCount - 1) != shard {
        broken.append(("WKV-L09", LeaseFields.hash, "the hash of a lease belongs to another shard"))
      }
      let now = try lock.lease(shard, cell)
      if now == lease {
        for (rule, field, message) in broken {
          report(
            Finding(
              rule: rule, offset: lock.leaseOffset(shard, cell) + field.offset, message: message, shard: shard))
        }
        return
      }
      lease = now
    }
  }
}
