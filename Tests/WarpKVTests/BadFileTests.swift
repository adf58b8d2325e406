// SPDX-License-Identifier: Apache-2.0
// Files that are not a store, not whole, or not ours: each is refused with its code, the place and the rule, and not a
// byte of what was there changes.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

#if canImport(Glibc)
  import Glibc
#endif

/// A change to a good store and the error that it must give.
private struct Damage {
  let name: String
  let code: FormatError.Code
  var offset: Int?
  var rule: String?
  /// The error of a read-only handle; nil: the same.
  var opensReadOnly = false
  let apply: (String) throws -> Void

  /// A field of the header with another value, the checksum made right again.
  static func field(_ field: Field, _ value: UInt64, _ code: FormatError.Code, _ rule: String) -> Damage {
    Damage(name: "\(field.name) \(value)", code: code, offset: field.offset, rule: rule) { path in
      try TestFiles.patchHeader(path, at: field.offset, [UInt8](TestFiles.bytes(value).prefix(field.size)))
    }
  }

  static func cut(_ size: Int, _ code: FormatError.Code) -> Damage {
    Damage(name: "cut to \(size)", code: code) { path in
      guard truncate(path, off_t(size)) == 0 else { throw FormatError(.system, "truncate", errno: errno) }
    }
  }

  static func replaced(_ name: String, _ code: FormatError.Code, _ bytes: [UInt8]) -> Damage {
    Damage(name: name, code: code) { try TestFiles.write($0, bytes) }
  }
}

@Suite struct BadFileTests {
  /// WKV-X06: the rule, error and offset of chapter 14, and nothing is changed.
  @Test func damagedHeaders() throws {
    typealias F = HeaderFields
    var damages: [Damage] = [
      .replaced("text", .notAStore, Array("hello, I am your shopping list\n".utf8)),
      .replaced("zeros", .notAStore, [UInt8](repeating: 0, count: 100_000)),
      .replaced("magic in text mode", .notAStore, [0x89, 0x57, 0x4B, 0x56, 0x0A, 0x1A, 0x0A]),
      .replaced("nothing", .truncated, []),
      .field(F.majorVersion, 2, .unsupportedVersion, "WKV-H03"),
      .field(F.majorVersion, 0x0100, .foreignByteOrder, "WKV-H03"),
      .field(F.headerSize, 512, .corruptHeader, "WKV-H04"),
      .field(F.incompatFeatures, 1 << 1, .unsupportedFeatures, "WKV-H06"),
      .field(F.incompatFeatures, 1 << 63, .unsupportedFeatures, "WKV-H06"),
      .field(F.hashID, 2, .corruptHeader, "WKV-H08"),
      .field(F.checksumID, 0, .corruptHeader, "WKV-H08"),
      .field(F.evictionID, 7, .corruptHeader, "WKV-H08"),
      .field(F.clockID, 9, .corruptHeader, "WKV-H08"),
      .field(F.defaultTimeToLive, 1 << 63, .corruptHeader, "WKV-H08"),
      .field(F.capacity, 0, .corruptGeometry, "WKV-G01"),
      .field(F.capacity, .max, .corruptGeometry, "WKV-G01"),
      .field(F.shardCount, 3, .corruptGeometry, "WKV-G01"),
      .field(F.maxKeySize, UInt64(UInt32.max), .corruptGeometry, "WKV-G01"),
      .field(F.maxValueSize, UInt64(UInt32.max), .corruptGeometry, "WKV-G01"),
      .field(F.maxRawSize, 1, .corruptGeometry, "WKV-G01"),
      .field(F.storeID, 3, .corruptHeader, "WKV-H09"),
    ]
    for field in [
      F.slotsPerShard, F.bucketsPerShard, F.slotStride, F.probeLimit, F.stateOffset, F.shardsOffset, F.shardStride,
      F.bucketsOffset, F.metadataOffset, F.slotsOffset, F.fileSize,
    ] {
      for value in [0, 1, 64, UInt64(UInt32.max)] {
        damages.append(.field(field, value, .corruptGeometry, "WKV-G02"))
      }
    }
    for size in [0, 1, 7, 8, 100, 4095, 4096, 8191, 8192, 20_000] { damages.append(.cut(size, .truncated)) }
    damages.append(
      Damage(name: "a reserved byte", code: .corruptHeader, offset: 1000, rule: "WKV-H07") {
        try TestFiles.patchHeader($0, at: 1000, [1])
      })
    damages.append(
      Damage(name: "checksum", code: .corruptHeader, offset: F.checksum.offset, rule: "WKV-H05") {
        try TestFiles.patch($0, at: F.capacity.offset, [5])
      })
    damages.append(
      Damage(name: "clock records", code: .corruptState, offset: 4096, rule: "WKV-S02") {
        try TestFiles.patch($0, at: 4096 + 64, [UInt8](repeating: 0, count: 128))
      })
    damages.append(
      Damage(name: "ro_compat", code: .unsupportedFeatures, offset: 24, rule: "WKV-V02", opensReadOnly: true) {
        try TestFiles.patchHeader($0, at: F.roCompatFeatures.offset, [0, 0x80])
      })
    for damage in damages { try check(damage) }
  }

