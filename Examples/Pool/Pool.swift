// SPDX-License-Identifier: Apache-2.0
// A pool of processes that share a remembered function: each result is computed once on the host, whichever process asks
// for it first, and the others wait for it instead of computing it too.
//
//     swift run example-pool 4

import Foundation
import WarpKV

@main
struct Pool {
  static func main() async throws {
    let arguments = CommandLine.arguments
    if arguments.count == 4, arguments[1] == "worker" {
      try await work(directory: arguments[2], number: Int(arguments[3]) ?? 0)
    } else {
      try start(workers: arguments.dropFirst().first.flatMap { Int($0) } ?? 4)
    }
  }

  /// The same line in every process: name, module, types and version decide which store it is.
  static func report(
    _ directory: String
  ) throws -> AsyncCachedFunction<String, String, any Error, WarpError> {
    try cached(
      "report", in: .shared, capacity: 1000, timeToLive: .seconds(60),
      options: CacheOptions(directory: directory)
    ) { (city: String) async throws -> String in
      // Something slow: a query, a model, a request.
      try await Task.sleep(for: .milliseconds(50))
      return "the report on \(city), by process \(ProcessInfo.processInfo.processIdentifier)"
    }
  }

  static let cities = ["Oslo", "Lima", "Kyoto", "Accra", "Quito", "Dhaka", "Turku", "Perth"]

  static func work(directory: String, number: Int) async throws {
    let report = try report(directory)
    // Everybody wants every report, and begins somewhere else.
    for step in 0..<cities.count { _ = try await report(cities[(step + number) % cities.count]) }
  }

  static func start(workers: Int) throws {
    let directory = NSTemporaryDirectory() + "warpkv-pool-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let report = try report(directory)
    let processes = try (0..<workers).map { number in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
      process.arguments = ["worker", directory, "\(number)"]
      try process.run()
      return process
    }
    for process in processes { process.waitUntilExit() }
    for city in cities { print(try report.peek(city) ?? "no report on \(city)") }
    let statistics = try report.statistics
    print("\(workers) processes asked for \(workers * cities.count) reports; \(statistics.loads) were made")
    guard processes.allSatisfy({ $0.terminationStatus == 0 }), statistics.loads == cities.count else { exit(1) }
  }
}
