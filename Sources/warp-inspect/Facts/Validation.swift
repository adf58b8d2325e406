// SPDX-License-Identifier: Apache-2.0
// Whether a file that some implementation wrote is what it ought to be: by the rules, by what is beside it, and by a golden file of
// the same name.

import WarpFormat

/// What was found out about one file.
struct FileVerdict: Equatable {
  let name: String
  let isRight: Bool
  /// What it was compared with, or in what it differs.
  let detail: String

  var json: JSON {
    .object([("name", .string(name)), ("right", .bool(isRight)), ("detail", .string(detail))])
  }
}

/// The files NAME.warp of a directory, with what is beside them.
struct Validation {
  let directory: String
  /// Where files of the same names are that they ought to equal.
  let golden: String?

  /// Verdicts in the order of the names. Nothing in a file is an error here.
  ///
  /// - Throws: if the directory can't be listed, or holds no store.
  func names() throws(FormatError) -> [String] {
    func stores(_ directory: String) throws(FormatError) -> [String] {
      try System.list(directory).filter { $0.hasSuffix(StoreFiles.fileExtension) }
        .map { String($0.dropLast(StoreFiles.fileExtension.count)) }
    }
    let found = try stores(directory)
    let wanted = try golden.map { (golden) throws(FormatError) in try stores(golden) } ?? []
    guard !found.isEmpty else {
      throw FormatError(.notFound, "there is no file NAME.warp in it", path: directory)
    }
    return Set(found + wanted).sorted()
  }

  func verdict(_ name: String) -> FileVerdict {
    func verdict(_ isRight: Bool, _ detail: String) -> FileVerdict {
      FileVerdict(name: name, isRight: isRight, detail: detail)
    }
    let path = "\(directory)/\(name).warp"
    do throws(FormatError) {
      guard try System.status(path: path) != nil else { return verdict(false, "missing: there is a golden file") }
      var checks: [String] = []
      let expectation = try document("\(directory)/\(name).json")
      if let expectation, let rule = expectation["rule"]?.asString,
        let offset = expectation["offset"]?.asInteger(Int.self)
      {
        let found = try findings(path)
        guard found.contains(where: { $0.rule == rule && $0.offset == offset }) else {
          return verdict(false, "expected \(rule) at \(offset), found \(Validation.text(found))")
        }
        return verdict(true, "\(rule) at \(offset) is found")
      }
      let found = try findings(path)
      guard found.isEmpty else { return verdict(false, Validation.text(found)) }
      checks.append("no findings")
      let image = try FileImage(path: path)
      let dump = try Dump.document(image)
      if let expectation {
        if let place = dump.difference(from: expectation) {
          return verdict(false, "\(name).json differs at \(place)")
        }
        checks.append("the dump is \(name).json")
      }
      if let expected = try document("\(directory)/\(name).lock.json") {
        guard let lock = image.lock else { return verdict(false, "there is \(name).lock.json and no lock file") }
        if let place = try Dump.document(lock).difference(from: expected) {
          return verdict(false, "\(name).lock.json differs at \(place)")
        }
        checks.append("that of the lock file is \(name).lock.json")
      }
      if let golden, let (isRight, detail) = try compare(path, dump, with: "\(golden)/\(name).warp") {
        if !isRight { return verdict(false, detail) }
        checks.append(detail)
      }
      return verdict(true, checks.joined(separator: ", "))
    } catch {
      return verdict(false, "\(error)")
    }
  }

  /// What the verifier reports; a broken header is its only finding.
  private func findings(_ path: String) throws(FormatError) -> [(rule: String, offset: Int)] {
    do throws(FormatError) {
      return try Verifier(path: path).findings().map { ($0.rule, $0.offset) }
    } catch {
      guard let rule = error.rule else { throw error }
      return [(rule, error.offset ?? 0)]
    }
  }

