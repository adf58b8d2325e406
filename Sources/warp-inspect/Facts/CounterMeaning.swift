// SPDX-License-Identifier: Apache-2.0
// What each counter counts, in the words of SPEC.md 5.7; a test holds the two against each other.

import WarpFormat

extension Counter {
  var meaning: String {
    switch self {
    case .hits: "gets that found a value"
    case .misses: "gets that found that there was none"
    case .busyMisses: "gets that could not tell"
    case .insertions: "sets of a key that was absent or expired"
    case .updates: "sets of a key that was present"
    case .evictions: "unexpired entries that made room"
    case .expirations: "expired entries that were taken out or overwritten"
    case .removals: "unexpired entries taken out on request"
    case .oversizeSkips: "sets whose value did not fit"
    case .corrupt: "values that were found but could not be decoded or had a wrong checksum"
    case .retries: "repeated probes of gets"
    case .recoveries: "recoveries of a shard"
    case .compressedFrom: "sum of the raw sizes of values that were compressed"
    case .compressedTo: "sum of their stored sizes"
    case .encodeFailures: "keys or values of a typed program that had no encoding"
    case .decodeFailures: "stored values that were not of the type that a program asked for"
    case .loads: "computations of a missing or stale value that ended"
    case .loadFailures: "those of them that gave no value"
    case .loadNanoseconds: "the time that all of them took"
    case .waits: "callers that waited for another's computation"
    case .staleHits: "hits whose freshUntil was over"
    case .busySets: "sets and other writes that failed with busy"
    case .noSpaceSets: "those that failed with noSpace"
    case .fullSets: "those that failed with full"
    }
  }
}
