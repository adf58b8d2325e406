// SPDX-License-Identifier: Apache-2.0
// What is said when a name leads to no store: one sentence, status 2, nothing changed, and never a wait.

import Glibc
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat
@testable import warp_inspect

@Suite struct NameTests {
  @Test func nearNames() {
    let names = ["sessions", "session-cache", "users", "user", "images-2026", "été"]
    #expect(StoreNames.near("sesions", among: names) == ["sessions"])
    #expect(StoreNames.near("SESSIONS", among: names) == ["sessions"])
    #expect(StoreNames.near("session", among: names) == ["sessions", "session-cache"])
    #expect(StoreNames.near("usesr", among: names) == ["user", "users"])
    #expect(StoreNames.near("im", among: names) == ["images-2026"])
    #expect(StoreNames.near("ete", among: names) == ["été"])
    for nothing in ["", "x", "xy", "abcdefgh", String(repeating: "a", count: 100_000)] {
      #expect(StoreNames.near(nothing, among: names) == [], "\(nothing.prefix(10))")
    }
    #expect(StoreNames.near("a", among: (0..<9).map { "a\($0)" }).count == 3)
  }

  @Test func distances() {
    #expect(StoreNames.distance("kitten", "sitting", limit: 3) == 3)
    #expect(StoreNames.distance("kitten", "sitting", limit: 2) == nil)
    #expect(StoreNames.distance("", "ab", limit: 2) == 2)
    #expect(StoreNames.distance("same", "same", limit: 0) == 0)
  }

  /// Runs a command on a name, and expects one sentence with these words.
  private func expect(
    _ command: String, _ name: String, in directory: String, says words: String, wrapper: [String] = [],
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let launch = try Launch(
      [command, name], in: directory, environment: ["WARPKV_DIR": directory + "/stores"], wrapper: wrapper)
    #expect(launch.wait() == 2, sourceLocation: location)
    #expect(launch.output == "", sourceLocation: location)
    #expect(launch.errors.contains(words), "\(launch.errors)", sourceLocation: location)
    #expect(launch.errors.split(separator: "\n").count == 1, sourceLocation: location)
  }

  @Test(arguments: ["info", "top", "verify", "dump", "rm"]) func noStore(_ command: String) throws {
    try withTemporaryDirectory { directory in
      try SharedStore.open("sessions", .init(capacity: 4), directory: directory + "/stores").close()
      let path = directory + "/stores/v1/sessions.warp"
      let folder = directory + "/folder"
      try System.makeDirectory(folder)
      mkfifo(folder + "/pipe.warp", 0o600)
      symlink(path, folder + "/link.warp")
      try TestFiles.write(folder + "/newer.warp", TestFiles.read(Fixtures.path("invalid", "H03-newer-major")))
      let files = try TestFiles.snapshot(directory + "/stores/v1")
      try expect(command, "sesion", in: directory, says: "did you mean sessions?")
      try expect(command, "other", in: directory, says: "there is no store other in \(directory)/stores/v1")
      try expect(command, folder + "/pip.warp", in: directory, says: "did you mean \(folder)/pipe.warp?")
      try expect(command, folder + "/nothing", in: directory, says: "there is no file \(folder)/nothing")
      try expect(command, "a\u{1B}[2J", in: directory, says: "invalidName")
      try expect(command, folder, in: directory, says: "is a directory, no store: in it are ")
      try expect(command, folder + "/pipe.warp", in: directory, says: "is a pipe, no store")
      try expect(command, folder + "/link.warp", in: directory, says: "is a symbolic link: name the file")
      try expect(command, "/dev/null", in: directory, says: "/dev/null is a device, no store")
      try expect(
        command, folder + "/newer.warp", in: directory, says: "it has format version 2, this software reads 1")
      #expect(try TestFiles.snapshot(directory + "/stores/v1") == files)
    }
  }

  /// As root it asks as somebody else.
  @Test(.enabled(if: geteuid() != 0 || access("/usr/bin/setpriv", X_OK) == 0)) func noPermission() throws {
    try withTemporaryDirectory { directory in
      try SharedStore.open(path: directory + "/a.warp", .init(capacity: 4)).close()
      chmod(directory, 0o755)
      chmod(directory + "/a.warp", geteuid() == 0 ? 0o600 : 0)
      // A build that counts lines would complain that it may not write its counts.
      let wrapper = [
        "/usr/bin/env", "LLVM_PROFILE_FILE=/dev/null", "/usr/bin/setpriv", "--reuid=65534", "--regid=65534",
        "--clear-groups",
      ]
      // Where nobody may run what was built here, nothing can be said about what it would say.
      let runs = try Launch(["--version"], in: directory, wrapper: wrapper)
      guard geteuid() != 0 || runs.wait() == 0 else { return print("skipped: nobody may not run this build") }
      try expect(
        "info", directory + "/a.warp", in: directory,
        says: "no permission to read it (it belongs to user \(geteuid()), mode",
        wrapper: geteuid() == 0 ? wrapper : [])
    }
  }
}
