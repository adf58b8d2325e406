// SPDX-License-Identifier: Apache-2.0
// The parameters of a store that a command makes: those of another, with what the command line says otherwise.

import ArgumentParser
import WarpFormat

struct StoreShape: ParsableArguments {
  enum Eviction: String, ExpressibleByArgument, CaseIterable {
    case sieve, none

    var id: UInt32 { self == .sieve ? Format.evictionSieve : Format.evictionNone }
  }

  @Option(help: "Entries.")
  var capacity: Int?

  @Option(help: "Shards, a power of two.")
  var shards: Int?

  @Option(help: "Bytes of the largest key.")
  var maxKeySize: Int?

  @Option(help: "Bytes of the largest stored value.")
  var maxValueSize: Int?

  @Option(help: "Bytes of the largest value before compression.")
  var maxRawSize: Int?

  @Option(help: "When full: sieve or none.")
  var eviction: Eviction?

  /// Whether anything is said.
  var isGiven: Bool {
    capacity != nil || shards != nil || maxKeySize != nil || maxValueSize != nil || maxRawSize != nil
      || eviction != nil
  }

  /// Another store's parameters with those given in their place. Numbers that would contradict them follow.
  func applied(to base: Parameters) -> Parameters {
    var parameters = base
    parameters.capacity = capacity ?? base.capacity
    // A number of shards that the capacity does not allow is chosen anew.
    let isTooMany = (base.shards ?? 1) > parameters.capacity
    parameters.shards = shards ?? (isTooMany ? nil : base.shards)
    parameters.maxKeySize = maxKeySize ?? base.maxKeySize
    parameters.maxValueSize = maxValueSize ?? base.maxValueSize
    parameters.maxRawSize = maxRawSize ?? base.maxRawSize.map { max($0, parameters.maxValueSize) }
    if let eviction { parameters.eviction = eviction.id }
    return parameters
  }
}
