// SPDX-License-Identifier: Apache-2.0
// `warp-model` explores all executions of small scenarios of the shard protocol (SPEC.md 8, 10, 23) under three
// memory models, and shows by changes to the protocol that it would find an error. docs/MODEL.md says what it
// models and what it assumes.
//
// - One step is one access to a shared word, and carries the id that it has in SPEC.md.
// - Nothing is left to chance: two runs explore the same states.
// - The exit status is 0 if all promises hold (explore), or if the mutants are refuted that must be (mutants); 1 if
//   not; 2 for wrong arguments.

import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

let options: Options
do throws(UsageError) {
  options = try Options(Array(CommandLine.arguments.dropFirst()))
} catch {
  print("warp-model: \(error.text)\n\(Options.help)")
  exit(2)
}

let isSound =
  switch options.command {
  case .explore: Report.explore(options)
  case .mutants: Report.mutants(options)
  case .list: Report.list()
  }
exit(isSound ? 0 : 1)
