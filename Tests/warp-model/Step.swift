// SPDX-License-Identifier: Apache-2.0
// The steps of SPEC.md that the model takes, by their ids there. Scripts/steps compares them with SPEC.md and with
// the comments in Sources.

enum Step: String, CaseIterable, Hashable, Sendable {
  // Reading (10.2).
  case bucketLoad = "R2.1"
  /// Here once, before the buckets: the oldest value that a reader may go by.
  case usedLoad = "R2.2"
  case controlLoad = "R3.1"
  case bucketAgain = "R3.2"
  case keyLoad = "R3.3"
  case valueCopy = "R3.4"
  case controlAgain = "R3.5"
  case sequenceLoad = "R4.1"
  case sequenceAgain = "R4.3"
  // The owner word (10.3, 23.1).
  case take = "W1.3"
  case recheck = "W1.4"
  case lookup = "W1.6"
  case giveBack = "W3.10"
  case takeOver = "L6"
  // Filling a slot.
  case raiseUsed = "F2"
  /// W04.
  case raiseUsedFence = "WKV-W04"
  case raiseCounter = "W2.2"
  case writing = "W2.3"
  case fillFence = "W2.4"
  case contents = "W2.5"
  case metadata = "W2.6"
  case committed = "W2.7"
  // Linking it.
  case setOdd = "W3.1"
  case setFence = "W3.2"
  case swing = "W3.3"
  case shift = "U3"
  case clear = "U4"
  case link = "W3.5"
  case live = "W3.6"
  case free = "W3.7"
  case setEven = "W3.9"
  // Removing one, and all.
  case removeOdd = "W4.1"
  case removeFence = "W4.2"
  case removeFree = "W4.4"
  case removeEven = "W4.6"
  case allOdd = "X1"
  case allFence = "X2"
  case allFree = "X3"
  case allClear = "X4"
  case allEven = "X6"
  // Recovery (23.2).
  case recoverOdd = "T1"
  case choose = "T2"
  case rebuild = "T3"
  case recoverTable = "T4"
  case recoverLive = "T5"
  case recoverFree = "T6"
  case raiseCounters = "T7"
  case surplus = "T8"
  case recoverEven = "T9"
  // Leases (23.8).
  case leaseLookup = "Y1"
  case leaseHeld = "Y2"
  case leaseFree = "Y3"
  case leaseCell = "Y4"
  case leaseOwner = "Y5"
  case voidLease = "Z1"
  case endLease = "Z2"
  case wake = "Z3"
  case waitLoad = "J1"
  case waitTime = "J2"
  case waitOwner = "J3"
  case sleep = "J4"
}

extension Step {
  /// Steps whose ordering is one of a load, or of a fence after one.
  static let loads: Set<Step> = [
    .bucketLoad, .controlLoad, .bucketAgain, .controlAgain, .sequenceLoad, .sequenceAgain, .take, .takeOver,
    .waitLoad,
  ]
}

/// A change to the protocol that some scenario must refute, or that none refutes.
enum Change: Hashable, Sendable {
  /// The orderings of these steps' accesses and fences are taken away.
  case relaxed(Set<Step>)
  case structural(Structural)

  func relaxes(_ step: Step) -> Bool {
    if case .relaxed(let steps) = self { steps.contains(step) } else { false }
  }
}

/// Changes other than of one ordering.
enum Structural: String, CaseIterable, Hashable, Sendable {
  // Writing.
  case noCommitted = "no-committed"
  /// W02.
  case sequenceNotRaised = "slot-sequence-not-raised"
  /// W03.
  case inPlace = "update-in-place"
  /// W01.
  case clearBeforeCopy = "shift-clears-first"
  case freeBeforeSwing = "free-before-swing"
  /// W10.
  case freeAfterEven = "free-after-even"
  /// W10.
  case removeFreeAfterEven = "remove-free-after-even"
  case neverOdd = "sequence-stays-even"
  // Reading.
  case acceptCommitted = "committed-counts-as-live"
  case refuseCommitted = "committed-never-counts"
  case noControlAgain = "no-second-control-load"
  /// R05.
  case noSequence = "miss-without-sequence"
  case oddIgnored = "odd-sequence-counts"
  // Death.
  case anyTakeover = "takeover-without-compare"
  case evenStays = "recovery-leaves-even"
  /// O04.
  case liveFirst = "recovery-live-before-table"
  /// O04.
  case freeFirst = "recovery-free-before-table"
  case zeroFirst = "recovery-zeroes-table"
  case dropCommitted = "recovery-drops-committed"
  case noChecksum = "recovery-without-checksum"
  case keepOlder = "recovery-keeps-older"
  case keepBoth = "recovery-keeps-both"
  /// O05.
  case resetSequences = "recovery-resets-sequences"
  case evictNewest = "recovery-evicts-newest"
  case noSurplus = "recovery-keeps-surplus"
  case anyEmpty = "recovery-from-any-empty-bucket"
  // Leases.
  /// O15.
  case noComparison = "result-stored-unchecked"
  case heldIgnored = "held-claim-ignored"
  /// O16.
  case notVoided = "set-voids-no-claim"
  /// O16.
  case absentNotVoided = "remove-of-nothing-voids-no-claim"
  case voidAfterCommitted = "claim-voided-after-committed"
  case voidAfterEven = "claim-voided-after-even"
  case endBeforeWrite = "claim-ended-before-write"
  case wakeBeforeEnd = "wake-before-claim-word"
  case noWake = "no-wake"
  case claimNotRaised = "claim-word-not-raised"
  case ownerFirst = "cell-owner-before-the-rest"
  case neverAskOwner = "waiter-never-asks-for-owner"

  /// A step without which the change makes no difference.
  var needs: Step? { rawValue.hasPrefix("recovery") ? .recoverEven : nil }
}
