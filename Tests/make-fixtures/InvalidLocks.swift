// SPDX-License-Identifier: Apache-2.0
// Invalid fixtures, the last part: sound stores whose lock file breaks one rule. Offsets are in the lock file.

import WarpFormat
import WarpTestSupport

extension Damage {
  private typealias H = LockHeaderFields

  /// - Parameter edit: breaks the rule and returns the offset of the finding in the lock file.
  private static func ofLock(_ name: String, _ edit: @escaping (inout StoreImage) -> Int) -> Damage {
    Damage(name, "attached", edit)
  }

  /// A field of the lock header, its checksum repaired.
  private static func inLockHeader(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    ofLock(name) { image in
      image.setLock(field.offset, field.size, value)
      image.sealLockHeader()
      return field.offset
    }
  }

  /// The same in a lock file with a record of requests.
  private static func recordedHeader(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    Damage(name, "recorded") { image in
      image.setLock(field.offset, field.size, value)
      image.sealLockHeader()
      return field.offset
    }
  }

  /// A byte of the lock file set to a value; that is where the finding is, or at the field that it belongs to.
  private static func byte(
    _ name: String, _ value: UInt8 = 1, _ place: @escaping (LockGeometry) -> Int
  ) -> Damage {
    ofLock(name) { image in
      let offset = place(image.lockGeometry)
      image.lock[offset] = value
      return offset
    }
  }

  static var lockHeader: [Damage] {
    [
      ofLock("L01-empty-file") { image in
        image.lock = []
        return 0
      },
      ofLock("L01-short-header") { image in
        image.lock = Array(image.lock.prefix(4095))
        return 4095
      },
      ofLock("L01-data-magic") { image in
        image.lock[3] = UInt8(ascii: "V")
        return 0
      },
      inLockHeader("L01-newer-major", H.majorVersion, 2),
      inLockHeader("L01-byte-order", H.majorVersion, 256),
      inLockHeader("L01-header-size", H.headerSize, 512),
      ofLock("L01-checksum") { image in
        image.lock[H.bootID.offset] ^= 1
        return H.checksum.offset
      },
      ofLock("L01-reserved") { image in
        image.lock[1000] = 1
        image.sealLockHeader()
        return 1000
      },
      inLockHeader("L02-other-store", H.storeID, 99),
      inLockHeader("L03-file-size", H.fileSize, 4096),
      inLockHeader("L03-shards", H.shardCount, 4),
      inLockHeader("L03-slots", H.slotsPerShard, 1 << 30),
      inLockHeader("L03-lease-cells", H.leaseCells, 32),
      inLockHeader("L03-visited-stride", H.visitedStride, 128),
      inLockHeader("L03-record-offset", H.recordOffset, 4096),
      inLockHeader("L03-record-cells", H.recordCells, 1024),
      recordedHeader("L03-record-cells-odd", H.recordCells, 1000),
      recordedHeader("L03-record-shift", H.recordShift, 25),
      ofLock("L03-longer") { image in
        image.lock.append(0)
        return H.fileSize.offset
      },
      ofLock("L03-truncated") { image in
        image.lock.removeLast()
        return H.fileSize.offset
      },
    ]
  }

  static var lock: [Damage] {
    typealias Line = LockLineFields
    typealias Lease = LeaseFields
    return [
      .byte("L04-line") { $0.linesOffset + Line.structure.size + 8 },
      .byte("L04-registry") { $0.registryOffset + 1023 * 64 + 63 },
      .byte("L04-counters") { $0.countersOffset + 255 * 256 + 192 },
      .byte("L04-lease") { $0.leasesOffset + 28 },
      .byte("L04-behind-visited") { $0.visitedOffset + $0.visitedStride + $0.slotsPerShard },
      .byte("L04-end") { $0.fileSize - 1 },
      Damage("L04-record", "recorded") { image in
        let record = image.lockGeometry.fileSize
        image.lock[record + RecordFields.structure.size - 1] = 1
        return record + RecordFields.structure.size - 1
      },
      Damage("L04-behind-record", "recorded") { image in
        image.lock[image.lock.count - 1] = 1
        return image.lock.count - 1
      },
      // The generation of entry 0 is 1.
      inLine("L05-later-generation", Line.owner, 2 << 32 | 1),
      inLine("L05-no-generation", Line.owner, 1),
      inLine("L05-no-such-entry", Line.owner, 1 << 32 | 1025),
      inLine("L06-odd", Line.sequence, 3),
      .byte("L07-visited", 2) { $0.visitedOffset },
      inClaimed("L05-lease-owner", Lease.owner, 1 << 32 | 2),
      inClaimed("L08-over", Lease.claim, 6),
      ofLock("L08-no-bit") { image in
        let claimed = image.claimedCell
        image.setLock(image.lockGeometry.linesOffset + claimed.shard * 256 + Line.leases.offset, 8, 0)
        return claimed.offset + Lease.owner.offset
      },
      ofLock("L09-other-shard") { image in
        let claimed = image.claimedCell
        image.setLock(claimed.offset, 1, UInt64(image.lock[claimed.offset] ^ 1))
        return claimed.offset + Lease.hash.offset
      },
    ]
  }

  /// A field of the line of shard 1.
  private static func inLine(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    ofLock(name) { image in
      let offset = image.lockGeometry.linesOffset + LockLineFields.structure.size + field.offset
      image.setLock(offset, field.size, value)
      return offset
    }
  }

  /// A field of a claimed lease cell.
  private static func inClaimed(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    ofLock(name) { image in
      let offset = image.claimedCell.offset + field.offset
      image.setLock(offset, field.size, value)
      return offset
    }
  }
}

extension StoreImage {
  fileprivate mutating func setLock(_ offset: Int, _ size: Int, _ value: UInt64) {
    for index in 0..<size { lock[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
  }

  /// The first claimed lease cell; the fixture has some.
  fileprivate var claimedCell: (shard: Int, offset: Int) {
    let geometry = lockGeometry
    for cell in 0..<(geometry.shardCount * Format.leaseCells) {
      let offset = geometry.leasesOffset + cell * LeaseFields.structure.size
      let owner = lock[(offset + 8)..<(offset + 16)]
      if owner.contains(where: { $0 != 0 }) { return (cell / Format.leaseCells, offset) }
    }
    preconditionFailure("no lease is claimed in the fixture")
  }
}
