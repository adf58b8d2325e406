// SPDX-License-Identifier: Apache-2.0
// What `rm` is about to delete: a store and those who use it, or a file that is none.

import WarpFormat

struct Victim {
  private let path: String
  /// nil: the file can't be read as a store.
  private var entries: UInt64?
  private var users: [HandleImage] = []
  /// Somebody has it open, registered or not.
  private var isOpen = false

  /// - Parameter force: whether a file that is no store will do.
  /// - Throws: what is wrong with the file; `notAStore` for one that is none of the directory of stores.
  init(_ names: StoreNames, force: Bool) throws(FormatError) {
    path = try names.path
    do throws(FormatError) {
      let image = try names.open()
      var count: UInt64 = 0
      for shard in 0..<image.geometry.shardCount { count &+= try image.glance(shard).count }
      entries = count
      users = try image.occupation()?.handles.filter { $0.state != .dead } ?? []
      isOpen = image.isOpenElsewhere
    } catch {
      guard force, Victim.isAboutContents(error), try Victim.isAmongStores(path) else { throw error }
    }
  }

  /// Whether the file can be read, and is no sound store.
  private static func isAboutContents(_ error: FormatError) -> Bool {
    switch error.code {
    case .truncated, .notAStore, .foreignByteOrder, .unsupportedVersion, .unsupportedFeatures, .corruptHeader,
      .corruptGeometry:
      true
    default: false
    }
  }

  private static func isAmongStores(_ path: String) throws(FormatError) -> Bool {
    let end = path.lastIndex(of: "/")
    let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    guard let here = try System.status(path: directory),
      let stores = try System.status(path: StoreDirectory.path())
    else { return false }
    return here.device == stores.device && here.inode == stores.inode
  }

  var text: String {
    guard let entries else { return "what is no store" }
    let count = users.count
    return "\(Numbers.grouped(entries)) \(entries == 1 ? "entry" : "entries"), "
      + (count == 1 ? "1 attached process" : "\(count) attached processes")
  }

  /// Why it should not go unless somebody insists.
  var reasonToKeep: String? {
    let names = users.prefix(3).map { "pid \($0.pid)" + ($0.name.map { " " + $0.plain } ?? "") }
    if !names.isEmpty {
      let more = users.count > 3 ? " and \(users.count - 3) more" : ""
      return "it is in use by \(names.joined(separator: ", "))\(more)"
    }
    return isOpen ? "somebody has it open" : nil
  }

  func delete() throws(FormatError) {
    let files = StoreFiles(path: path)
    do throws(FormatError) {
      _ = try files.delete()
    } catch {
      // Its header says that it is no store; that this may go was found out before.
      guard entries == nil, Victim.isAboutContents(error) else { throw error }
      _ = try files.deleteUnrecognized()
    }
  }

  var json: JSON {
    .object([
      ("path", .string(path)), ("deleted", .bool(true)), ("entries", .optional(entries.map { Int(clamping: $0) })),
      ("attached", .array(users.map { .number($0.pid) })),
    ])
  }
}
