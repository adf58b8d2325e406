// SPDX-License-Identifier: Apache-2.0
// System calls, continued: what a forked child is told, and whether a process has a file mapped.

import CWarp
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

#if (canImport(Darwin) || canImport(Musl) || canImport(Glibc)) && !WARP_NO_POSIX
  /// The word of a gate. It lives in the list that the fork handler walks, so it is never freed; an `OpenFile` that is
  /// kept alive keeps it from being used for another.
  @safe
  struct GateWord: @unchecked Sendable {
    // Sendable: the word is only accessed atomically.
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    /// - Throws: `system` without memory.
    init(tracking descriptor: Int32, _ status: FileStatus, reopens: Bool) throws(FormatError) {
      guard let gate = unsafe warp_track(descriptor, status.device, status.inode, reopens ? 1 : 0) else {
        throw System.error("calloc", nil, ENOMEM)
      }
      unsafe word = UnsafeMutableRawPointer(gate).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always)
    func load() -> UInt32 { unsafe word.pointee.load(ordering: .acquiring) }
    func set(_ bit: UInt32) { _ = unsafe word.pointee.bitwiseOr(bit, ordering: .sequentiallyConsistent) }
    func track(_ mapping: Window?, writable: Bool) {
      unsafe warp_track_mapping(raw, mapping?.base, mapping?.size ?? 0, writable ? 1 : 0)
    }
    var isTracked: Bool { unsafe warp_tracks(raw) != 0 }
    func lose() { unsafe warp_lose(raw) }
    func untrack() { unsafe warp_untrack(raw) }
    func free() { unsafe warp_release(raw) }
    private var raw: UnsafeMutablePointer<UInt32> {
      unsafe UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self)
    }
  }

  extension FormatError {
    /// Whether the system says that the descriptor is none.
    var isClosedDescriptor: Bool { errno == EBADF }
  }

  extension System {
    /// Another number in each forked child.
    package static var forkEpoch: UInt32 { warp_fork_epoch() }
    /// How many forks this process has begun.
    static var forks: UInt32 { warp_forks() }

    /// Whether a process of this PID namespace has the file mapped that this process has mapped at an address; nil if
    /// that can't be told. A mapping that is there throughout is always listed.
    static func isMapped(in process: Int32, asAt address: UnsafeRawPointer) -> Bool? {
      let limit = 16 << 20
      guard seesProcesses, let mine = text("/proc/self/maps", limit: limit),
        let other = text("/proc/\(process)/maps", limit: limit),
        other.utf8.count < limit, !other.isEmpty, let file = mappedFile(UInt(bitPattern: address), in: mine)
      else { return nil }
      return other.split(separator: "\n").contains { words($0)?.file == file }
    }

    /// Device and inode, as the kernel writes them, of what is mapped at an address.
    private static func mappedFile(_ address: UInt, in maps: String) -> String? {
      for line in maps.split(separator: "\n") {
        guard let (range, file) = words(line), range.contains(address) else { continue }
        return file
      }
      return nil
    }

    /// Of "55d0-55e0 rw-s 00000000 00:1a 1234   /path".
    private static func words(_ line: Substring) -> (range: Range<UInt>, file: String)? {
      let words = line.split(separator: " ", maxSplits: 5)
      guard words.count >= 5 else { return nil }
      let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard ends.count == 2, ends[0] < ends[1] else { return nil }
      return (ends[0]..<ends[1], "\(words[3]) \(words[4])")
    }
  }
#endif
