// SPDX-License-Identifier: Apache-2.0
// Whether the C code may be called the limit: it must read what the library wrote, and write what the library reads.

import ArgumentParser

enum Check {
  static func run(_ session: Session) throws {
    var faults: [String] = []
    for (name, check) in [("fixtures", FixtureCheck.run), ("replay", ReplayCheck.run)] {
      print("== \(name)")
      do {
        faults += try check(session)
      } catch {
        faults.append("\(name): \(error)")
      }
    }
    for fault in faults { print("FAULT: \(fault)") }
    print(faults.isEmpty ? "the C code keeps to SPEC.md" : "\(faults.count) faults")
    if !faults.isEmpty { throw ExitCode(1) }
  }
}
