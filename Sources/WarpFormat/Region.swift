// SPDX-License-Identifier: Apache-2.0
// The unsafe file: one mapped file as bounded memory, and every access to it.
//
// - A `Region` owns a mapping and gives it back when it goes away; the file's length was checked before it was mapped.
// - A `Window` is a region without the ownership, small enough to be copied everywhere. It must not outlive its region:
//   an attachment keeps both, and a handle keeps every attachment it ever used.
// - Words are aligned and accessed atomically, so two processes never see half of one. Everything else goes through
//   the racing copy in CWarp.
// - Offsets come from a verified geometry and from slot indexes that were checked against it. Debug builds check
//   each access again.

import CWarp
import Synchronization

/// A mapped file as bounds-known memory. Copyable and unowned; the `Region` it came from must be alive.
@safe
public struct Window: @unchecked Sendable {
  // Sendable: all shared words are accessed atomically, payloads only through the racing copy.
  let base: UnsafeMutableRawPointer
  /// Bytes.
  public let size: Int

  init(base: UnsafeMutableRawPointer, size: Int) {
    unsafe self.base = base
    self.size = size
  }

  /// A part, as a window of its own.
  @inline(__always)
  func part(_ offset: Int, _ count: Int) -> Window {
    check(offset, count, 8)
    return unsafe Window(base: base + offset, size: count)
  }

  @inline(__always)
  func check(_ offset: Int, _ count: Int, _ alignment: Int) {
    assert(offset >= 0 && offset <= size - count && offset & (alignment - 1) == 0, "access outside the region")
  }

  /// The 64-bit word at a multiple of 8.
  @inline(__always)
  func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    check(offset, 8, 8)
    return unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inline(__always)
  func half(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    check(offset, 4, 4)
    return unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  @inline(__always)
  func byte(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt8>> {
    check(offset, 1, 1)
    return unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt8>.self)
  }

  /// Asks for the cache line at an offset, which will be read soon.
  @inline(__always)
  func prefetch(_ offset: Int) {
    check(offset, 1, 1)
    unsafe warp_prefetch(base + offset)
  }

  // MARK: 64-bit words

  @inline(__always)
  func load64(_ offset: Int) -> UInt64 { unsafe word(offset).pointee.load(ordering: .relaxed) }

  @inline(__always)
  func acquire64(_ offset: Int) -> UInt64 { unsafe word(offset).pointee.load(ordering: .acquiring) }

  @inline(__always)
  func store64(_ offset: Int, _ value: UInt64) {
    unsafe word(offset).pointee.store(value, ordering: .relaxed)
  }

  @inline(__always)
  func release64(_ offset: Int, _ value: UInt64) {
    unsafe word(offset).pointee.store(value, ordering: .releasing)
  }

  @inline(__always)
  func add64(_ offset: Int, _ value: UInt64) {
    _ = unsafe word(offset).pointee.wrappingAdd(value, ordering: .relaxed)
  }

  /// Adds one, and returns what was there.
  @inline(__always)
  func take64(_ offset: Int) -> UInt64 {
    unsafe word(offset).pointee.wrappingAdd(1, ordering: .relaxed).oldValue
  }

  /// Acquires on success.
  @inline(__always)
  func exchange64(_ offset: Int, from old: UInt64, to new: UInt64) -> Bool {
    unsafe word(offset).pointee.compareExchange(expected: old, desired: new, ordering: .acquiringAndReleasing)
      .exchanged
  }

  // MARK: 32-bit words and bytes

  @inline(__always)
  func load32(_ offset: Int) -> UInt32 { unsafe half(offset).pointee.load(ordering: .relaxed) }

  @inline(__always)
  func store32(_ offset: Int, _ value: UInt32) {
    unsafe half(offset).pointee.store(value, ordering: .relaxed)
  }

  @inline(__always)
  func release32(_ offset: Int, _ value: UInt32) {
    unsafe half(offset).pointee.store(value, ordering: .releasing)
  }

  @inline(__always)
  func load8(_ offset: Int) -> UInt8 { unsafe byte(offset).pointee.load(ordering: .relaxed) }

  @inline(__always)
  func store8(_ offset: Int, _ value: UInt8) {
    unsafe byte(offset).pointee.store(value, ordering: .relaxed)
  }

  // MARK: Sleeping on a word

  /// Sleeps until a process wakes the word, if it has this value still, for so many nanoseconds or less. Orders nothing.
  func wait32(_ offset: Int, while value: UInt32, nanoseconds: Int64) {
    check(offset, 4, 4)
    unsafe warp_wait((base + offset).assumingMemoryBound(to: UInt32.self), value, nanoseconds, 1)
  }

  /// Wakes whoever sleeps on the word, in whatever process.
  func wake32(_ offset: Int) {
    check(offset, 4, 4)
    unsafe warp_wake((base + offset).assumingMemoryBound(to: UInt32.self), 1)
  }

  // MARK: Payloads

  /// Copies bytes out that another process may be changing. `offset` is a multiple of 8, and the window reaches to
  /// the end of the last word.
  @inline(__always)
  func copyOut(_ offset: Int, to target: UnsafeMutableRawPointer?, size: Int) {
    check(offset, (size + 7) & ~7, 8)
    unsafe warp_copy_out(target, base + offset, size)
  }

  /// Copies bytes in that another process may be reading, and zeros to the end of the last word.
  @inline(__always)
  func copyIn(_ offset: Int, from source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress, source.count > 0 else { return }
    check(offset, (source.count + 7) & ~7, 8)
    unsafe warp_copy_in(base + offset, start, source.count)
  }

  /// Whether the bytes, zero-padded to whole words, equal `other`.
  @inline(__always)
  func equals(_ offset: Int, _ key: KeyBytes) -> Bool {
    check(offset, (key.count + 7) & ~7, 8)
    return unsafe warp_equal(base + offset, key.start, key.count) != 0
  }

  /// A private copy.
  func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      unsafe copyOut(offset, to: UnsafeMutableRawPointer(buffer.baseAddress!), size: count)
      initialized = count
    }
  }
}

/// A mapping and the duty to undo it.
public final class Region: Sendable {
  public let window: Window
  private let isWritable: Bool
  /// Whose fork handling knows of the mapping.
  private let file: OpenFile?

  /// Maps the first `size` bytes of an open file, shared. The caller has checked that the file is that long.
  ///
  /// - Throws: `system` with errno.
  init(descriptor: Int32, size: Int, writable: Bool, of file: OpenFile? = nil) throws(FormatError) {
    isWritable = writable
    self.file = file
    unsafe window = Window(
      base: try System.map(descriptor: descriptor, size: size, writable: writable), size: size)
    file?.track(window, writable: writable)
  }

  /// Lets go of the file, and keeps the addresses: whoever still looks there finds private zeros. An access at the same
  /// moment finds the one or the other. Regions side by side become one mapping.
  func discard() { unsafe System.discard(window.base, size: window.size, writable: isWritable) }

  /// Private zeroed memory, for a handle that has no lock file.
  init(anonymous size: Int) throws(FormatError) {
    isWritable = true
    file = nil
    unsafe window = Window(base: try System.map(descriptor: -1, size: size, writable: true), size: size)
  }

  deinit {
    // First: a child must not map over what has these addresses next.
    file?.track(nil, writable: isWritable)
    unsafe System.unmap(window.base, size: window.size)
  }
}
