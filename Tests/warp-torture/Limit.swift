// SPDX-License-Identifier: Apache-2.0
// `warp-torture limit`: the library under RLIMIT_FSIZE, and (LimitResources) with little memory and few descriptors. Passing
// the limit of a file's size is a signal that ends the process, so this needs a process of its own; that it lives to print
// its report is half of the test.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV

struct Limit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Creates, uses and deletes under limits of file size, memory and descriptors.")

  @Option(help: "A directory of the caller's own.") var directory: String
  @Option(help: "RLIMIT_FSIZE in bytes.") var bytes = 4096
  @Flag(help: "End with one JSON object.") var json = false

  func run() throws {
    let existing = directory + "/existing.warp"
    try SharedStore.open(path: existing).set("k", to: [1])
    var unlimited = rlimit()
    getrlimit(__rlimit_resource_t(1), &unlimited)
    var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: unlimited.rlim_max)
    guard setrlimit(__rlimit_resource_t(1), &limit) == 0 else { throw ValidationError("setrlimit failed") }
    var report = Report()
    report.add("command", "limit")
    report.add("bytes", bytes)
    var violations = 0
    func expect(_ name: String, _ code: WarpError.Code?, _ body: () throws -> Void) {
      var got: WarpError.Code?
      do { try body() } catch { got = (error as? WarpError)?.code ?? .system }
      if got != code { violations += 1 }
      report.add(name, got?.rawValue ?? "done")
    }
    expect("create", .fileSizeLimit) { _ = try SharedStore.open(path: directory + "/new.warp") }
    // Space within the file is taken from blocks that it may have: the limit is about lengths.
    expect("use", nil) {
      let store = try SharedStore.open(path: existing)
      guard try store.get("k") == [1] else { throw ValidationError("the value is gone") }
      for index in 0..<1000 { try store.set("key \(index)", to: [UInt8](repeating: 1, count: 4000)) }
    }
    expect("rebuildLockFile", .fileSizeLimit) {
      try System.remove(existing + "-lock")
      _ = try SharedStore.open(path: existing)
    }
    expect("delete", nil) { try SharedStore.delete(path: existing) }
    // The report may go to a file that is longer than the limit.
    setrlimit(__rlimit_resource_t(1), &unlimited)
    let left = try System.list(directory).filter { !$0.hasSuffix("-init") }
    report.add("filesLeft", left.joined(separator: " "))
    var scarce = LimitResources()
    try scarce.run()
    report.add("scarceRuns", scarce.runs)
    report.add("scarceDone", scarce.done)
    report.add("scarceRefused", scarce.refused)
    report.add("scarceViolations", scarce.violations)
    // If nothing was refused the limits were none.
    let isIdle = scarce.refused == 0
    try report.finish(json: json, violations: violations + left.count + scarce.violations, isIdle: isIdle)
  }
}
