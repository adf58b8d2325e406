// SPDX-License-Identifier: Apache-2.0
// The changes to the protocol that the scenarios must refute: each ordering taken away, one at a time, and other
// changes. And the orderings that SPEC.md asks for though no scenario needs them, with the reason: these must not
// be refuted, or the reason is wrong.

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

  /// Every access and fence of the modelled steps that has an ordering, but for the loads of buckets, which are below.
  private static let ordered: [Step] = [
    .controlLoad, .controlAgain, .sequenceLoad, .sequenceAgain, .take, .takeOver, .giveBack, .raiseUsed,
    .raiseUsedFence, .fillFence, .committed, .setFence, .swing, .shift, .clear, .link, .live, .free, .setEven,
    .removeFence, .removeFree, .removeEven, .allFence, .allFree, .allClear, .allEven, .recoverOdd, .recoverTable,
    .recoverLive, .recoverFree, .surplus, .recoverEven, .leaseOwner, .voidLease, .endLease, .wake, .waitLoad,
  ]

  /// Orderings of which each can do the work of the others. What is not missed together is not missed alone.
  private static let together: [(name: String, steps: Set<Step>, reason: String?)] = [
    ("relaxed-set-fence-and-buckets", [.setFence, .swing, .shift, .clear, .link], nil),
    ("relaxed-remove-fence-and-buckets", [.removeFence, .shift, .clear], nil),
    ("relaxed-remove-all-fence-and-stores", [.allFence, .allFree, .allClear], nil),
    ("relaxed-recovery-fence-and-stores", [.recoverOdd, .recoverTable, .recoverLive, .recoverFree], nil),
    (
      "relaxed-bucket-loads", [.bucketLoad, .bucketAgain],
      "the acquire load of the control word and the fences do it"
    ),
  ]

  /// One ordering taken away is not missed.
  private static let notNeeded: [Step: String] = [
    .takeOver: "a proof of death gives the taker all that the dead owner stored (assumed)",
    .raiseUsed: "a slot is found through its bucket, and the fence after it does the rest",
    .setFence: "each bucket store is a release store",
    .swing: "W3.2 stands before it, and LIVE is stored after it with release",
    .link: "W3.2 stands before it, and LIVE is stored after it with release",
    .removeFence: "each bucket store is a release store",
    .allFence: "FREE is stored with release",
    .allFree: "X2 stands before it, and the bucket stores after it are release stores",
    .allClear: "X2 stands before it, and no key is there afterwards",
    .allEven: "no key is there afterwards, so each miss is a true one",
    .recoverOdd: "table, LIVE and FREE are stored with release",
    .voidLease: "nothing that it publishes comes before it",
    .waitLoad: "the get that looks again has an acquire fence of its own before it ends",
  ]

  private static let reasons: [Structural: String] = [
    .noChecksum: "COMMITTED is stored with release; the checksum is for bytes that broke otherwise",
    .anyEmpty: "SPEC.md asks for no more; in four buckets there is no difference",
  ]
}
