// SPDX-License-Identifier: Apache-2.0
// The two files of a store as `warp-torture enumerate` watches and copies them.
//
// - What is watched is what the outcome of an operation can depend on: all of the data file behind its header; of the
//   lock file the shard lines, the first registry entries, the lease cells and the visited bytes. The headers never
//   change, the other registry entries belong to nobody, and the counters decide nothing.
// - A copy is a pair of files of its own, whose lock file names its data file by device and inode as the original does.
//   So the copy is a valid store; nobody holds a byte lock of it, and the process that wrote the original has no mapping
//   of it: whoever asks can prove it dead (SPEC.md §23.1).

import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// The bytes of both files at one moment.
struct CrashImage {
  let data: [UInt8]
  let lock: [UInt8]
}

/// The files of a running store, mapped behind the library's back.
final class WatchedFiles {
  private static let registryEntries = 4

  let geometry: Geometry
  private let data: UnsafeMutableRawBufferPointer
  private let lock: UnsafeMutableRawBufferPointer
  private let dataRanges: [Range<Int>]
  private let lockRanges: [Range<Int>]
  private let lastData: UnsafeMutableRawBufferPointer
  private let lastLock: UnsafeMutableRawBufferPointer

  init(_ path: String) throws {
    geometry = try Verifier(path: path).image.geometry
    let lockGeometry = LockGeometry(geometry)
    data = try WatchedFiles.map(path, geometry.fileSize)
    lock = try WatchedFiles.map(path + StoreFiles.lockSuffix, lockGeometry.fileSize)
    dataRanges = [Format.stateOffset..<geometry.fileSize]
    let registryEnd =
      lockGeometry.registryOffset + WatchedFiles.registryEntries * RegistryFields.structure.size
    lockRanges = [lockGeometry.linesOffset..<registryEnd, lockGeometry.leasesOffset..<lockGeometry.fileSize]
    lastData = .allocate(byteCount: data.count, alignment: 64)
    lastLock = .allocate(byteCount: lock.count, alignment: 64)
    lastData.copyMemory(from: UnsafeRawBufferPointer(data))
    lastLock.copyMemory(from: UnsafeRawBufferPointer(lock))
  }

  deinit {
    munmap(data.baseAddress!, data.count)
    munmap(lock.baseAddress!, lock.count)
    lastData.deallocate()
    lastLock.deallocate()
  }

  private static func map(_ path: String, _ size: Int) throws -> UnsafeMutableRawBufferPointer {
    let file = try System.open(path, .readWrite)
    defer { System.close(file) }
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), memory != MAP_FAILED else {
      throw FormatError(.system, "mmap failed", path: path)
    }
    return UnsafeMutableRawBufferPointer(start: memory, count: size)
  }

  /// Whether anything changed since the last time it did.
  func haveChanged() -> Bool {
    let isSame =
      dataRanges.allSatisfy { same(data, lastData, $0) } && lockRanges.allSatisfy { same(lock, lastLock, $0) }
    if isSame { return false }
    for range in dataRanges { copy(data, to: lastData, range) }
    for range in lockRanges { copy(lock, to: lastLock, range) }
    return true
  }

  /// The files as they were when `haveChanged` last said so.
  var image: CrashImage { CrashImage(data: [UInt8](lastData), lock: [UInt8](lastLock)) }

  /// Takes back what a reader did to the lock file, so that it is no part of what the next images hold.
  func restoreLock() { for range in lockRanges { copy(lastLock, to: lock, range) } }

  private func same(
    _ one: UnsafeMutableRawBufferPointer, _ other: UnsafeMutableRawBufferPointer, _ range: Range<Int>
  ) -> Bool {
    memcmp(one.baseAddress! + range.lowerBound, other.baseAddress! + range.lowerBound, range.count) == 0
  }

  private func copy(
    _ source: UnsafeMutableRawBufferPointer, to target: UnsafeMutableRawBufferPointer, _ range: Range<Int>
  ) {
    memcpy(target.baseAddress! + range.lowerBound, source.baseAddress! + range.lowerBound, range.count)
  }
}

extension CrashImage {
  init(reading path: String) throws {
    data = try TestFiles.read(path)
    lock = try TestFiles.read(path + StoreFiles.lockSuffix)
  }

  /// The owner word of a shard.
  func owner(_ shard: Int) -> UInt64 { word(shard, LockLineFields.owner) }
  func sequence(_ shard: Int) -> UInt64 { word(shard, LockLineFields.sequence) }

  func isTorn(_ shards: Int) -> Bool { (0..<shards).contains { sequence($0) & 1 != 0 } }
  /// Whether a shard that had an owner in the other image has the same still.
  func hasOwner(of other: CrashImage, _ shards: Int) -> Bool {
    (0..<shards).contains { owner($0) != 0 && owner($0) == other.owner($0) }
  }
  func isOwned(_ shards: Int) -> Bool { (0..<shards).contains { owner($0) != 0 } }

  /// An integer of the data file.
  func integer(_ at: Int, _ size: Int) -> UInt64 {
    data.withUnsafeBytes { bytes in
      size == 8
        ? UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        : UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
    }
  }

  private func word(_ shard: Int, _ field: Field) -> UInt64 {
    let at = Format.pageSize + shard * LockLineFields.structure.size + field.offset
    return lock.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
  }

  /// Makes a pair of files of these bytes.
  func write(_ path: String) throws {
    try TestFiles.write(path, data)
    guard let status = try System.status(path: path) else { throw FormatError(.notFound, "no copy", path: path) }
    var page = [UInt8](lock.prefix(Format.pageSize))
    func put(_ field: Field, _ value: UInt64) {
      for index in 0..<8 { page[field.offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
    }
    put(LockHeaderFields.dataDevice, status.device)
    put(LockHeaderFields.dataInode, status.inode)
    put(
      LockHeaderFields.checksum, XXH3.hash64([UInt8](page.prefix(LockHeaderFields.checksum.offset)), seed: 0))
    try TestFiles.write(path + StoreFiles.lockSuffix, page + lock.dropFirst(Format.pageSize))
  }
}

/// One pair of files that holds one image after the other. Nobody uses it when it gets the next one.
struct ImageCopy {
  let path: String

  init(_ path: String, _ first: CrashImage) throws {
    self.path = path
    try first.write(path)
  }

  /// The headers stay: they are the same in every image but for the names of the files.
  func hold(_ image: CrashImage) throws {
    try TestFiles.patch(path, at: Format.pageSize, [UInt8](image.data[Format.pageSize...]))
    try TestFiles.patch(path + StoreFiles.lockSuffix, at: Format.pageSize, [UInt8](image.lock[Format.pageSize...]))
  }
}
