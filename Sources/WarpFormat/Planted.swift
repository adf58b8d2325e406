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

  // MARK: A writer's order of stores (SPEC.md §10.3, §7.4, §10.5)

  /// A filled slot is LIVE before its bucket names it; nothing is ever COMMITTED (W2.7).
  case skipsCommitted
  /// An update frees the old slot before the bucket names the new one (W3.7).
  case freesOldFirst
  /// A backward shift clears the hole before it copies (U3, U4).
  case shiftClearsFirst
  /// A removal of all clears the buckets before the slots are FREE (X3, X4).
  case clearsTableFirst
  /// A slot is filled under the sequence that it had (W2.3).
  case keepsSlotSequence
  /// The revision is stored when the entry is LIVE already (W2.6).
  case revisionLate
  /// A slot that is given back is on no list (W3.7).
  case losesSlot
  /// The sequence is odd when the owner word is given back (W3.9).
  case staysOdd
  /// A removed entry's slot is FREE only when the sequence is even again (W4.4).
  case freesLate
  /// `usedSlots` is raised only when the slot is being filled (F2).
  case usedSlotsLate
  /// An update does not take the old slot's place in the queue (Q2).
  case losesPlace

  // MARK: Recovery (SPEC.md §23.2)

  /// LIVE is stored before the buckets are (T4, T5).
  case recoveryLivesFirst
  /// FREE is stored before the buckets are (T4, T6).
  case recoveryFreesFirst
  /// Of two entries of one key the older one stays (T2).
  case recoveryKeepsOlder
  /// The sequence stays even (T1).
  case recoveryStaysEven
  /// The table is cleared before it is filled (T4).
  case recoveryClearsTable
  /// The sequence of a slot that is freed begins anew (T6).
  case recoveryForgetsSequence
  /// The newest entry may be the one that makes room (T8).
  case recoveryEvictsNewest

  // MARK: Leases (SPEC.md §23.8)

  /// A cell has its owner before it says what is claimed (Y4, Y5).
  case leaseOwnedFirst
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
