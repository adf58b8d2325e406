// SPDX-License-Identifier: Apache-2.0
// What `hexdump --at` names, read from the command line and looked up in a store.

import ArgumentParser
import WarpFormat

enum HexPlace: ExpressibleByArgument, CustomStringConvertible {
  case header, state, lock
  case shard(Int)
  case bucket(shard: Int, Int)
  case slot(shard: Int, Int)
  case key([UInt8])
  case offset(Int)

  static var allValueStrings: [String] {
    ["header", "state", "lock", "shard:N", "bucket:N", "slot:N", "key:KEY", "offset:N"]
  }

  init?(argument: String) {
    let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = parts.count > 1 ? parts[1] : ""
    switch (parts.first ?? "", parts.count) {
    case ("header", 1): self = .header
    case ("state", 1): self = .state
    case ("lock", 1): self = .lock
    case ("shard", 2):
      guard let number = HexPlace.number(rest) else { return nil }
      self = .shard(number)
    case ("bucket", 2):
      guard let pair = HexPlace.pair(rest) else { return nil }
      self = .bucket(shard: pair.0, pair.1)
    case ("slot", 2):
      guard let pair = HexPlace.pair(rest) else { return nil }
      self = .slot(shard: pair.0, pair.1)
    case ("key", 2):
      guard let key = BytesText.key(String(rest)) else { return nil }
      self = .key(key)
    case ("offset", 2):
      guard let number = HexPlace.number(rest) else { return nil }
      self = .offset(number)
    default: return nil
    }
  }

  private static func number(_ text: Substring) -> Int? {
    let value = text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
    return value.flatMap { $0 >= 0 ? $0 : nil }
  }

  private static func pair(_ text: Substring) -> (Int, Int)? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count == 1, let second = number(parts[0]) { return (0, second) }
    guard parts.count == 2, let first = number(parts[0]), let second = number(parts[1]) else { return nil }
    return (first, second)
  }

  var description: String {
    switch self {
    case .header: "header"
    case .state: "state"
    case .lock: "lock"
    case .shard(let shard): "shard:\(shard)"
    case .bucket(let shard, let bucket): "bucket:\(shard)/\(bucket)"
    case .slot(let shard, let slot): "slot:\(shard)/\(slot)"
    case .key(let key): "key:0x" + FieldText.hex(key)
    case .offset(let offset): "offset:\(offset)"
    }
  }

  /// Whether it is in the first page, which can be shown of a file whose header is broken.
  var isNearHeader: Bool {
    switch self {
    case .header: true
    case .offset(let offset): offset < Format.pageSize
    default: false
    }
  }

  /// What was found.
  struct Found {
    var pieces: [Piece] = []
    /// Only these bytes of the pieces.
    var window: Range<Int>?
    /// How the pieces belong together.
    var facts: [String] = []
    /// Why there is nothing.
    var missing: String?
  }

  /// - Throws: `Misuse` with the valid range.
  func resolved(in image: FileImage, length: Int) throws -> Found {
    let geometry = image.geometry
    let atlas = Atlas(image: image)
    func check(_ number: Int, _ range: ClosedRange<Int>, _ what: String) throws {
      guard range.contains(number) else {
        throw Misuse("there is no \(what) \(number): say \(range.lowerBound) to \(range.upperBound)")
      }
    }
    switch self {
    case .header: return Found(pieces: [Atlas.header])
    case .state: return Found(pieces: [Atlas.state])
    case .lock:
      if let problem = image.lockProblem { return Found(missing: "the lock file is not sound: \(problem.message)") }
      return image.lock == nil ? Found(missing: "there is no lock file") : Found(pieces: [Atlas.lockHeader])
    case .shard(let shard):
      try check(shard, 0...(geometry.shardCount - 1), "shard")
      return Found(pieces: [atlas.control(shard)] + (atlas.line(shard).map { [$0] } ?? []))
    case .bucket(let shard, let bucket):
      try check(shard, 0...(geometry.shardCount - 1), "shard")
      try check(bucket, 0...(geometry.bucketsPerShard - 1), "bucket")
      return Found(pieces: [atlas.bucket(bucket, shard)])
    case .slot(let shard, let slot):
      try check(shard, 0...(geometry.shardCount - 1), "shard")
      try check(slot, 1...geometry.slotsPerShard, "slot")
      return Found(pieces: try HexPlace.slot(slot, shard, atlas))
    case .offset(let offset):
      try check(offset, 0...(geometry.fileSize - 1), "offset")
      let window = offset..<min(geometry.fileSize, offset + length)
      return Found(pieces: try atlas.pieces(in: window), window: window)
    case .key(let key): return try HexPlace.key(key, image, atlas)
    }
  }

  private static func slot(_ slot: Int, _ shard: Int, _ atlas: Atlas) throws(FormatError) -> [Piece] {
    let visited = atlas.visited(slot, shard).map { [$0] } ?? []
    return [atlas.metadata(slot, shard)] + (try atlas.slot(slot, shard)) + visited
  }

  private static func key(_ key: [UInt8], _ image: FileImage, _ atlas: Atlas) throws(FormatError) -> Found {
    let place = KeyPlace(key, in: image.header)
    switch try image.lookup(key) {
    case .absent: return Found(missing: "there is no key \(BytesText.quoted(key))")
    case .unstable: return Found(missing: "shard \(place.shard) is being written: try again")
    case .found(let entry):
      let bucket = entry.bucket ?? place.home
      let distance = (bucket - place.home) & (image.geometry.bucketsPerShard - 1)
      let facts = [
        "key \(BytesText.short(key, of: key.count, most: 64)) has the hash 0x\(FieldProblem.hex(place.hash))",
        "its low bits give shard \(place.shard), its upper half home bucket \(place.home)",
        "bucket \(bucket)" + (distance == 0 ? ", its home," : ", \(distance) from home,")
          + " names slot \(entry.slot)",
      ]
      let pieces = [atlas.bucket(bucket, place.shard)] + (try slot(entry.slot, place.shard, atlas))
      return Found(pieces: pieces, facts: facts)
    }
  }
}
