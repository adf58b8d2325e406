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
  static let all: [Mutant] = orderings + Structural.allCases.map { .init(name: $0.rawValue, change: .structural($0), reason: reasons[$0]) }

  /// Every access and fence of the modelled steps that has an ordering.
  private static let ordered: [Step] = [
    .bucketLoad, .controlLoad, .bucketAgain, .controlAgain, .sequenceLoad, .sequenceAgain, .take, .takeOver, .giveBack,
    .raiseUsed, .raiseUsedFence, .fillFence, .committed, .setFence, .swing, .shift, .clear, .link, .live, .free, .setEven,
    .removeFence, .removeFree, .removeEven, .allFence, .allFree, .allClear, .allEven, .recoverOdd, .recoverTable, .recoverLive,
    .recoverFree, .surplus, .recoverEven, .leaseOwner, .voidLease, .endLease, .wake, .waitLoad,
  ]

  private static let orderings: [Mutant] = ordered.map {
    .init(name: "relaxed-\($0.rawValue)", change: .relaxed($0), reason: notNeeded[$0])
  }

  static let notNeeded: [Step: String] = [:]
  static let reasons: [Structural: String] = [:]
}
