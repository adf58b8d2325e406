// SPDX-License-Identifier: Apache-2.0
// What all runs of `warp-torture faults` showed, and which of it breaks a promise.

import Glibc
import WarpFormat

/// The errors that calls fail with, by their names.
let faultErrors: [(name: String, number: Int32)] = [
  ("ENOSPC", ENOSPC), ("EMFILE", EMFILE), ("EINTR", EINTR), ("EACCES", EACCES), ("ENOLCK", ENOLCK),
  ("ENOMEM", ENOMEM),
  ("EDQUOT", EDQUOT), ("EIO", EIO),
]

struct FaultTally {
  private var operation = FaultOperation.create
  private var operations = 0
  /// Calls by name.
  private var sites: [String: Int] = [:]
  private var faults = 0
  private var deaths = 0
  private var stores = 0
  private var steps = 0
  /// Faults by how the operation ended.
  private var endings: [String: Int] = [:]
  /// Calls whose failure nobody heard of, by the reason.
  private var unnoticed: [String: [String: Int]] = [:]
  /// Everything, for people.
  private var lines: [String: [String: Int]] = [:]
  private(set) var violations = 0

  mutating func begin(_ operation: FaultOperation, _ outcome: FaultOutcome) {
    self.operation = operation
    operations += 1
    for site in outcome.sites { sites[site.name, default: 0] += 1 }
    if let code = outcome.code { complain("\(operation), undisturbed: \(code)") }
    for complaint in outcome.complaints { complain("\(operation), undisturbed: \(complaint)") }
  }

  mutating func add(_ outcome: FaultOutcome, _ disturbance: Disturbance) {
    guard let site = outcome.disturbed else {
      return complain("\(operation), \(disturbance): there was no such call")
    }
    let place = "\(operation), \(site.label), \(disturbance)"
    for complaint in outcome.complaints { complain("\(place): \(complaint)") }
    guard case .failure(_, let number, _) = disturbance else {
      deaths += 1
      if case .deathAfterStore(let number, _) = disturbance, outcome.stores == number { stores += 1 }
      steps += outcome.steps
      return
    }
    faults += 1
    let name = faultErrors.first { $0.number == number }!.name
    let ending = outcome.code?.rawValue ?? "done"
    endings[ending, default: 0] += 1
    lines["\(operation) | \(site.label)", default: [:]]["\(name) \(ending)", default: 0] += 1
    judge(site, outcome, number, place)
  }

  /// Whether the failure may end like that.
  private mutating func judge(_ site: CallSite, _ outcome: FaultOutcome, _ number: Int32, _ place: String) {
    guard outcome.complaints.isEmpty else { return }
    guard let code = outcome.code else {
      if let reason = FaultRules.mayGoUnnoticed(site, before: outcome.next, number, in: operation) {
        unnoticed[reason, default: [:]][site.label, default: 0] += 1
      } else {
        complain("\(place): nobody noticed")
      }
      return
    }
    if !FaultRules.codes(number, site).contains(code) { complain("\(place): the error is \(code)") }
    if FaultRules.tellsNumber(code), outcome.errno != number {
      complain("\(place): the error tells number \(outcome.errno)")
    }
  }

  private mutating func complain(_ text: String) {
    System.explain(text + "\n")
    violations += 1
  }

  /// What people may want to read.
  func list() {
    func show(_ table: [String: [String: Int]]) {
      for (title, counts) in table.sorted(by: { $0.key < $1.key }) {
        let text = counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        System.explain("\(title): \(text)\n")
      }
    }
    show(lines)
    System.explain("\nUnnoticed, because\n")
    show(unnoticed)
  }

  func add(to report: inout Report) {
    report.add("operations", operations)
    report.add("callSites", sites.values.reduce(0, +))
    report.add("faults", faults)
    report.add("deaths", deaths)
    report.add("stores", stores)
    report.add("instructions", steps)
    for (name, count) in sites.sorted(by: { $0.key < $1.key }) { report.add("calls_" + name, count) }
    for (code, count) in endings.sorted(by: { $0.key < $1.key }) { report.add("ended_" + code, count) }
    report.add("violations", violations)
  }
}
