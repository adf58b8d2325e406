// SPDX-License-Identifier: Apache-2.0
// A store in whose lock file a test writes by hand who is attached and who owns what, so that any process can play an
// attached one, and what `warp-inspect info --json` says about it.

import Foundation
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

final class Scene: Sendable {
  static let generation: UInt32 = 7
  /// Long enough to be told alike however slow the test is.
  static let age: Int64 = 5 * 86400 * 1_000_000_000

  let directory: String
  let path: String
  let geometry: LockGeometry
  /// Holds the locks of those who play.
  private let data: Int32

  var lockPath: String { path + "-lock" }

  init(_ directory: String) throws {
    self.directory = directory
    path = directory + "/a.warp"
    try SharedStore.open(path: path, .init(capacity: 64, maxValueSize: 64, shards: 16)).close()
    data = try System.open(path, .readWrite)
    geometry = try #require(try FileImage(path: path).lock).geometry
  }

  deinit { System.close(data) }

  func patch(_ entry: Int, _ field: Field, _ value: some FixedWidthInteger) throws {
    let at = geometry.registryOffset + entry * RegistryFields.structure.size + field.offset
    try TestFiles.patch(lockPath, at: at, TestFiles.bytes(value))
  }

  /// Writes the entry that a handle of this process would have.
  func attach(_ process: pid_t, entry: Int, generation: UInt32 = Scene.generation, locked: Bool = true) throws {
    typealias F = RegistryFields
    let me = System.process()
    try patch(entry, F.generation, generation)
    try patch(entry, F.startTime, System.startTime(of: process) ?? 0)
    try patch(entry, F.pidNamespace, me.pidNamespace)
    try patch(entry, F.timeNamespace, me.timeNamespace)
    try patch(entry, F.attached, System.bootTime() - Scene.age)
    try patch(entry, F.uid, me.userID)
    try patch(entry, F.pid, process)
    if locked { try lock(entry) }
  }

  func lock(_ entry: Int) throws {
    #expect(try System.lockByte(data, .write, at: Format.registryLockOffset + Int64(entry), path))
  }

  func unlock(_ entry: Int) throws {
    #expect(try System.lockByte(data, .none, at: Format.registryLockOffset + Int64(entry), path))
  }

  func own(_ shard: Int, entry: Int, generation: UInt32 = Scene.generation, sequence: UInt64 = 0) throws {
    try patchLine(shard, LockLineFields.owner, UInt64(generation) << 32 | UInt64(entry + 1))
    try patchLine(shard, LockLineFields.sequence, sequence)
  }

  func release(_ shard: Int) throws { try patchLine(shard, LockLineFields.owner, 0) }

  private func patchLine(_ shard: Int, _ field: Field, _ value: UInt64) throws {
    let at = geometry.linesOffset + shard * LockLineFields.structure.size + field.offset
    try TestFiles.patch(lockPath, at: at, TestFiles.bytes(value))
  }

  /// `warp-inspect info`, which always ends well and never is wider than a screen.
  func text() throws -> String {
    let inspection = try Inspection(["info", path], in: directory)
    #expect(inspection.code == 0 && inspection.errors == "", "\(inspection.errors)")
    for line in inspection.output.split(separator: "\n") { #expect(line.unicodeScalars.count <= 80, "\(line)") }
    return inspection.output
  }

  /// What the text says from the line on that begins with this word. Numbers of processes become N.
  func text(from word: String) throws -> String {
    let lines = try text().split(separator: "\n").drop { !$0.hasPrefix(word) }
    return lines.joined(separator: "\n").replacing(/pid \d+ */) { $0.output.hasSuffix(" ") ? "pid N  " : "pid N" }
  }

  func info() throws -> InfoReport {
    let inspection = try Inspection(["info", "--json", path], in: directory)
    #expect(inspection.code == 0 && inspection.errors == "", "\(inspection.errors)")
    return try JSONDecoder().decode(InfoReport.self, from: Data(inspection.output.utf8))
  }

  func lockReport() throws -> InfoReport.Lock { try #require(try info().lock) }
}

/// The members of the JSON object that tell who is attached.
struct InfoReport: Decodable, Equatable {
  struct Lock: Decodable, Equatable {
    let attached: [Handle]
    let owners: [Owner]
    let recoveries: UInt64
  }

  struct Handle: Decodable, Equatable {
    let entry: Int
    let pid: UInt32
    let name: String?
    let state: String
    let attachedSeconds: Double?
    let generation: UInt32
    let pidNamespace: UInt64
    let holds: [Int]
    let computes: Int
  }

  struct Owner: Decodable, Equatable {
    let shard: Int
    let entry: Int?
    let pid: UInt32?
    let state: String
    let odd: Bool
  }

  let lock: Lock?
  let lockProblem: String?
}
