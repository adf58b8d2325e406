// SPDX-License-Identifier: Apache-2.0
// The changes to the protocol that the scenarios must refute: each ordering taken away, one at a time, and other changes.
// And the orderings that SPEC.md asks for though no scenario needs them, with the reason: these must not be refuted, or the
// reason is wrong.

struct Mutant: Sendable {
  let name: String
  let change: Change
  /// Why nothing comes of it; nil if something must.
  let reason: String?
}

extension Mutant {
  static let all: [Mutant] =
    ordered.map { .init(name: "relaxed-\($0.rawValue)", change: .relaxed([$0]), reason: notNeeded[$0]) }
    + together.map { .init(name: $0.name, change: .relaxed($0.steps), reason: $0.reason) }
    + Structural.allCases.map { .init(name: $0.rawValue, change: .structural($0), reason: reasons[$0]) }

  /// Every access and fence of the modelled steps that has an ordering.
  private static let ordered: [Step] = [
    .bucketLoad, .controlLoad, .bucketAgain, .controlAgain, .sequenceLoad, .sequenceAgain, .take, .takeOver, .giveBack,
    .raiseUsed, .raiseUsedFence, .fillFence, .committed, .setFence, .swing, .shift, .clear, .link, .live, .free, .setEven,
    .removeFence, .removeFree, .removeEven, .allFence, .allFree, .allClear, .allEven, .recoverOdd, .recoverTable, .recoverLive,
    .recoverFree, .surplus, .recoverEven, .leaseOwner, .voidLease, .endLease, .wake, .waitLoad,
  ]

  /// Orderings of which each can do the work of the others.
  private static let together: [(name: String, steps: Set<Step>, reason: String?)] = [
    ("relaxed-set-fence-and-buckets", [.setFence, .swing, .shift, .clear, .link], nil),
    ("relaxed-remove-fence-and-buckets", [.removeFence, .shift, .clear], nil),
    ("relaxed-remove-all-fence-and-stores", [.allFence, .allFree, .allClear], nil),
    ("relaxed-recovery-fence-and-stores", [.recoverOdd, .recoverTable, .recoverLive, .recoverFree], nil),
    ("relaxed-all-bucket-loads", [.bucketLoad, .bucketAgain], "the acquire load of the control word and the fences do it"),
  ]

  private static let notNeeded: [Step: String] = [:]
  private static let reasons: [Structural: String] = [:]
}
