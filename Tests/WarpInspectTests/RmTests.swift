// SPDX-License-Identifier: Apache-2.0
// `warp-inspect rm`: it deletes what it was told to, after it asked, and nothing else.

import Foundation
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

@Suite struct RmTests {
  private func withStore(_ body: (_ directory: String, _ path: String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let store = try SharedStore.open("a", .init(capacity: 10), directory: directory + "/stores")
      try store.set("k", to: [1])
      store.close()
      try body(directory, directory + "/stores/v1/a.warp")
    }
  }

  /// On a terminal, with an answer.
  private func ask(_ answer: String, _ directory: String) throws -> (code: Int32?, errors: String) {
    let terminal = try PseudoTerminal()
    let launch = try Launch(
      ["rm", "a"], in: directory, terminal: terminal, showsOutput: false,
      environment: ["WARPKV_DIR": directory + "/stores"])
    terminal.type(answer)
    return (launch.wait(terminal), launch.errors)
  }

  @Test func asks() throws {
    try withStore { directory, path in
      for answer in ["n\n", "\n", "yesterday it was full of useful things\n", "\u{04}"] {
        let (code, errors) = try ask(answer, directory)
        #expect(code == 1 && errors.contains("with 1 entry, 0 attached processes? [y/N] "), "\(errors)")
        #expect(try TestFiles.exists(path))
      }
      #expect(try ask("Y\n", directory).code == 0)
      #expect(try TestFiles.names(directory + "/stores/v1") == [])
    }
  }

  @Test func withoutATerminalItMustBeTold() throws {
    try withStore { directory, path in
      let files = try TestFiles.snapshot(directory + "/stores/v1")
      let refused = try Launch(["rm", path], in: directory)
      #expect(refused.wait() == 64 && refused.errors.contains("--force"))
      #expect(try TestFiles.snapshot(directory + "/stores/v1") == files)
      let told = try Inspection(["rm", "--force", "--json", path], in: directory)
      #expect(told.code == 0 && told.output.contains(#""entries": 1"#))
      #expect(try TestFiles.names(directory + "/stores/v1") == [])
      let gone = try Inspection(["rm", "--force", path], in: directory)
      #expect(gone.code == 2 && gone.errors.contains("there is no file"))
    }
  }

  /// They are told, as when the library deletes it.
  @Test func whoHasItOpen() throws {
    try withStore { directory, path in
      let store = try SharedStore.open(path: path, .init(ifDifferent: .useExisting))
      let refused = try Inspection(["rm", path], in: directory)
      #expect(refused.code == 1 && refused.errors.contains("it is in use by pid \(getpid())"))
      #expect(try store.get("k") == [1])
      let told = try Inspection(["rm", "--force", path], in: directory)
      #expect(told.code == 0 && told.output.hasSuffix("with 1 entry, 1 attached process\n"))
      #expect(throws: WarpError.self) { try store.set("k", to: [2]) }
      let next = try SharedStore.open(path: path, .init(capacity: 10))
      #expect(try store.get("k") == nil)
      next.close()
      store.close()
      let reader = try SharedStore.open(path: path, .init(access: .readOnly, ifDifferent: .useExisting))
      let unregistered = try Inspection(["rm", path], in: directory)
      #expect(unregistered.code == 1 && unregistered.errors.contains("somebody has it open"))
      reader.close()
    }
  }

  @Test func whatIsNoStore() throws {
    try withStore { directory, path in
      let elsewhere = directory + "/letter.warp"
      let here = directory + "/stores/v1/letter.warp"
      for file in [elsewhere, here] { try TestFiles.write(file, Array("Dear friend".utf8)) }
      func remove(_ arguments: [String]) throws -> (code: Int32, errors: String) {
        let launch = try Launch(
          ["rm"] + arguments, in: directory, environment: ["WARPKV_DIR": directory + "/stores"])
        return (launch.wait() ?? -1, launch.errors)
      }
      for arguments in [[elsewhere], ["--force", elsewhere], [here]] {
        let refused = try remove(arguments)
        #expect(refused.code == 2 && refused.errors.contains("magic number"), "\(arguments) \(refused.errors)")
      }
      #expect(try TestFiles.read(elsewhere) == Array("Dear friend".utf8))
      #expect(try TestFiles.exists(here))
      #expect(try remove(["--force", "letter"]).code == 0)
      #expect(try !TestFiles.exists(here))
      // A store whose header is damaged is one of these.
      try TestFiles.patch(path, at: HeaderFields.capacity.offset, [0xFF])
      #expect(try remove([path]).code == 2)
      #expect(try remove(["--force", path]).code == 0)
      #expect(try TestFiles.names(directory + "/stores/v1") == [])
      // Neither a directory nor what a link leads to.
      try System.makeDirectory(here)
      symlink(elsewhere, directory + "/stores/v1/link.warp")
      for name in ["letter", "link"] { #expect(try remove(["--force", name]).code == 2) }
      #expect(try TestFiles.exists(elsewhere) && TestFiles.exists(here))
      #expect(try TestFiles.exists(directory + "/stores/v1/link.warp"))
    }
  }
}
