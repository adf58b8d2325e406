// SPDX-License-Identifier: Apache-2.0
// What `warp-inspect info` says about who is attached and who keeps whom waiting: a block of text, and members of the
// JSON object.
//
// Those who hold a shard come first, then those who are stopped; beyond `mostRows` handles the rest is summed up, so
// that the screen stays one screen.

import WarpFormat

struct Handles {
  private static let mostRows = 8
  /// On a narrower screen there are no columns.
  private static let leastColumns = 60

  let occupation: Occupation
  private let operations: Operations

  /// nil without a lock file.
  init?(_ image: FileImage) throws(FormatError) {
    guard let lock = image.lock, let occupation = try image.occupation() else { return nil }
    self.occupation = occupation
    operations = try Operations(lock)
  }

  func operations(of handle: HandleImage) -> (count: UInt64, isExact: Bool) { operations[handle] }

  // MARK: Text

  /// Lines for the screen. The first begins with a name and a value, as those about the store do.
  ///
  /// - Parameter width: columns of the screen.
  func lines(nameWidth: Int, width: Int) -> [String] {
    let order = inOrder
    let rows = order.prefix(Handles.mostRows)
    var lines = ["attached".padded(nameWidth) + (order.isEmpty ? "none" : "\(order.count)")]
    let cells = rows.map { ["pid \($0.pid)", name($0), "\($0.state)", duration($0)] }
    let widths = (0..<4).map { column in cells.map { $0[column].unicodeScalars.count }.max() ?? 0 }
    for (handle, cells) in zip(rows, cells) {
      if width < Handles.leastColumns {
        let words = (cells + [remark(handle)]).joined(separator: " ")
        lines += folded(words, width: width - 2).map { "  " + $0 }
        continue
      }
      var margin = "  " + zip(cells, widths).map { $0.padded($1) + "  " }.joined()
      let indent = String(repeating: " ", count: margin.unicodeScalars.count)
      for line in wrapped(remark(handle), width: width - indent.count, indent: 0) {
        lines.append((margin + line).trimmed)
        margin = indent
      }
    }
    if order.count > rows.count {
      lines += folded("and \(summary(order.dropFirst(rows.count)))", width: width - 2).map { "  " + $0 }
    }
    return lines + notes.flatMap { wrapped($0, width: width, indent: 4) }
  }

  /// Who holds shards first, then who is stopped, and the dead last.
  private var inOrder: [HandleImage] {
    func rank(_ handle: HandleImage) -> Int {
      if !occupation.shards(of: handle).isEmpty { return 0 }
      switch handle.state {
      case .stopped: return 1
      case .dead: return 3
      case .alive, .elsewhere, .unlocked: return 2
      }
    }
    return occupation.handles.map { (rank($0), $0) }.sorted { ($0.0, $0.1.entry) < ($1.0, $1.1.entry) }.map(\.1)
  }

  private func name(_ handle: HandleImage) -> String { handle.name.map(\.plain) ?? "?" }

  private func duration(_ handle: HandleImage) -> String {
    guard let age = handle.age else { return "" }
    return handle.state == .dead ? Numbers.duration(age) + " ago" : "for " + Numbers.duration(age)
  }

  private func remark(_ handle: HandleImage) -> String {
    let shards = occupation.shards(of: handle)
    let user = handle.userID == System.userID() ? [] : ["uid \(handle.userID)"]
    let holds = shards.isEmpty ? [] : ["holds \(Handles.text(shards: shards))"]
    let count = occupation.computations(of: handle)
    let computes = count == 0 ? [] : ["computes \(count) key\(count == 1 ? "" : "s")"]
    let counted = operations[handle]
    let number = Numbers.grouped(counted.count) + (counted.count == 1 ? " operation" : " operations")
    let works = counted.count == 0 ? [] : [(counted.isExact ? "" : "at most ") + number]
    return (user + works + holds + computes).joined(separator: ", ")
  }

  private func summary(_ handles: ArraySlice<HandleImage>) -> String {
    let states: [HandleImage.State] = [.stopped, .alive, .unlocked, .elsewhere, .dead]
    let counts = states.compactMap { state -> String? in
      let count = handles.count { $0.state == state }
      return count == 0 ? nil : "\(count) \(state)"
    }
    return "\(handles.count) more: " + counts.joined(separator: ", ")
  }

  /// What happens next to the shards whose owner does nothing: one sentence for each owner.
  private var notes: [String] {
    var groups: [(owner: OwnerImage, shards: [Int])] = []
    for owner in occupation.owners where owner.state == .dead || owner.state == .stopped {
      // Words that name no handle have no owner to tell apart: they are one group.
      if let index = groups.firstIndex(where: { $0.owner.handle?.entry == owner.handle?.entry }) {
        groups[index].shards.append(owner.shard)
      } else {
        groups.append((owner, [owner.shard]))
      }
    }
    let sentences = groups.map { owner, shards in
      let these = Handles.text(shards: shards) + ": "
      let who = owner.handle.map { "owner (pid \($0.pid))" } ?? "owner"
      return these
        + (owner.state == .dead
          ? "\(who) is dead; the next writer recovers \(shards.count == 1 ? "it" : "them")"
          : "\(who) is stopped; sets there throw busy until it goes on")
    }
    let more = sentences.count - Handles.mostRows
    return sentences.prefix(Handles.mostRows) + (more > 0 ? ["and the shards of \(more) more such owners"] : [])
  }

  private static func text(shards: [Int]) -> String {
    (shards.count == 1 ? "shard " : "shards ") + shards.prefix(mostRows).map(String.init).joined(separator: ", ")
      + (shards.count > mostRows ? ", ..." : "")
  }

  // MARK: JSON

  var attachedJSON: JSON {
    .array(
      occupation.handles.map { handle in
        .object([
          ("entry", .number(handle.entry)), ("pid", .number(handle.pid)),
          ("name", handle.name.map { .string($0) } ?? .null), ("state", .string("\(handle.state)")),
          ("attachedSeconds", handle.age.map { .number("\(Double($0) / 1e9)") } ?? .null),
          ("generation", .number(handle.generation)), ("pidNamespace", .number(handle.pidNamespace)),
          ("holds", .array(occupation.shards(of: handle).map { .number($0) })),
          ("computes", .number(occupation.computations(of: handle))),
          ("operations", .number(operations[handle].count)),
          ("operationsExact", .bool(operations[handle].isExact)),
        ])
      })
  }

  var ownersJSON: JSON {
    .array(
      occupation.owners.map { owner in
        .object([
          ("shard", .number(owner.shard)), ("entry", .optional(owner.entry)),
          ("pid", .optional(owner.handle.map { Int($0.pid) })), ("state", .string("\(owner.state)")),
          ("odd", .bool(owner.isOdd)),
        ])
      })
  }
}

extension String {
  /// Without the spaces at the end.
  fileprivate var trimmed: String {
    guard let last = lastIndex(where: { $0 != " " }) else { return "" }
    return String(self[...last])
  }
}
