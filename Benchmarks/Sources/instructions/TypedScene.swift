// SPDX-License-Identifier: Apache-2.0
// Hits of typed caches in a shared store.

import WarpKV

enum TypedScene {
  /// How many of so many gets were hits; nil: it is no operation on a typed cache.
  static func hits(_ operation: String, _ count: Int, directory: String) throws -> Int? {
    var options = CacheOptions()
    (options.directory, options.shards) = (directory, 1)
    (options.maxKeySize, options.maxValueSize) = (32, 80)
    switch operation {
    case "integers":
      let cache = try Cache<Int, Int>("integers", in: .shared, capacity: Scene.entries, options: options)
      return try hits(cache, (0..<Scene.entries).map { $0 }, count) { $0 }
    case "texts":
      let cache = try Cache<String, [UInt8]>(
        "texts", in: .shared(keys: .typed, values: .typed), capacity: Scene.entries, options: options)
      let names = (0..<Scene.entries).map { String(decoding: Scene.key($0), as: UTF8.self) }
      let value = [UInt8](repeating: 7, count: Scene.valueSize)
      return try hits(cache, names, count) { _ in value }
    default: return nil
    }
  }

  /// Specialised for its caller's types, as a program's own loop is.
  @inline(__always)
  private static func hits<Key, Value>(
    _ cache: Cache<Key, Value>, _ keys: [Key], _ count: Int, value: (Int) -> Value
  ) throws -> Int {
    defer { cache.close() }
    for entry in 0..<keys.count { try cache.set(keys[entry], to: value(entry)) }
    var hits = 0
    for operation in 0..<count where try cache.get(keys[operation % keys.count]) != nil { hits += 1 }
    return hits
  }
}
