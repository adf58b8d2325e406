// SPDX-License-Identifier: Apache-2.0
// `warp-inspect top` on stores in use: what it says into a pipe, how it follows, and how it leaves a terminal. What needs a
// shell (Ctrl-Z, a terminal emulator's screen) is in Scripts/top-test.

import Foundation
import Synchronization
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@testable import warp_inspect

@Suite struct TopTests {
  /// A store that a thread writes to as long as `body` runs.
  private func withBusyStore(_ body: (_ directory: String, _ path: String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      let store = try SharedStore.open(path: path, .init(capacity: 100, maxValueSize: 8, shards: 4))
      let end = Ending()
      let thread = Thread {
        var key = 0
        // Bound: the body.
        while !end.isSet {
          key += 1
          _ = try? store.get("\(key % 150)")
          _ = try? store.set("\(key % 200)", to: [1])
          if key % 64 == 0 { usleep(1000) }
        }
        store.close()
        end.finish()
      }
      thread.start()
      defer { end.set() }
      try body(directory, path)
    }
  }

  @Test func linesOfJSON() throws {
    try withBusyStore { directory, path in
      // The writer may be off its core for as long as a line covers, so some lines may show that nothing was done.
      var busy = 0
      for _ in 0..<20 where busy < 3 {
        let top = try Inspection(["top", path, "--json", "--count", "3", "--interval", "0.2"], in: directory)
        #expect(top.code == 0 && top.errors == "")
        let lines = top.output.split(separator: "\n")
        #expect(lines.count == 3)
        for line in lines {
          let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
          let rates = try #require(object["perSecond"] as? [String: Double])
          #expect(rates.count == Counter.allCases.count)
          #expect((object["shards"] as? [[String: Any]])?.count == 4)
          let handle = try #require((object["attached"] as? [[String: Any]])?.first)
          #expect(handle["pid"] as? Int == Int(getpid()))
          guard rates["hits"] ?? 0 > 0, rates["evictions"] ?? 0 > 0 else { continue }
          let ratio = try #require(object["hitRatio"] as? Double)
          #expect(ratio > 0 && ratio < 1)
          #expect((handle["operationsPerSecond"] as? Double ?? 0) > 0)
          busy += 1
        }
      }
      #expect(busy >= 3)
    }
  }

  @Test func linesForPeople() throws {
    try withBusyStore { directory, path in
      let top = try Inspection(["top", path, "--count", "22", "--interval", "0.05"], in: directory)
      #expect(top.code == 0 && top.errors == "")
      let lines = top.output.split(separator: "\n")
      #expect(lines.count == 24 && lines[0] == lines[21] && lines[0].hasPrefix("time "))
      #expect(lines.allSatisfy { $0.count <= 80 })
      #expect(lines[1].contains(/^\d\d:\d\d:\d\d +\d/))
      // A terminal without a cursor is a pipe.
      let terminal = try PseudoTerminal()
      let dumb = try Launch(
        ["top", path, "-n", "1", "-i", "0.05"], in: directory, terminal: terminal, environment: ["TERM": "dumb"])
      #expect(dumb.wait(terminal) == 0)
      #expect(!terminal.output.contains(0x1B) && terminal.output.starts(with: Array("time ".utf8)))
      let once = try Inspection(["top", path, "--once", "--interval", "0.1"], in: directory)
      #expect(once.code == 0 && once.output.hasPrefix(path) && once.output.contains("\nshards 4\n"))
    }
  }

  @Test func aStoreThatIsReplacedThenDeleted() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try SharedStore.open(path: path, .init(capacity: 10)).close()
      let top = try Launch(["top", path, "--json", "--interval", "0.05"], in: directory)
      #expect(top.hasLines(2))
      try SharedStore.open(path: path, .init(capacity: 20)).close()
      let seen = top.output.split(separator: "\n").count
      #expect(top.hasLines(seen + 3))
      #expect(top.errors.contains("was replaced by another store"))
      #expect(top.output.split(separator: "\n").last?.contains(#""capacity":20,"#) == true)
      try SharedStore.delete(path: path)
      #expect(top.wait() == 1)
      #expect(top.errors.hasSuffix("was deleted\n"))
    }
  }

  // MARK: On a terminal

  private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
  private static let leave = "\u{1B}[?25h\u{1B}[?1049l"

  @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGQUIT]) func aSignalLeavesTheTerminalAsItWas(_ signal: Int32) throws
  {
    try withBusyStore { directory, path in
      let terminal = try PseudoTerminal()
      let before = terminal.localModes
      let top = try Launch(["top", path], in: directory, terminal: terminal)
      #expect(terminal.expect(TopTests.enter) && terminal.expect("gets/s"))
      #expect(terminal.localModes & tcflag_t(ICANON | ECHO) == 0)
      terminal.forget()
      kill(top.id, signal)
      #expect(top.wait(terminal) == -signal)
      #expect(terminal.localModes == before)
      #expect(terminal.expect(TopTests.leave))
    }
  }

  @Test func keys() throws {
    try withBusyStore { directory, path in
      let terminal = try PseudoTerminal()
      let before = terminal.localModes
      let top = try Launch(["top", path, "--interval", "0.1"], in: directory, terminal: terminal)
      #expect(terminal.expect("every 0.1 s"))
      for (key, words) in [
        ("?", "this help"), ("?", "shards 4"), ("+", "every 0.2 s"), ("-", "every 0.1 s"), ("s", "sort (pid)"),
        ("\u{1B}[A", "sort (pid)"), ("p", "PAUSED"), (" ", "every 0.1 s"),
      ] {
        terminal.forget()
        terminal.type(key)
        #expect(terminal.expect(words), "\(key)")
      }
      terminal.forget()
      terminal.resize(columns: 30, rows: 12)
      kill(top.id, SIGWINCH)
      #expect(terminal.expect("q quit  ? help"))
      terminal.type("q")
      #expect(top.wait(terminal) == 0)
      #expect(terminal.localModes == before && terminal.expect(TopTests.leave))
    }
  }

  @Test func aDeletedStoreEndsTheScreen() throws {
    try withTemporaryDirectory { directory in
      let path = directory + "/a.warp"
      try SharedStore.open(path: path, .init(capacity: 10)).close()
      let terminal = try PseudoTerminal()
      let before = terminal.localModes
      let top = try Launch(["top", path, "--interval", "0.05"], in: directory, terminal: terminal)
      #expect(terminal.expect("nobody is attached"))
      try SharedStore.delete(path: path)
      #expect(top.wait(terminal) == 1 && top.errors.hasSuffix("was deleted\n"))
      #expect(terminal.localModes == before)
    }
  }

  @Test func wrongArguments() throws {
    try withTemporaryDirectory { directory in
      for arguments in [["--interval", "0"], ["--interval", "nan"], ["--count", "0"], []] {
        let name = arguments.isEmpty ? [] : ["a"]
        let refused = try Inspection(["top"] + name + arguments, in: directory)
        #expect(refused.code == 64, "\(arguments)")
      }
    }
  }
}

/// Tells a thread to end, and waits until it did.
private final class Ending: Sendable {
  private let state = Atomic<Int>(0)
  var isSet: Bool { state.load(ordering: .acquiring) != 0 }
  func finish() { state.store(2, ordering: .releasing) }
  func set() {
    _ = state.compareExchange(expected: 0, desired: 1, ordering: .acquiringAndReleasing)
    // Bound: one round of the thread.
    while state.load(ordering: .acquiring) != 2 { usleep(1000) }
  }
}
