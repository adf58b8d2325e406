// SPDX-License-Identifier: Apache-2.0
// Every read-only command on everything that may lie where a store is expected: fixtures, valid and not, stores whose
// writer died, cut ones, files of others, things that are no files. What each run must keep is in HostileRun.swift.
//
// `make check` runs the commands in this process and a part as processes; WARP_DEEP=1 runs every line in it, WARP_HOSTILE=1
// everything both ways (Scripts/inspect-hostile).

import Foundation
import Glibc
import Testing
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct HostileFilesTests {
  /// Runs all lines on a path, or only every fourth, and expects it to be as before.
  private func run(
    _ path: String, _ what: String, in directory: String, asProcess: Bool, only part: Int? = nil
  ) throws {
    let before = FileStamps(path)
    for (number, line) in (asProcess ? TableLine.all : TableLine.quick).enumerated() {
      if let part, (number + part) % 4 != 0 { continue }
      let arguments = line.arguments(store: path, out: directory + "/out", directory: directory + "/empty")
      let run = asProcess ? try HostileRun(arguments, in: directory) : HostileRun(inProcess: arguments)
      run.expectSound(what)
      let isUntouched = FileStamps(path) == before
      #expect(isUntouched, "\(line.testDescription), \(what): the files were changed")
    }
  }

  private func withPlace(_ body: (String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      try System.makeDirectory(directory + "/empty")
      try body(directory)
      HostileRun.report()
    }
  }

  @Test(arguments: ["valid", "invalid"]) func fixtures(_ kind: String) throws {
    try withPlace { directory in
      let path = directory + "/a.warp"
      for (index, name) in Fixtures.names(kind).enumerated() {
        try TestFiles.write(path, TestFiles.read(Fixtures.path(kind, name)))
        // Neighbours break the same rule, and share the lines.
        try run(path, name, in: directory, asProcess: false, only: Deep.isOn || kind == "valid" ? nil : index)
        if Deep.isHostile || index % 40 == 0 { try run(path, name, in: directory, asProcess: true) }
      }
    }
  }

  @Test func storesWhoseWriterDied() throws {
    try withPlace { directory in
      let path = directory + "/a.warp"
      for name in Fixtures.names("valid") + Fixtures.names("invalid") {
        let kind = Fixtures.names("valid").contains(name) ? "valid" : "invalid"
        let data = try TestFiles.read(Fixtures.path(kind, name))
        guard let lock = try HostileLock.deadOwner(for: data) else { continue }
        try TestFiles.write(path, data)
        try TestFiles.write(path + StoreFiles.lockSuffix, lock)
        // 64 tries of each shard take a while in a debug build.
        if Deep.isHostile || kind == "valid" { try run(path, "\(name), dead", in: directory, asProcess: false) }
        if Deep.isHostile || name == "several-shards" {
          try run(path, "\(name), dead", in: directory, asProcess: true)
        }
      }
    }
  }

  @Test func cutFiles() throws {
    try withPlace { directory in
      let path = directory + "/a.warp"
      let data = try TestFiles.read(Fixtures.path("valid", "several-shards"))
      let lock = try #require(HostileLock.bytes(for: data))
      for size in [0, 1, 7, 8, 100, 4095, 4096, 8191, 8192, 8448, data.count / 2, data.count - 1] {
        for (data, lock) in [
          (Array(data.prefix(size)), lock), (data, Array(lock.prefix(size))), (data + [0], lock),
          (data, lock + [0]),
        ] {
          try TestFiles.write(path, data)
          try TestFiles.write(path + StoreFiles.lockSuffix, lock)
          try run(path, "cut at \(size)", in: directory, asProcess: Deep.isHostile && data.count == size)
        }
      }
    }
  }

  /// Files that begin like those of other programs, and things that are no files at all.
  @Test func foreignFiles() throws {
    try withPlace { directory in
      let beginnings: [(String, [UInt8])] = [
        ("png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]),
        ("text", Array("Dear reader,\r\n".utf8)),
        ("lmdb", [UInt8](repeating: 0, count: 16) + [0xDE, 0xC0, 0xEF, 0xBE, 1, 0, 0, 0]),
        ("sqlite", Array("SQLite format 3\0".utf8)), ("lock", Format.lockMagic), ("empty", []),
        ("escape", Array("\u{1B}[2J\u{1B}]0;title\u{7}".utf8)),
      ]
      let path = directory + "/a.warp"
      for (name, beginning) in beginnings {
        let rest = name == "empty" ? 0 : 20_000
        try TestFiles.write(path, beginning + [UInt8](repeating: 0x20, count: rest))
        try run(path, name, in: directory, asProcess: true)
      }
      let places: [(String, () -> Void)] = [
        ("directory", { mkdir(path, 0o700) }), ("fifo", { mkfifo(path, 0o600) }), ("nothing", {}),
        ("loop", { symlink(path, path) }), ("link", { symlink(Fixtures.path("valid", "empty"), path) }),
        ("link to nothing", { symlink("/nowhere/at-all", path) }), ("link to null", { symlink("/dev/null", path) }),
      ]
      for (name, make) in places {
        unlink(path)
        make()
        try run(path, name, in: directory, asProcess: true)
        if name == "directory" { rmdir(path) }
      }
      for device in ["/dev/null", "/dev/zero", "/dev/full", "/proc/self/mem", "/no/such/directory/a.warp"] {
        try run(device, device, in: directory, asProcess: true)
      }
    }
  }

  @Test func withoutPermission() throws {
    // Whoever is root may read everything, and becomes somebody else.
    let other = geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups"] : []
    guard other.isEmpty || access(other[0], X_OK) == 0 else { return }
    try withPlace { directory in
      let path = directory + "/a.warp"
      try TestFiles.write(path, TestFiles.read(Fixtures.path("valid", "empty")))
      if other.isEmpty { chmod(path, 0) } else { chmod(directory, 0o755) }
      for line in TableLine.all where line.words.contains("STORE") {
        let arguments = line.arguments(store: path, out: directory + "/out", directory: directory + "/empty")
        let run = try HostileRun(arguments, in: directory, by: other)
        run.expectSound("no permission")
        #expect(run.status == 2 && run.errors.contains("permission"), "\(line.testDescription): \(run.errors)")
      }
    }
  }

  /// A newer major version is named, not taken for damage.
  @Test func otherMajorVersion() throws {
    try withPlace { directory in
      let path = directory + "/a.warp"
      try TestFiles.write(path, TestFiles.read(Fixtures.path("invalid", "H03-newer-major")))
      for line in TableLine.all where line.words.contains("STORE") {
        let run = try HostileRun(
          line.arguments(store: path, out: directory + "/out", directory: directory + "/empty"), in: directory)
        run.expectSound("major version")
        #expect(run.status == 2 && run.errors.contains("version 2"), "\(line.testDescription): \(run.errors)")
      }
    }
  }

  /// The largest geometries that a header may claim, in files that are one hole.
  @Test(arguments: [
    Parameters(capacity: 1 << 31, shards: 4096, maxKeySize: 0, maxValueSize: 0),
    Parameters(capacity: 1 << 31, shards: 2, maxKeySize: 0, maxValueSize: 0),
    Parameters(capacity: 1 << 14, shards: 1, maxKeySize: 1 << 16, maxValueSize: 1 << 30),
  ])
  func hugeHoles(_ parameters: Parameters) throws {
    try withPlace { directory in
      let path = directory + "/a.warp"
      let geometry = try Geometry(parameters)
      let header = try Header(parameters, geometry: geometry, environment: .system)
      let clock = ClockRecord(generation: 1, bootID: System.bootID(), base: 0).encoded()
      try TestFiles.write(
        path, header.encoded() + [UInt8](repeating: 0, count: StateFields.clockA.offset) + clock)
      try #require(truncate(path, off_t(geometry.fileSize)) == 0)
      for line in TableLine.quick {
        let arguments = line.arguments(store: path, out: directory + "/out", directory: directory + "/empty")
        let run = Deep.isHostile ? try HostileRun(arguments, in: directory) : HostileRun(inProcess: arguments)
        run.expectSound("\(geometry.fileSize) bytes of nothing")
      }
    }
  }

  /// No run may end by a signal: nothing is mapped.
  @Test func aFileThatShrinksAndGrows() throws {
    try withPlace { directory in
      let path = directory + "/a.warp"
      let data = try TestFiles.read(Fixtures.path("valid", "large-slots"))
      try TestFiles.write(path, data)
      let file = try System.open(path, .readWrite)
      defer { System.close(file) }
      let stop = DispatchSemaphore(value: 0)
      let ended = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        var random = SeededGenerator(seed: 3)
        while stop.wait(timeout: .now() + .microseconds(200)) == .timedOut {
          ftruncate(file, off_t(random.below(data.count)))
          try? System.write(file, at: 0, data, path)
        }
        ended.signal()
      }
      for round in 0..<(Deep.isOn ? 60 : 6) {
        for line in TableLine.quick {
          let arguments = line.arguments(store: path, out: directory + "/out", directory: directory + "/empty")
          (round % 6 == 0 ? try HostileRun(arguments, in: directory) : HostileRun(inProcess: arguments))
            .expectSound("a file that shrinks")
        }
      }
      stop.signal()
      ended.wait()
    }
  }

  @Test func outputThatCannotBeWritten() throws {
    try withPlace { directory in
      let path = directory + "/a.warp"
      try TestFiles.write(path, TestFiles.read(Fixtures.path("valid", "several-shards")))
      // There is nothing to validate in an empty directory, and nothing is printed.
      for line in TableLine.all where !line.words.contains("OUT") && line.words[0] != "validate" {
        let arguments = line.arguments(store: path, out: directory + "/out", directory: directory + "/empty")
        let full = try HostileRun(arguments, in: directory, by: ["/bin/sh", "-c", #""$0" "$@" >/dev/full"#])
        #expect(
          full.status == 2 && full.errors.contains("full"), "\(line.testDescription): \(full.status) \(full.errors)"
        )
        // A pipe whose reader has gone. The shell also says 141 of a program that the signal ended, which is as quiet.
        let broken = directory + "/pipe"
        let pipe = try HostileRun(
          arguments, in: directory,
          by: [
            "/bin/sh", "-c",
            #"p=$0 && mkfifo "$p" && exec 3<>"$p" 4>"$p" 3<&- && rm "$p" && { "$@" >&4; exit $?; }"#, broken,
          ])
        #expect(
          pipe.status == 141 && (pipe.errors.isEmpty || line.words.contains("--progress")),
          "\(line.testDescription): \(pipe.status) \(pipe.errors)")
      }
    }
  }
}