  private func check(_ damage: Damage) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let first = try SharedStore.open(path: path, .init(capacity: 10, maxValueSize: 100))
      try first.set("k", to: [1, 2, 3])
      first.close()
      try damage.apply(path)
      let before = try TestFiles.snapshot(directory)
      for configuration in [
        StoreConfiguration(capacity: 10, maxValueSize: 100), .init(capacity: 99, ifDifferent: .useExisting),
        .init(access: .readOnly),
      ] {
        if damage.opensReadOnly, configuration.access == .readOnly {
          #expect(try SharedStore.open(path: path, configuration).get("k") == [1, 2, 3])
          continue
        }
        let error = expectCode(damage.code, damage.name) { _ = try SharedStore.open(path: path, configuration) }
        #expect(error?.path == path)
        if let offset = damage.offset { #expect(error?.offset == offset, "\(damage.name)") }
        if let rule = damage.rule { #expect(error?.rule == rule, "\(damage.name)") }
      }
      #expect(try TestFiles.snapshot(directory) == before, "\(damage.name)")
    }
  }

  @Test func unknownCompatibleFeaturesStay() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try SharedStore.open(path: path).set("k", to: [1])
      try TestFiles.patchHeader(path, at: HeaderFields.compatFeatures.offset, [0x10])
      let store = try SharedStore.open(path: path)
      try store.set("k", to: [2])
      #expect(try store.get("k") == [2])
      #expect(try TestFiles.read(path)[HeaderFields.compatFeatures.offset] == 0x10)
    }
  }

  /// Before anything is mapped or allocated, however plausible the header is.
  @Test func aHugeGeometryInASmallFile() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let header = try Header(
        Parameters(capacity: 1 << 31, shards: 4096, maxValueSize: 8000),
        geometry: Geometry(Parameters(capacity: 1 << 31, shards: 4096, maxValueSize: 8000)), environment: .system)
      try TestFiles.write(path, header.encoded() + [UInt8](repeating: 0, count: 4096))
      let before = try TestFiles.snapshot(directory)
      let error = expectCode(.truncated) {
        _ = try SharedStore.open(path: path, .init(ifDifferent: .useExisting))
      }
      #expect(error?.rule == "WKV-G03")
      #expect(try TestFiles.snapshot(directory) == before)
    }
  }

  @Test func otherFilesAreNotDeleted() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      #expect(try SharedStore.delete(path: path) == false)
      try TestFiles.write(path, Array("precious".utf8))
      let before = try TestFiles.snapshot(directory)
      expectCode(.notAStore) { try SharedStore.delete(path: path) }
      #expect(try TestFiles.snapshot(directory) == before)
    }
  }

  /// WKV-F04.
  @Test func insecureFiles() throws {
    try insecure("symlink") { path in symlink("/etc/hostname", path) == 0 }
    try insecure("dangling symlink") { path in symlink("nowhere", path) == 0 }
    try insecure("FIFO") { path in mkfifo(path, 0o600) == 0 }
    try insecure("directory") { path in mkdir(path, 0o700) == 0 }
    try insecure("mode 0644") { path in try good(path) && chmod(path, 0o644) == 0 }
    try insecure("mode 0620") { path in try good(path) && chmod(path, 0o620) == 0 }
    try insecure("hard link") { path in try good(path) && link(path, path + "-twin") == 0 }
    guard geteuid() == 0 else {
      print("files of other users are tested as root only")
      return
    }
    try insecure("other owner") { path in try good(path) && chown(path, 65_534, 65_534) == 0 }
    try insecure("device") { path in mknod(path, S_IFCHR | 0o600, dev_t(1 << 8 | 3)) == 0 }
  }

  private func good(_ path: String) throws -> Bool {
    try SharedStore.open(path: path).set("k", to: [1])
    return true
  }

  private func insecure(_ name: String, _ make: (String) throws -> Bool) throws {
    for suffix in ["", "-lock", "-init"] {
      try withTemporaryDirectory { directory in
        let path = directory + "/a.warp"
        // The other files are good ones: what is wrong is this one alone.
        if suffix != "" { _ = try good(path) }
        try System.remove(path + suffix)
        if name == "directory" || name.contains("symlink") || name == "FIFO" || name == "device" || suffix == "" {
          try #require(try make(path + suffix), "\(name): errno \(errno)")
        } else {
          try TestFiles.write(path + suffix, [])
          guard suffix == "-init" else { return }
          try #require(chmod(path + suffix, 0o644) == 0)
        }
        // The creation lock is taken only by who creates.
        if suffix == "-init" { try System.remove(path) }
        let before = try TestFiles.snapshot(directory)
        expectCode(.insecureFile, "\(name)\(suffix)") { _ = try SharedStore.open(path: path) }
        if suffix == "" { expectCode(.insecureFile, name) { try SharedStore.delete(path: path) } }
        #expect(try TestFiles.snapshot(directory) == before, "\(name)\(suffix)")
      }
    }
  }

  /// WKV-F08.
  @Test func insecureDirectories() throws {
    func check(_ name: String, _ make: (String) throws -> Bool) throws {
      for level in ["", "/v1"] {
        try withTemporaryDirectory { directory in
          let base = directory + "/d"
          if level != "" { try System.makeDirectory(base) }
          try #require(try make(base + level), "\(name): errno \(errno)")
          let before = try TestFiles.snapshot(directory)
          let error = expectCode(.insecureDirectory, name) { _ = try SharedStore.open("a", directory: base) }
          #expect(error?.path == base + level)
          #expect(try TestFiles.snapshot(directory) == before)
        }
      }
    }
    try check("mode 0755") { mkdir($0, 0o755) == 0 && chmod($0, 0o755) == 0 }
    try check("mode 0710") { mkdir($0, 0o710) == 0 && chmod($0, 0o710) == 0 }
    try check("symlink") { symlink("/tmp", $0) == 0 }
    try check("file") { try TestFiles.write($0, [1]) == () }
    if geteuid() == 0 { try check("other owner") { mkdir($0, 0o700) == 0 && chown($0, 65_534, 65_534) == 0 } }
  }
}