  private static func text(_ findings: [(rule: String, offset: Int)]) -> String {
    if findings.isEmpty { return "nothing" }
    let first = findings.prefix(3).map { "\($0.rule) at \($0.offset)" }.joined(separator: ", ")
    return findings.count > 3 ? "\(first) and \(findings.count - 3) more" : first
  }

  /// A JSON file; nil if there is none.
  private func document(_ path: String) throws(FormatError) -> JSON? {
    guard let status = try System.status(path: path), status.isRegular else { return nil }
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    let bytes = try System.read(file, at: 0, count: status.size, path)
    do throws(JSONProblem) {
      return try JSONReader.value(bytes)
    } catch {
      throw FormatError(.invalidArgument, "it is no JSON: \(error.message)", path: path, offset: error.offset)
    }
  }

  // MARK: Golden files

  /// Byte by byte; if they differ, by their dumps, without the name of who wrote them. nil: there is no golden file.
  private func compare(
    _ path: String, _ dump: JSON, with golden: String
  ) throws(FormatError) -> (isRight: Bool, detail: String)? {
    guard try System.status(path: golden) != nil else { return nil }
    guard let offset = try Validation.firstDifference(path, golden) else {
      return (true, "the bytes are the golden ones")
    }
    let other = try Dump.document(FileImage(path: golden))
    guard let place = Validation.unsigned(dump).difference(from: Validation.unsigned(other)) else {
      return (true, "the dump is the golden one; the first byte that differs is at \(offset)")
    }
    return (false, "differs from the golden file at \(place); the first byte that differs is at \(offset)")
  }

  private static func firstDifference(_ path: String, _ other: String) throws(FormatError) -> Int? {
    let pieceSize = 1 << 16
    let (left, right) = (try System.open(path, .readOnly), try System.open(other, .readOnly))
    defer {
      System.close(left)
      System.close(right)
    }
    var offset = 0
    // Bound: the shorter file.
    while true {
      let one = try System.read(left, at: offset, count: pieceSize, path)
      let two = try System.read(right, at: offset, count: pieceSize, other)
      if one != two {
        let same = zip(one, two).prefix { $0.0 == $0.1 }.count
        return offset + same
      }
      if one.isEmpty { return nil }
      offset += one.count
    }
  }

  /// A dump without what names its writer.
  private static func unsigned(_ dump: JSON) -> JSON {
    guard case .object(let members) = dump else { return dump }
    let signed = [HeaderFields.writerName, HeaderFields.checksum].map(\.name)
    return .object(
      members.map { name, value in
        guard name == "header", case .object(let fields) = value else { return (name, value) }
        return (name, .object(fields.filter { !signed.contains($0.0) }))
      })
  }
}

extension Dump {
  /// The dump of a data file as one value.
  static func document(_ image: FileImage) throws(FormatError) -> JSON {
    let state = try image.state()
    var members = [(StateFields.superseded.name, FieldText.json(StateFields.superseded, state))]
    for (field, structure) in records {
      members.append((field.name, .object(FieldText.members(structure, state.slice(field)))))
    }
    var shards: [JSON] = []
    for index in 0..<image.geometry.shardCount {
      let shard = try image.shard(index)
      let buckets = shard.bucketsBySlot()
      var entries: [JSON] = []
      for slot in shard.queue {
        if let entry = try image.entry(slot, of: shard, buckets: buckets) { entries.append(json(entry)) }
      }
      var members: [(String, JSON)] = [("index", .number(index)), ("offset", .number(shard.offset))]
      if !shard.isStable { members.append(("stable", .bool(false))) }
      members.append(("control", .object(FieldText.members(ControlFields.structure, shard.control))))
      shards.append(.object(members + [("entries", .array(entries))]))
    }
    return .object([
      ("header", .object(FieldText.members(HeaderFields.structure, image.headerPage))), ("state", .object(members)),
      ("shards", .array(shards)),
    ])
  }
}
