// SPDX-License-Identifier: Apache-2.0
// Where a typed cache lives, with all that depends on its types. What a place needs of keys and values is checked by
// the compiler: memory needs nothing, a shared store needs an encoding of both.

/// Where a ``Cache`` or a cached function keeps its entries.
///
/// | Place | Keys and values |
/// |---|---|
/// | ``memory``, ``memory(weightLimit:weigher:onDeparture:)`` | any |
/// | `.shared` | `Codable` |
/// | ``shared(keys:values:)`` | any, by codecs of your own; `.typed` for types that are `WarpDecodable` alone |
/// | `.backend(_:)` | as `.shared`; a configuration file chooses |
public struct CachePlace<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  enum Kind: Sendable {
    case memory(MemoryExtras<Key, Value>)
    case shared(Codec<Key>, Codec<Value>)
  }

  let kind: Kind

  /// In this process: values are kept as they are, and go with the cache.
  public static var memory: CachePlace { CachePlace(kind: .memory(MemoryExtras())) }

  /// In this process, with a limit of what all values may weigh together, or a listener.
  ///
  /// - Parameters:
  ///   - weightLimit: in the weigher's unit; needs a weigher. Such a cache has one shard unless it is told otherwise.
  ///   - weigher: called once for each set, without a lock. Must not return less than 0.
  ///   - onDeparture: called after an entry left, without a lock, on the thread whose operation it was. It may use
  ///     the cache.
  public static func memory(
    weightLimit: Int? = nil, weigher: (@Sendable (Key, Value) -> Int)? = nil,
    onDeparture: (@Sendable (Key, Value, DepartureCause) -> Void)? = nil
  ) -> CachePlace {
    CachePlace(
      kind: .memory(MemoryExtras(weightLimit: weightLimit, weigher: weigher, listener: onDeparture)))
  }

  /// In a file, shared by the processes of this user, with codecs of your own.
  public static func shared(keys: Codec<Key>, values: Codec<Value>) -> CachePlace {
    CachePlace(kind: .shared(keys, values))
  }
}

/// What only the memory backend can do.
struct MemoryExtras<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  var weightLimit: Int?
  var weigher: (@Sendable (Key, Value) -> Int)?
  var listener: (@Sendable (Key, Value, DepartureCause) -> Void)?
}

extension CachePlace where Key: Codable, Value: Codable {
  /// In a file, shared by the processes of this user.
  public static var shared: CachePlace { .shared(keys: .codable, values: .codable) }

  /// Where a configuration says.
  public static func backend(_ backend: Backend) -> CachePlace { backend == .memory ? .memory : .shared }
}

extension CachePlace where Key: Codable, Value == Void {
  /// In a file, shared by the processes of this user: it remembers that a function ran.
  public static var shared: CachePlace { .shared(keys: .codable, values: .void) }

  /// Where a configuration says.
  public static func backend(_ backend: Backend) -> CachePlace { backend == .memory ? .memory : .shared }
}
