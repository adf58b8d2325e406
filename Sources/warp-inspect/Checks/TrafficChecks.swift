// SPDX-License-Identifier: Apache-2.0
// Checks of how the store is used, by its counters since they were last reset. Without a lock file there are none.

import WarpFormat

struct CapacityCheck: Check {
  /// Lookups; before that the store is young.
  private static let least = 10_000.0
  private static let goodHitRatio = 0.9
  /// Evictions of all insertions.
  private static let many = 0.5
  /// Slots ever used of the capacity.
  private static let few = 0.25

  static let name = "capacity"
  static let fine = "it fits the use"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let (inserted, evicted) = (facts.counter(.insertions), facts.counter(.evictions))
    let path = JSON.quoted(facts.path)
    if !facts.evicts {
      guard facts.counter(.fullSets) > 0 else { return [] }
      return [
        Diagnosis(
          .warning, "\(Numbers.grouped(facts.count(.fullSets))) sets failed with full: it evicts nothing",
          do: "a larger capacity, shorter times to live, or eviction: .sieve")
      ]
    }
    guard facts.lookups >= least else { return [] }
    let hitRatio = facts.counter(.hits) / facts.lookups
    if evicted > many * max(1, inserted), hitRatio < goodHitRatio {
      return [
        Diagnosis(
          .note,
          "\(Numbers.percent(evicted / max(1, inserted))) of the entries that came were evicted, and "
            + "\(Numbers.percent(hitRatio)) of the lookups hit: more room may give more hits",
          do: "see how many: warp-inspect advise \(path)")
      ]
    }
    let used = Double(facts.usedSlots) / Double(facts.geometry.capacity)
    if evicted == 0, used < few {
      return [
        Diagnosis(
          .note,
          "at most \(Numbers.grouped(facts.usedSlots)) of \(Numbers.grouped(facts.geometry.capacity)) slots were "
            + "ever used. Unused ones take no memory, but their tables do",
          do: "a lower capacity: warp-inspect advise \(path)")
      ]
    }
    return []
  }
}

struct OversizeCheck: Check {
  private static let many = 0.01

  static let name = "oversize"
  static let fine = "no value was too large to be stored"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let skips = facts.counter(.oversizeSkips)
    guard skips > 0 else { return [] }
    let part = skips / (facts.sets + skips)
    return [
      Diagnosis(
        part > many ? .warning : .note,
        "\(Numbers.grouped(facts.count(.oversizeSkips))) values (\(Numbers.percent(part)) of the sets) did not fit and were not stored",
        do: "raise maxValueSize (now \(facts.geometry.maxValueSize)), or compress")
    ]
  }
}

struct ContentionCheck: Check {
  private static let least = 1000.0
  private static let manyRetries = 0.1
  private static let manyBusy = 0.001

  static let name = "contention"
  static let fine = "readers and writers seldom meet"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    var found: [Diagnosis] = []
    let more = "more shards (now \(facts.geometry.shardCount)); batches of sets take a shard's lock once"
    if facts.lookups >= least {
      let retries = facts.counter(.retries) / facts.lookups
      if retries > manyRetries {
        found.append(
          Diagnosis(
            .warning, "\(Numbers.percent(retries)) retries for each get: writers are in their way", do: more))
      }
      let busy = facts.counter(.busyMisses) / facts.lookups
      if busy > manyBusy {
        found.append(
          Diagnosis(
            .warning, "\(Numbers.percent(busy)) of the gets could not tell whether their key is there (busy)",
            do: more))
      }
    }
    let sets = facts.counter(.busySets)
    if sets > 0 {
      let part = sets / max(1, facts.sets + sets)
      found.append(
        Diagnosis(
          part > manyBusy ? .warning : .note,
          "\(Numbers.grouped(facts.count(.busySets))) sets failed with busy (\(Numbers.percent(part))): an owner was stopped, or the machine "
            + "is overloaded", do: more))
    }
    return found
  }
}

struct FailuresCheck: Check {
  private static let many = 0.1

  static let name = "failures"
  static let fine = "nothing that failed was counted"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    var found: [Diagnosis] = []
    func add(_ counter: Counter, _ severity: Severity, _ text: String, _ advice: String) {
      let count = facts.counters?[counter] ?? 0
      if count > 0 { found.append(Diagnosis(severity, "\(Numbers.grouped(count)) \(text)", do: advice)) }
    }
    add(
      .corrupt, .warning, "gets met an entry whose checksum is wrong, and missed",
      "warp-inspect verify; look for memory or disk errors (dmesg) and for programs that write into the file")
    add(.noSpaceSets, .warning, "sets failed because the file system was full", "see space")
    add(.encodeFailures, .warning, "values could not be encoded", "look at the type's Encodable conformance")
    add(
      .decodeFailures, .warning, "values could not be decoded: another type was stored under that name",
      "raise the cache's version when its type changes")
    let loads = facts.counter(.loads)
    let failed = facts.counter(.loadFailures)
    if failed > many * max(1, loads) {
      found.append(
        Diagnosis(
          .warning, "\(Numbers.percent(failed / max(1, loads))) of the computations failed",
          do: "look at the source that the cache stands before"))
    }
    if facts.recoveries > 0 {
      found.append(
        Diagnosis(
          .note,
          "\(Numbers.grouped(facts.recoveries)) times a shard was taken over from a process that died in a write",
          do: "see why its programs die"))
    }
    return found
  }
}
