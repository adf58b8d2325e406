// SPDX-License-Identifier: Apache-2.0
// What a user named, when it is no store: a sentence that says what it is instead, and which names are near.

import WarpFormat

struct StoreNames {
  /// As the user gave it: a path or a name.
  let asked: String

  var isPath: Bool { asked.contains("/") || asked.hasSuffix(StoreFiles.fileExtension) }

  var path: String {
    get throws(FormatError) {
      if isPath { return asked }
      return try StoreFiles(name: asked, directory: StoreDirectory.path()).data
    }
  }

  static func path(_ asked: String) throws(FormatError) -> String { try StoreNames(asked: asked).path }

  /// The same for a store that is to be made: the directory of named stores is made too.
  static func newPath(_ asked: String) throws(FormatError) -> String {
    let names = StoreNames(asked: asked)
    if !names.isPath { _ = try StoreDirectory.prepare(nil) }
    return try names.path
  }

  /// Opens the data file. What is no file is not even opened, because that alone can do something to a device or a pipe.
  func open() throws(FormatError) -> FileImage {
    let path = try path
    if let status = try System.status(path: path), !status.isRegular {
      throw FormatError(.notAStore, "it is \(status.kind.rawValue)", path: path, rule: "WKV-H02")
    }
    return try FileImage(path: path)
  }

  /// What to say of an error that came while the store was opened or looked at.
  func sentence(_ error: FormatError) -> String {
    guard let path = try? path, error.path == path else { return "\(error)" }
    let status = try? System.status(path: path)
    if error.code == .notFound, status == nil { return missing(path) }
    guard let status else { return "\(error)" }
    switch status.kind {
    case .regular: break
    case .directory: return "\(path.shown) is a directory, no store" + StoreNames.stores(in: path)
    case .symbolicLink: return "\(path.shown) is a symbolic link: name the file that it leads to"
    case .pipe, .socket, .device: return "\(path.shown) is \(status.kind.rawValue), no store"
    }
    if error.code == .readOnly {
      return "\(path.shown): no permission to read it (it belongs to user \(status.owner), mode "
        + "\(String(status.permissions, radix: 8)); you are user \(System.userID()))"
    }
    return "\(error)"
  }

  private func missing(_ path: String) -> String {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let near = StoreNames.near(
      StoreNames.name(path),
      among: isPath ? StoreNames.names(in: directory) : (try? StoreDirectory.names(nil)) ?? [])
    let them = near.map { (isPath ? (path.contains("/") ? directory + "/" : "") + $0 + ".warp" : $0).shown }
    let what = isPath ? "there is no file \(path.shown)" : "there is no store \(asked.shown) in \(directory.shown)"
    if them.isEmpty { return what + (isPath ? "" : #": "list" shows those that are there"#) }
    return what + ": did you mean " + them.joined(separator: " or ") + "?"
  }

  private static func stores(in directory: String) -> String {
    let names = names(in: directory)
    if names.isEmpty { return "" }
    return ": in it are " + names.prefix(3).map { "\($0).warp".shown }.joined(separator: ", ")
      + (names.count > 3 ? " and \(names.count - 3) more" : "")
  }

  private static func name(_ path: String) -> String {
    let file = String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
    return file.hasSuffix(StoreFiles.fileExtension)
      ? String(file.dropLast(StoreFiles.fileExtension.count)) : file
  }

  /// The stores of any directory, without the extension.
  private static func names(in directory: String) -> [String] {
    ((try? System.list(directory.isEmpty ? "/" : directory)) ?? []).compactMap {
      $0.hasSuffix(StoreFiles.fileExtension) ? String($0.dropLast(StoreFiles.fileExtension.count)) : nil
    }
  }
}

// MARK: - Near names

extension StoreNames {
  private static let mostNear = 3
  /// Names are at most 200 bytes; what is longer is none, and comparing costs the product of two lengths.
  private static let longest = 255

  /// Names that begin with this one, or differ from it by two letters at most; the nearest first.
  static func near(_ name: String, among names: [String]) -> [String] {
    guard !name.isEmpty, name.utf8.count <= longest else { return [] }
    let ranked = names.compactMap { other -> (rank: Int, name: String)? in
      if let distance = distance(name, other, limit: min(2, name.unicodeScalars.count - 1)) {
        return (distance, other)
      }
      return other.hasPrefix(name) ? (3, other) : nil
    }
    return ranked.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.prefix(mostNear).map(\.name)
  }

  /// How many letters must be put in, taken out or changed; nil if more than `limit`. Case does not matter.
  static func distance(_ a: String, _ b: String, limit: Int) -> Int? {
    let a = Array(a.lowercased().unicodeScalars)
    let b = Array(b.lowercased().unicodeScalars)
    guard abs(a.count - b.count) <= limit, b.count <= longest else { return nil }
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in b.enumerated() {
        let changed = diagonal + (letter == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(changed, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count] <= limit ? row[b.count] : nil
  }
}
