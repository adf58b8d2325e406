// SPDX-License-Identifier: Apache-2.0
// Faults on purpose: what a checker must find is planted here, so that each checker is seen to fail when it should.
//
// - A build with `-Xswiftc -DWARP_PLANTED` commits the one fault that the environment variable WARP_PLANTED names. In
//   every other build `planted` is the constant false, and nothing of this is left in the machine code.
// - Scripts/mutants says which check must catch which fault, and fails if one does not.

/// A fault that a planted build can commit, or another version that it can claim to be.
package enum Fault: String, CaseIterable, Sendable {
  // MARK: Other versions of this software

  /// It writes and reads files of the next minor version.
  case nextMinor
  /// It writes and reads files of the next major version.
  case nextMajor

  // MARK: Power loss

  /// Whoever attaches leaves the record that the store was left clean as it is.
  case keepsDetachRecord
  /// The last to leave says that everything is on the disk without having written it there.
  case recordsBeforeSync
  /// Entries of another boot are used without a look at their checksums.
  case trustsOldEntries
  /// A store that is deleted keeps the record that it was left clean.
  case deletesWithRecord

  // MARK: Use for a long time

  /// Whoever leaves a store's files keeps them open.
  case keepsDescriptors
  /// Removing all entries spares the last shard.
  case sparesLastShard
}

#if WARP_PLANTED
  /// What this process was told to do wrong.
  private let activeFault: Fault? = {
    guard let name = System.environment("WARP_PLANTED"), !name.isEmpty else { return nil }
    guard let fault = Fault(rawValue: name) else { preconditionFailure("WARP_PLANTED names no fault: \(name)") }
    return fault
  }()

  /// Whether this process commits that fault.
  package func planted(_ fault: Fault) -> Bool { activeFault == fault }
  package let hasPlantedFaults = true
#else
  @inline(__always)
  package func planted(_ fault: Fault) -> Bool { false }
  package let hasPlantedFaults = false
#endif
