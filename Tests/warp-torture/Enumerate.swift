// SPDX-License-Identifier: Apache-2.0
// `warp-torture enumerate`: every state in which a killed process can leave the files, operation by operation.
//
// - A child runs one operation and is stopped after each store to the files (SteppedChild): what is tested is the machine
//   code, not a model of it. What the files hold then is the image of a crash at that point; there are no others, for a
//   process dies between two instructions, and its stores take effect in their order.
// - What comes from one image to the next must follow the prescribed order of stores (StoreOrder).
// - While the child stands there, a handle on the live files reads every key (Readers).
// - Each image is written to files of its own, recovered by whoever comes next, and judged (Judge).

import ArgumentParser
import WarpFormat
import WarpKV
import WarpTestSupport

struct Enumerate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Judges every state of the files in which an operation can die.")

  @Option(help: "Only the operations whose name begins with this.") var operation = ""
  @Option(help: "The capacities of the stores, each from 2 to 4.") var capacity = [2, 3]
  @Option(help: "The seed of the stores' hash seeds.") var seed: UInt64 = 1
  @Flag(help: "Stop at each instruction instead of each store; slow, and must find the same images.") var step =
    false
  @Flag(
    help:
      "Step through the recovery of each image too, not only of those of the basic operations in the smallest store."
  )
  var deep = false
  @Flag(help: "Name the operations and do nothing.") var list = false
  @Flag(help: "Say what was seen of each operation.") var verbose = false
  @Flag(help: "End with one JSON object.") var json = false

  /// Not every machine can stop at stores.
  private var grain: SteppedChild.Grain {
    #if arch(x86_64)
      step ? .instructions : .stores
    #else
      .instructions
    #endif
  }

  func validate() throws {
    guard capacity.allSatisfy({ (2...4).contains($0) }) else { throw ValidationError("a capacity is 2 to 4") }
    guard Scenario.all(capacities: capacity).contains(where: { $0.name.hasPrefix(operation) }) else {
      throw ValidationError("no operation begins with '\(operation)': see --list")
    }
  }

  func run() throws {
    let scenarios = Scenario.all(capacities: capacity).filter { $0.name.hasPrefix(operation) }
    if list {
      for scenario in scenarios { print(scenario.id) }
      return
    }
    let watchdog = Watchdog("enumerate")
    var total = EnumerateFigures()
    let began = System.bootTime()
    for scenario in scenarios {
      let recovers = deep || scenario.isStart && scenario.capacity == capacity.min()
      let figures = try withTemporaryDirectory {
        try Enumeration(scenario, grain, seed: seed, in: $0)
          .run(watchdog, recovers: recovers)
      }
      if verbose { System.explain("\(scenario.id): \(figures)\n") }
      total.add(figures)
    }
    var report = Report()
    report.add("command", "enumerate")
    report.add("seed", Int(truncatingIfNeeded: seed))
    report.add("operations", scenarios.count)
    total.add(to: &report)
    report.add("seconds", Double(System.bootTime() - began) / 1e9)
    let isIdle = total.images == 0
    try report.finish(json: json, violations: total.complaints.total, isIdle: isIdle)
  }
}

/// What was seen of one operation, or of all.
struct EnumerateFigures: CustomStringConvertible {
  /// Stores, or instructions.
  var stops = 0
  /// Of crashes of the operation.
  var images = 0
  /// The same, and of crashes of recoveries.
  var crashes = 0
  var recovered = 0
  var gets = 0
  var busy = 0
  /// Nanoseconds.
  var longestGet: Int64 = 0
  var longestRecovery: Int64 = 0
  var complaints = Complaints()

  mutating func add(_ other: EnumerateFigures) {
    stops += other.stops
    images += other.images
    crashes += other.crashes
    recovered += other.recovered
    gets += other.gets
    busy += other.busy
    longestGet = max(longestGet, other.longestGet)
    longestRecovery = max(longestRecovery, other.longestRecovery)
    complaints.add(other.complaints)
  }

  func add(to report: inout Report) {
    report.add("stops", stops)
    report.add("images", images)
    report.add("imagesOfRecoveries", crashes - images)
    report.add("recovered", recovered)
    report.add("frozenGets", gets)
    report.add("frozenBusyMisses", busy)
    report.add("longestFrozenGetMs", Double(longestGet) / 1e6)
    report.add("longestRecoveryMs", Double(longestRecovery) / 1e6)
    report.add("lost", complaints.lost)
    report.add("wrong", complaints.wrong)
    report.add("hangs", complaints.hangs)
    report.add("findings", complaints.findings)
  }

  var description: String {
    "\(stops) stops, \(images) images and \(crashes - images) of recoveries, \(recovered) recovered, \(gets) gets of a "
      + "frozen store, \(busy) of them busy, lost \(complaints.lost), wrong \(complaints.wrong), hangs \(complaints.hangs), findings "
      + "\(complaints.findings), recovery at most \(longestRecovery / 1000) us"
  }
}
