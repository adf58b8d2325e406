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

struct Faults: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lets each system call fail, or kills the process at it, and judges what is left.")

  @Option(help: "Only this operation: \(FaultOperation.allCases.map(\.rawValue).joined(separator: ", ")).")
  var operation: FaultOperation?
  @Option(help: "Only this error, as ENOSPC.") var errno: String?
  @Option(help: "Faults at each call at most, others at each.") var sample = Int.max
  @Option(help: "Seconds after which no other call is begun.") var seconds = 86_400
  @Flag(help: "Kill the process before and after each call.") var kill = false
  @Flag(help: "Kill the process after each store to the files of a store in use, in replacing and leaving.")
  var stores = false
  @Flag(help: "List the calls of each operation and what came of their failures.") var list = false
  @Flag(help: "End with one JSON object.") var json = false

  func validate() throws {
    guard errno == nil || faultErrors.contains(where: { $0.name == errno }) else {
      throw ValidationError("--errno is one of \(faultErrors.map(\.name).joined(separator: ", "))")
    }
  }

  func run() throws {
    #if !arch(x86_64)
      System.explain("calls can be made to fail on x86-64 only\n")
      print("{\"command\": \"faults\", \"skipped\": 1}")
      return
    #endif
    let watchdog = Watchdog("faults")
    let end = System.bootTime() + Int64(seconds) * 1_000_000_000
    guard torture_fill_heap() == 0 else { throw FormatError(.system, "the heap can't be filled") }
    var tally = FaultTally()
    for operation in operation.map({ [$0] }) ?? (stores ? [.replace, .leave] : FaultOperation.allCases) {
      if stores {
        try killAtStores(operation, &tally, watchdog)
        continue
      }
      let undisturbed = try FaultRun(operation: operation, disturbance: .none).run()
      tally.begin(operation, undisturbed)
      for (index, site) in undisturbed.sites.enumerated() where System.bootTime() < end {
        if System.isTerminal(2) { System.explain("\r\(operation): \(index) of \(undisturbed.sites.count) calls ") }
        for disturbance in disturbances(index, site) {
          watchdog.progress()
          var outcome = try FaultRun(operation: operation, disturbance: disturbance).run()
          outcome.next = undisturbed.sites.dropFirst(index + 1).first
          tally.add(outcome, disturbance)
        }
      }
    }
    if list { tally.list() }
    var report = Report()
    report.add("command", stores ? "faults stores" : kill ? "faults kill" : "faults")
    tally.add(to: &report)
    try report.finish(json: json, violations: tally.violations)
  }

  private func killAtStores(_ operation: FaultOperation, _ tally: inout FaultTally, _ watchdog: Watchdog) throws {
    let watched = try FaultRun(operation: operation, disturbance: .watch).run()
    tally.begin(operation, watched)
    for call in watched.storesAfter where call >= 0 {
      var (number, isLast) = (1, false)
      while !isLast {
        watchdog.progress()
        let death = Disturbance.deathAfterStore(number, after: call)
        let outcome = try FaultRun(operation: operation, disturbance: death).run()
        tally.add(outcome, death)
        isLast = outcome.stores < number
        number += 1
      }
    }
  }

  private func disturbances(_ index: Int, _ site: CallSite) -> [Disturbance] {
    if kill { return [.deathBefore(index), .deathAfter(index)] }
    guard site.canFail else { return [] }
    let all = faultErrors.filter { errno == nil || $0.name == errno }.flatMap { error -> [Disturbance] in
      let once = Disturbance.failure(at: index, errno: error.number, lasting: false)
      // Nobody is interrupted for ever.
      return error.number == EINTR ? [once] : [once, .failure(at: index, errno: error.number, lasting: true)]
    }
    guard sample < all.count else { return all }
    // Others at each call. 7 has no factor in common with the number of disturbances, so all have their turn.
    return (0..<sample).map { all[(index * sample + $0) * 7 % all.count] }
  }
}
