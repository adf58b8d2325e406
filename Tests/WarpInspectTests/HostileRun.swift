// SPDX-License-Identifier: Apache-2.0
// One run of a command on hostile files, in this process or as one of its own, and the judge of it: it ends by itself, in
// time, with a status that means something, with JSON if that was asked for, and it changes nothing.

import ArgumentParser
import Foundation
import Glibc
import Synchronization
import Testing
import WarpFormat
import WarpTestSupport

@testable import warp_inspect

struct HostileRun {
  /// Of processor time: the machine may be busy. A debug build is several times slower.
  #if DEBUG
    static let mostSeconds = 30.0
  #else
    static let mostSeconds = 5.0
  #endif
  /// Of real time, after which a process hangs.
  private static let patience = 600.0

  /// How many there were in this process.
  static let runs = Atomic<Int>(0)

  let arguments: [String]
  let output: [UInt8]
  let errors: String
  /// -1: ended by a signal, or had to be.
  let status: Int32
  let seconds: Double

  /// In this process.
  init(inProcess arguments: [String]) {
    self.arguments = arguments
    HostileRun.runs.add(1, ordering: .relaxed)
    let sink = OutputSink()
    let start = HostileRun.threadTime()
    status = Output.$sink.withValue(sink) {
      do {
        var command = try WarpInspect.parseAsRoot(arguments)
        try command.run()
        return 0
      } catch let code as ExitCode {
        return code.rawValue
      } catch {
        sink.errors += Array("\(error)".utf8)
        return 64
      }
    }
    seconds = HostileRun.threadTime() - start
    output = sink.output
    errors = String(decoding: sink.errors, as: UTF8.self)
  }

  /// As a process.
  ///
  /// - Parameters:
  ///   - directory: where its output is kept.
  ///   - program: that is given the path of warp-inspect and its arguments, to run it in some way.
  init(_ arguments: [String], in directory: String, by program: [String] = []) throws {
    self.arguments = arguments
    HostileRun.runs.add(1, ordering: .relaxed)
    let serial = try System.entropy(8).map { String($0, radix: 16) }.joined()
    let files = (output: "\(directory)/\(serial).out", errors: "\(directory)/\(serial).err")
    let words = program + [try Inspection.executable()] + arguments
    let child = try spawn(words[0], Array(words.dropFirst()), output: files.output, error: files.errors)
    var raw: Int32 = 0
    var usage = rusage()
    let start = Date()
    while wait4(child, &raw, WNOHANG, &usage) == 0 {
      if Date().timeIntervalSince(start) > HostileRun.patience { kill(child, SIGKILL) }
      usleep(500)
    }
    status = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : -1
    seconds =
      Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    output = try TestFiles.read(files.output)
    errors = String(decoding: try TestFiles.read(files.errors), as: UTF8.self)
    for file in [files.output, files.errors] { _ = try System.remove(file) }
  }

  private static func threadTime() -> Double { Double(TestProcess.processorTime()) / 1e9 }

  /// What is wrong with it; nil if nothing is.
  var complaint: String? {
    if !(0...2).contains(status) { return "status \(status): \(errors.prefix(200))" }
    if seconds > HostileRun.mostSeconds { return "took \(seconds) s" }
    if status == 2, output.isEmpty, errors.isEmpty { return "status 2 without a word" }
    let isSilent = status == 2 && output.isEmpty
    if arguments.contains("--json"), !isSilent, !HostileRun.isJSON(output) {
      return "no JSON: \(String(decoding: output.prefix(300), as: UTF8.self))"
    }
    if let byte = output.first(where: { $0 < 0x20 && $0 != 0x0A }) { return "a control byte \(byte) in the output" }
    return nil
  }

  func expectSound(_ what: String, _ location: SourceLocation = #_sourceLocation) {
    if let complaint {
      Issue.record("\(arguments.joined(separator: " ")), \(what): \(complaint)", sourceLocation: location)
    }
  }

  /// For Scripts/inspect-hostile.
  static func report(_ figures: String = "") {
    print("HOSTILE {\"runs\": \(runs.load(ordering: .relaxed))\(figures)}")
  }

  /// One value, or one on each line.
  static func isJSON(_ bytes: [UInt8]) -> Bool {
    if StrictJSON.accepts(bytes) { return true }
    let lines = bytes.split(separator: 0x0A)
    return !lines.isEmpty && lines.allSatisfy { StrictJSON.accepts(Array($0)) }
  }
}

/// What a run must not change: bytes, size and time of change of a store's two files.
struct FileStamps: Equatable {
  private struct Stamp: Equatable {
    let hash: UInt64
    let size: Int
    let seconds: Int
    let nanoseconds: Int
  }

  private let stamps: [Stamp?]

  init(_ path: String) {
    stamps = [path, path + StoreFiles.lockSuffix].map { path in
      var info = stat()
      guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
      return Stamp(
        hash: (try? TestFiles.read(path)).map { XXH3.hash64($0, seed: 0) } ?? 0, size: Int(info.st_size),
        seconds: info.st_mtim.tv_sec, nanoseconds: info.st_mtim.tv_nsec)
    }
  }
}

/// Lock files as hostile tests need them.
enum HostileLock {
  static let generation: UInt32 = 7

  /// A sound one of this boot for a data file; nil if that has no sound header.
  static func bytes(for data: [UInt8]) -> [UInt8]? {
    guard let header = try? Header(verifying: Array(data.prefix(Format.pageSize)), fileSize: data.count) else {
      return nil
    }
    let page = LockHeader(header, bootID: System.bootID(), device: 0, inode: 0).encoded()
    return page + [UInt8](repeating: 0, count: LockGeometry(header.geometry).fileSize - page.count)
  }

  /// Its first shard is owned by a process that is dead, in the middle of a change.
  static func deadOwner(for data: [UInt8]) throws -> [UInt8]? {
    guard var lock = bytes(for: data) else { return nil }
    let header = try Header(verifying: Array(data.prefix(Format.pageSize)), fileSize: data.count)
    let geometry = LockGeometry(header.geometry)
    func put(_ base: Int, _ field: Field, _ value: some FixedWidthInteger) {
      let bytes = TestFiles.bytes(value)
      for index in 0..<field.size { lock[base + field.offset + index] = bytes[index] }
    }
    typealias F = RegistryFields
    let me = System.process()
    let dead = try spawn("/bin/true", [])
    var status: Int32 = 0
    while waitpid(dead, &status, 0) < 0, errno == EINTR {}
    put(geometry.registryOffset, F.generation, generation)
    put(geometry.registryOffset, F.pid, UInt32(dead))
    put(geometry.registryOffset, F.startTime, UInt64(1))
    put(geometry.registryOffset, F.pidNamespace, me.pidNamespace)
    put(geometry.registryOffset, F.timeNamespace, me.timeNamespace)
    put(geometry.linesOffset, LockLineFields.owner, UInt64(generation) << 32 | 1)
    put(geometry.linesOffset, LockLineFields.sequence, UInt64(9))
    return lock
  }
}
