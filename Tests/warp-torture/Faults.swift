// SPDX-License-Identifier: Apache-2.0
// `warp-torture faults`: each system call of opening, creating, replacing, using, leaving and deleting a store fails in
// turn, once and from then on, with each error that a system may give; and with --kill the process is killed before and
// after each call. The program is the one that is shipped: the parent traces it and sets what the call returns.
//
// - The operation is done all the same, or fails with an error that tells the system's number; never with a signal.
// - It leaves no descriptor and no mapping, and a store that the next opener finds whole: the old one or the new one.
// - A call that may fail unnoticed is named here, with the reason; any other whose failure nobody notices is a violation.

import ArgumentParser
import CTorture
import Glibc
import WarpFormat
import WarpKV

/// The errors, by their names.
private let faultErrors: [(name: String, number: Int32)] = [
  ("ENOSPC", ENOSPC), ("EMFILE", EMFILE), ("EINTR", EINTR), ("EACCES", EACCES), ("ENOLCK", ENOLCK), ("ENOMEM", ENOMEM),
  ("EDQUOT", EDQUOT), ("EIO", EIO),
]

struct Faults: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lets each system call fail, or kills the process at it, and judges what is left.")

  @Option(help: "Only this operation: \(FaultOperation.allCases.map(\.rawValue).joined(separator: ", ")).")
  var operation: FaultOperation?
  @Option(help: "Only this error, as ENOSPC.") var errno: String?
  @Flag(help: "Kill the process before and after each call.") var kill = false
  @Flag(help: "List the calls of each operation and what came of their failures.") var list = false
  @Flag(help: "End with one JSON object.") var json = false

  func validate() throws {
    guard errno == nil || faultErrors.contains(where: { $0.name == errno }) else {
      throw ValidationError("one of \(faultErrors.map(\.name).joined(separator: ", "))")
    }
  }

  func run() throws {
    let watchdog = Watchdog("faults")
    guard torture_fill_heap() == 0 else { throw FormatError(.system, "the heap can't be filled") }
    var tally = FaultTally()
    for operation in operation.map({ [$0] }) ?? FaultOperation.allCases {
      let undisturbed = try FaultRun(operation: operation, disturbance: .none).run()
      tally.begin(operation, undisturbed)
      for (index, site) in undisturbed.sites.enumerated() {
        for disturbance in disturbances(index, site) {
          watchdog.progress()
          tally.add(try FaultRun(operation: operation, disturbance: disturbance).run(), disturbance)
        }
      }
    }
    if list { tally.list() }
    var report = Report()
    report.add("command", kill ? "faults kill" : "faults")
    tally.add(to: &report)
    try report.finish(json: json, violations: tally.violations)
  }

  private func disturbances(_ index: Int, _ site: CallSite) -> [Disturbance] {
    if kill { return [.deathBefore(index), .deathAfter(index)] }
    guard site.canFail else { return [] }
    return faultErrors.filter { errno == nil || $0.name == errno }.flatMap { error -> [Disturbance] in
      let once = Disturbance.failure(at: index, errno: error.number, lasting: false)
      // Nobody is interrupted for ever.
      return error.number == EINTR ? [once] : [once, .failure(at: index, errno: error.number, lasting: true)]
    }
  }
}

/// Sums of all runs.
private struct FaultTally {
  private var operation = FaultOperation.create
  private var operations = 0
  private var sites: [String: Int] = [:]
  private var faults = 0
  private var deaths = 0
  /// By call and how the operation ended.
  private var endings: [String: [String: Int]] = [:]
  private var codes: [String: Int] = [:]
  private(set) var violations = 0

  mutating func begin(_ operation: FaultOperation, _ outcome: FaultOutcome) {
    self.operation = operation
    operations += 1
    for site in outcome.sites { sites[site.name, default: 0] += 1 }
    if let code = outcome.code { complain("\(operation), undisturbed: \(code)") }
    for complaint in outcome.complaints { complain("\(operation), undisturbed: \(complaint)") }
  }

  mutating func add(_ outcome: FaultOutcome, _ disturbance: Disturbance) {
    guard let site = outcome.disturbed else { return complain("\(operation): another sequence of calls") }
    let place = "\(operation), \(site.label)"
    for complaint in outcome.complaints { complain("\(place), \(disturbance): \(complaint)") }
    guard case .failure(_, let number, _) = disturbance else {
      deaths += 1
      return
    }
    faults += 1
    let name = faultErrors.first { $0.number == number }!.name
    let ending = outcome.code?.rawValue ?? "done"
    codes[ending, default: 0] += 1
    endings["\(operation) | \(site.label)", default: [:]]["\(name) \(ending) \(outcome.errno == number ? "" : "\(outcome.errno)")", default: 0] += 1
  }

  private mutating func complain(_ text: String) {
    System.explain(text + "\n")
    violations += 1
  }

  func list() {
    for (site, counts) in endings.sorted(by: { $0.key < $1.key }) {
      let text = counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
      System.explain("\(site): \(text)\n")
    }
  }

  func add(to report: inout Report) {
    report.add("operations", operations)
    report.add("callSites", sites.values.reduce(0, +))
    report.add("faults", faults)
    report.add("deaths", deaths)
    for (name, count) in sites.sorted(by: { $0.key < $1.key }) { report.add("sites_" + name, count) }
    for (code, count) in codes.sorted(by: { $0.key < $1.key }) { report.add("ended_" + code, count) }
    report.add("violations", violations)
  }
}
