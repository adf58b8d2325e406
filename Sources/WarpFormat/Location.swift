// SPDX-License-Identifier: Apache-2.0
// Where a store's files are, and whether the place can be trusted (SPEC.md §4.3).
//
//   PATH   PATH-lock   PATH-init   PATH-new   PATH-lock-new
//
// A named store is NAME.warp in a directory of the user's own. The format's major version is part of that directory,
// so two majors run side by side instead of destroying each other. Every check is made on the open descriptor.

/// The names of the files that belong to one store.
public struct StoreFiles: Equatable, Sendable {
  public static let lockSuffix = "-lock"
  public static let fileExtension = ".warp"

  /// The data file.
  public let data: String
  public var lock: String { data + StoreFiles.lockSuffix }
  /// `flock` on it is the creation lock.
  public var initialization: String { data + "-init" }
  var newData: String { data + "-new" }
  var newLock: String { data + "-lock-new" }

  public init(path: String) { data = path }

  /// The files of a named store.
  ///
  /// - Throws: `invalidName`.
  public init(name: String, directory: String) throws(FormatError) {
    try StoreFiles.check(name)
    data = directory + "/" + name + StoreFiles.fileExtension
  }

  /// The same files by a path that a later change of the working directory doesn't lead astray.
  func absolute() -> StoreFiles {
    guard data.first != "/", let directory = System.workingDirectory() else { return self }
    return StoreFiles(path: directory + (directory.hasSuffix("/") ? "" : "/") + data)
  }

  /// A path that names a file: neither empty nor a directory's, and without a NUL, behind which the system sees nothing.
  ///
  /// - Throws: `invalidName`.
  func checkPath() throws(FormatError) {
    guard !data.isEmpty, !data.utf8.contains(0), data.utf8.last != UInt8(ascii: "/") else {
      throw FormatError(
        .invalidName, "a store's path can't be empty, end in a slash or contain a NUL", path: data, field: "path")
    }
  }

  /// 1 to 200 bytes of UTF-8, no "/", no control characters, no "." in front.
  static func check(_ name: String) throws(FormatError) {
    let bytes = Array(name.utf8)
    let reason: String?
    if bytes.isEmpty {
      reason = "it is empty"
    } else if bytes.count > Format.maximumNameSize {
      reason = "it has \(bytes.count) bytes, over \(Format.maximumNameSize)"
    } else if bytes[0] == UInt8(ascii: ".") {
      reason = "it begins with a dot"
    } else if bytes.contains(UInt8(ascii: "/")) {
      reason = "it contains a slash: for a file elsewhere, open it by path"
    } else if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      reason = "it contains a control character"
    } else {
      reason = nil
    }
    if let reason, !planted(.anyNameTaken) {
      throw FormatError(.invalidName, "a store can't have this name: \(reason)", field: "name")
    }
  }
}

/// The per-user directory of named stores.
public enum StoreDirectory {
  /// `directory`, else WARPKV_DIR, else /dev/shm/warpkv-UID (macOS: $TMPDIR/warpkv-UID); then "v1" below it.
  public static func path(_ directory: String? = nil) -> String {
    base(directory) + "/v\(Format.majorVersion)"
  }

  private static func base(_ directory: String?) -> String {
    if let directory = directory ?? System.environment("WARPKV_DIR"), !directory.isEmpty { return directory }
    #if os(Linux)
      let parent = "/dev/shm"
    #else
      let parent = System.environment("TMPDIR") ?? "/tmp"
    #endif
    return "\(parent)/warpkv-\(System.userID())"
  }

  /// Makes both levels if they are missing, and checks that nobody else can reach into them.
  ///
  /// - Throws: `insecureDirectory`, `readOnly`, `noSpace`.
  package static func prepare(_ directory: String?) throws(FormatError) -> String {
    let base = base(directory)
    try System.makeDirectory(base)
    try check(base)
    let path = path(directory)
    try System.makeDirectory(path)
    try check(path)
    return path
  }

  /// Checks both levels as far as they are there, and makes nothing.
  package static func checkExisting(_ directory: String?) throws(FormatError) {
    for path in [base(directory), path(directory)] where try System.status(path: path) != nil { try check(path) }
  }

  package static func check(_ path: String) throws(FormatError) {
    let descriptor = try System.openDirectory(path)
    defer { System.close(descriptor) }
    let status = try System.status(descriptor, path)
    let reason: String?
    if status.owner != System.userID() {
      reason = "it belongs to user \(status.owner), not to \(System.userID())"
    } else if status.permissions & 0o077 != 0 {
      reason = "others can reach into it (mode \(String(status.permissions, radix: 8))): chmod 700"
    } else {
      reason = nil
    }
    if let reason, !planted(.insecureDirectoryTaken) { throw FormatError(.insecureDirectory, reason, path: path) }
  }

  /// The names of the stores in a directory, sorted.
  package static func names(_ directory: String?) throws(FormatError) -> [String] {
    try checkExisting(directory)
    let path = path(directory)
    do throws(FormatError) {
      return try System.list(path).compactMap {
        $0.hasSuffix(StoreFiles.fileExtension) ? String($0.dropLast(StoreFiles.fileExtension.count)) : nil
      }
    } catch {
      if error.code == .notFound { return [] }
      throw error
    }
  }
}

extension FileStatus {
  package func isSameFile(as other: FileStatus?) -> Bool { inode == other?.inode && device == other?.device }

  /// A store's file must be ours alone.
  func checkSecure(_ path: String) throws(FormatError) {
    let reason: String?
    if !isRegular {
      reason = "it is no regular file"
    } else if owner != System.userID() {
      reason = "it belongs to user \(owner), not to \(System.userID())"
    } else if permissions & 0o077 != 0 {
      reason = "others can open it (mode \(String(permissions, radix: 8))): chmod 600"
    } else if links > 1 {
      reason = "it has \(links) hard links: copy it instead"
    } else {
      reason = nil
    }
    if let reason, !planted(.insecureFileTaken) { throw FormatError(.insecureFile, reason, path: path) }
  }
}

/// File systems on which one host's processes don't share memory, or that lack the locks.
enum FileSystems {
  private static let refused: [Int64: String] = [
    0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x6573_5546: "FUSE",
    0x0102_1997: "9p", 0x5346_414F: "AFS", 0x00C3_6400: "Ceph", 0x7461_636F: "OCFS2", 0x0BD0_0BD0: "Lustre",
  ]

  /// Gone after a reboot.
  static let tmpfs: Int64 = 0x0102_1994

  /// - Throws: `unsupportedFileSystem`, and `system` if the number is -1: it can't be told.
  static func check(_ number: Int64, _ path: String) throws(FormatError) {
    guard number >= 0 else { throw System.error("fstatfs", path) }
    if let name = refused[number], !planted(.anyFileSystemTaken) {
      throw FormatError(
        .unsupportedFileSystem,
        "\(name) does not share memory between processes as a store needs it: use a local file system",
        path: path)
    }
  }
}
