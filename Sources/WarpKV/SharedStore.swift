// SPDX-License-Identifier: Apache-2.0
// The shared store: bytes in, bytes out, across processes. It opens, closes and describes a store; reading is in
// StoreReading, writing in StoreWriting, iteration in StoreIteration.
//
// - `current` is the attachment that calls use. When the store's files change it is swapped for another (StoreFollowing).
//   Every attachment is kept until the handle goes away, so a reader inside a call needs no reference of its own.
// - close() shuts the attachment's gate; whoever leaves it last gives the registry entry and its lock back.

import Synchronization
public import WarpFormat

/// A bounded cache of byte strings in a file that every process of this user and host can share.
///
/// Readers take no lock and never block writers. A set that returned is seen by every later get, in every process,
/// and survives the death of any process. It survives a reboot only on a disk, and only if every process had closed the
/// store.
///
/// A handle follows its store: when another process replaces it by one with other parameters, or deletes it and makes it
/// anew, the handle goes on in the new one. It works in a forked child too.
///
/// It is no database: a full store evicts, and there are no transactions over several keys. Keys are at most
/// `maxKeySize` bytes, stored values at most `maxValueSize`.
///
/// Complexity: what concerns one key is O(key + value), unless it says otherwise; the entries before it don't matter.
///
/// Thread-safety: all methods may be called from any thread at any time, `close` included.
public final class SharedStore: Sendable {
  @usableFromInline let current: AttachmentCell
  let isOpen = Atomic<Bool>(true)
  let moving = MoveLock()
  let request: OpenRequest
  let configuration: StoreConfiguration
  /// Whether a get may be the quick one: that checks no checksum.
  @usableFromInline let isQuick: Bool
  /// Whether values are stored as they are.
  let storesRaw: Bool
  /// Nanoseconds, 0: none.
  let defaultTimeToLive: UInt64
  let writerWait: Int64

  init(_ request: OpenRequest, _ configuration: StoreConfiguration) throws(WarpError) {
    self.request = request
    self.configuration = configuration
    isQuick = !configuration.verifyReads
    storesRaw = if case .none = configuration.compression { true } else { false }
    defaultTimeToLive =
      try configuration.timeToLive.map { (d) throws(WarpError) in try Expiry.nanoseconds(d) } ?? 0
    writerWait = try Expiry.wait(configuration.writerWait)
    let attachment = try request.attach()
    if attachment.header.usesZstd, !Compression.isAvailable {
      attachment.leave()
      throw Compression.missing(path: request.files.data)
    }
    current = AttachmentCell(attachment)
  }

  deinit {
    close()
    // One after the other: releasing a long chain at its end would recurse.
    var next = current.exchange(nil)
    while let attachment = next { next = attachment.takeBefore() }
  }

  /// The files that calls use now.
  package var attachment: Attachment { current.value! }

  // MARK: Opening

  /// Opens a named store in the user's own directory, making it if it is missing.
  ///
  /// The directory is `directory`, else the environment's WARPKV_DIR, else /dev/shm/warpkv-UID (macOS:
  /// $TMPDIR/warpkv-UID). It is made with mode 0700 and refused if others can reach into it.
  ///
  /// - Throws: `invalidName` and the errors of ``open(path:_:)``.
  /// - Complexity: O(shards); creating allocates tables of about 90 bytes per entry.
  public static func open(
    _ name: String, _ configuration: StoreConfiguration = StoreConfiguration(), directory: String? = nil
  ) throws(WarpError) -> SharedStore {
    // Wrong arguments make no directory.
    let files = try StoreFiles(name: name, directory: StoreDirectory.path(directory))
    _ = try Geometry(configuration.parameters())
    if configuration.access == .readWrite {
      _ = try StoreDirectory.prepare(directory)
    } else {
      try StoreDirectory.checkExisting(directory)
    }
    return try open(files, configuration, .system)
  }

  /// Opens the store at a path on any local file system, making it if it is missing.
  ///
  /// If the store there has other parameters, ``StoreConfiguration/ifDifferent`` decides; replacing it takes O(entries +
  /// bytes), and room for both.
  ///
  /// - Throws: `invalidCapacity` and other argument errors; `notAStore`, `truncated`, `unsupportedVersion`,
  ///   `corruptHeader` and others about the file; `parametersDiffer`; `insecureFile`; `noSpace`; `lockFileMissing`;
  ///   `busy`, also if a living writer keeps a shard of a store that is to be replaced. Nothing that was there has then
  ///   changed.
  public static func open(
    path: String, _ configuration: StoreConfiguration = StoreConfiguration()
  ) throws(WarpError) -> SharedStore {
    try open(StoreFiles(path: path), configuration, .system)
  }

