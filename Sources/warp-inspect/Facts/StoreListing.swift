// SPDX-License-Identifier: Apache-2.0
// The stores of a directory (SPEC.md §4.4): one summary each, and of a damaged one the reason.
//
// The directory is the user's own, so StoreDirectory's checks hold for it; what is in it may be anything.

import WarpFormat

struct StoreListing {
  struct Summary {
    let capacity: Int
    let entries: UInt64
    let allocated: Int
    let hitRatio: Double?
    /// nil without a lock file.
    let attached: Int?
    /// Nanoseconds since the last write of the newest entries; nil if there are none or it can't be told.
    let newest: Int64?
    let health: Health

    var fill: Double { Double(entries) / Double(capacity) }
  }

  struct Entry {
    /// As `warp-inspect info` takes it.
    let name: String
    let path: String
    let result: Result<Summary, FormatError>

    /// The name that a program gave a typed store, without its escapes, and the hash of all that the store is told apart
    /// by; nil if the name is not of that form.
    var typed: (name: String, hash: String)? { StoreListing.typed(name) }
  }

  /// Where they are.
  let directory: String
  let entries: [Entry]
  /// Files that belong to no store: their names.
  let leftovers: [String]

  /// - Parameters:
  ///   - directory: the one that holds the level of the version; nil: the user's.
  ///   - all: with leftovers and what other major versions keep beside.
  init(_ asked: String?, all: Bool) throws(FormatError) {
    let directory = StoreDirectory.path(asked)
    self.directory = directory
    var entries: [Entry] = []
    for name in try StoreDirectory.names(asked) {
      entries.append(StoreListing.entry(name, directory + "/" + name + StoreFiles.fileExtension))
    }
    self.entries = entries
    leftovers = all ? StoreListing.leftovers(directory) : []
  }

  private static func entry(_ name: String, _ path: String) -> Entry {
    do throws(FormatError) {
      let image = try StoreNames(asked: path).open()
      // The survey would cost each store some milliseconds, and none of it is shown.
      let facts = try StoreFacts(image, surveys: 0)
      return Entry(
        name: name, path: path,
        result: .success(
          Summary(
            capacity: image.geometry.capacity, entries: facts.entries, allocated: facts.status.allocated,
            hitRatio: facts.hitRatio, attached: facts.handles.map { $0.occupation.living },
            newest: facts.age(facts.ends.newest), health: Health(facts))))
    } catch {
      return Entry(name: name, path: path, result: .failure(error))
    }
  }

  /// Names of this directory that no store has, and the directories of other major versions.
  private static func leftovers(_ directory: String) -> [String] {
    let names = (try? System.list(directory)) ?? []
    let stores = Set(names.filter { $0.hasSuffix(StoreFiles.fileExtension) })
    let suffixes = [StoreFiles.lockSuffix, "-init", "-new", "-lock-new"]
    let lost = names.filter { name in
      if stores.contains(name) { return false }
      // A creation lock is kept also when its store is gone: it is empty, and whoever makes the store needs it.
      guard let suffix = suffixes.last(where: { name.hasSuffix(StoreFiles.fileExtension + $0) }) else {
        return true
      }
      if suffix == "-init" { return false }
      return suffix.hasSuffix("-new") || !stores.contains(String(name.dropLast(suffix.utf8.count)))
    }
    let base = String(directory.prefix(upTo: directory.lastIndex(of: "/") ?? directory.endIndex))
    let others = ((try? System.list(base)) ?? []).map { base + "/" + $0 }.filter { $0 != directory }
    return lost.map { directory + "/" + $0 } + others
  }

  /// NAME of a typed store is the escaped name, a hyphen and 16 hexadecimal digits.
  static func typed(_ name: String) -> (name: String, hash: String)? {
    let digits = Set("0123456789abcdef")
    let hash = name.suffix(16)
    guard name.count > 17, name.dropLast(16).hasSuffix("-"), hash.allSatisfy(digits.contains) else { return nil }
    var bytes: [UInt8] = []
    var rest = Substring(name.dropLast(17))
    while let letter = rest.first {
      if letter == "%", rest.count >= 3, let byte = UInt8(rest.dropFirst().prefix(2), radix: 16) {
        bytes.append(byte)
        rest = rest.dropFirst(3)
      } else {
        bytes += Array(String(letter).utf8)
        rest = rest.dropFirst()
      }
    }
    return (String(decoding: bytes, as: UTF8.self), String(hash))
  }
}

extension Occupation {
  /// Handles whose process is there.
  var living: Int { handles.count { $0.state != .dead } }
}
