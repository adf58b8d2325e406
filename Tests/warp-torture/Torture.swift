// SPDX-License-Identifier: Apache-2.0
// A hostile user of WarpKV, for machines rather than people: many processes or threads on one store, races of cold
// starts, resource limits. Every run takes a seed, ends with one JSON object under --json, and exits with a failure if
// anything that the library promises did not hold.
//
// - One file per subcommand; what several need is in Process, Watchdog, SharedWords, LockWords, Settle and Report.
// - The judge never trusts the store: what was written is recorded outside it (History) and each value proves itself
//   (Value).

import ArgumentParser
import WarpFormat

@main
struct Torture: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "warp-torture", abstract: "Tries to make WarpKV lose, tear or invent a value.",
    subcommands: [
      Mixed.self, MixedWorker.self, Increment.self, IncrementWorker.self, Create.self, CreateWorker.self,
      Limit.self, Kill.self, KillWorker.self,
      CreatorWorker.self, ReplacerWorker.self,
      Freeze.self, FreezeWorker.self, Namespaces.self, NamespaceHost.self, NamespaceAgent.self, Words.self,
      WordsWorker.self, Idle.self, Fork.self, ForkWorker.self,
      Replace.self, RaceWorker.self, LostLock.self, Soak.self, CrewWorker.self,
      Flight.self, FlightWorker.self, Expire.self, Values.self, RecoveryTime.self,
      Enumerate.self, EnumerateWorker.self,
      Flip.self, FlipWorker.self,
      Faults.self, Versions.self, VersionsWorker.self, Neighbours.self,
      PowerLoss.self,
    ])

  static func main() {
    let arguments = CommandLine.arguments
    Child.begin(arguments)
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as FormatError where arguments.contains("--json") {
      // What the run could not go on with is a promise broken, and machines read one object whatever happens.
      System.explain("\(error)\n")
      print("{\"command\": \"\(arguments[1])\", \"hangs\": 1, \"error\": \"\(error.code.rawValue)\"}")
      exit(withError: ExitCode.failure)
    } catch {
      exit(withError: error)
    }
  }
}