  package static func open(
    _ files: StoreFiles, _ configuration: StoreConfiguration, _ environment: Environment
  ) throws(WarpError) -> SharedStore {
    let parameters = try configuration.parameters()
    // Asked for zstd without having it: an error before anything is made.
    if parameters.zstd, !Compression.isAvailable { throw Compression.missing(path: files.data) }
    var environment = environment
    if let clock = configuration.clock { environment.bootTime = { Int64(truncatingIfNeeded: clock.now()) } }
    var request = try OpenRequest(
      files: files, parameters: parameters, readOnly: configuration.access == .readOnly,
      creates: configuration.createIfMissing, ifDifferent: configuration.ifDifferent.request,
      environment: environment, policy: Sieve.policy)
    request.writerWait = try Expiry.wait(configuration.writerWait)
    request.recording = try configuration.requestRecording.recording(capacity: configuration.capacity)
    return try SharedStore(request, configuration)
  }

  /// Gives the store back; later calls throw `closed`. Calls that are under way finish. Idempotent.
  public func close() {
    guard isOpen.exchange(false, ordering: .sequentiallyConsistent) else { return }
    attachment.leave()
  }

  /// The names of this user's stores, sorted.
  ///
  /// - Throws: `readOnly`, `system`.
  public static func list(directory: String? = nil) throws(WarpError) -> [String] {
    try StoreDirectory.names(directory)
  }

  /// Deletes a named store. Handles that have it open throw `superseded` until somebody makes a store of that name; then they
  /// use it.
  ///
  /// - Returns: whether there was one.
  /// - Throws: `invalidName`, `notAStore` (a file that is not a store is not deleted), `insecureFile`, `busy`.
  @discardableResult
  public static func delete(named name: String, directory: String? = nil) throws(WarpError) -> Bool {
    let files = try StoreFiles(name: name, directory: StoreDirectory.path(directory))
    try StoreDirectory.checkExisting(directory)
    return try files.delete()
  }

  /// Deletes the store at a path; see ``delete(named:directory:)``.
  @discardableResult
  public static func delete(path: String) throws(WarpError) -> Bool { try StoreFiles(path: path).delete() }

  // MARK: What it is

  /// The data file.
  public var path: String { attachment.path }
  /// Entries it holds at most. With several shards the first evictions typically come when it is 90 to 98 % full.
  public var capacity: Int { attachment.header.geometry.capacity }
  /// Parts that are written independently.
  public var shards: Int { attachment.header.geometry.shardCount }
  /// Bytes of a key at most.
  public var maxKeySize: Int { attachment.header.geometry.maxKeySize }
  /// Bytes of a stored value at most, compressed if it is.
  public var maxValueSize: Int { attachment.header.geometry.maxValueSize }
  /// Bytes of a value at most, before compression.
  public var maxRawSize: Int { attachment.header.geometry.maxRawSize }

  /// What the store records of its requests; nil: nothing. See ``StoreConfiguration/requestRecording``.
  public var requestRecord: RequestRecord? { attachment.lockGeometry.record }

  /// The shard that a key belongs to.
  package func shard(of key: [UInt8]) -> Int {
    unsafe key.withUnsafeBytes { unsafe attachment.shard(of: attachment.hash($0)).index }
  }

  /// Entries in it, expired ones that no write has met yet included. O(shards).
  ///
  /// - Throws: `closed`, `superseded`, `busy`.
  public var count: Int {
    get throws(WarpError) {
      try withCurrent(reads: true) { (file) throws(WarpError) in file.shards.reduce(0) { $0 + $1.count } }
    }
  }

  static var closed: WarpError { WarpError(.closed, "the handle was closed") }

  /// Writes changed pages to the disk; on tmpfs there is none. Blocks for as long as the disk takes.
  ///
  /// - Throws: `closed`, `superseded`, `busy`, `noSpace`, `system`.
  public func sync() throws(WarpError) {
    try withCurrent { (file) throws(WarpError) in try file.sync() }
  }
}
