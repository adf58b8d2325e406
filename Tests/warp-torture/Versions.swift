// SPDX-License-Identifier: Apache-2.0
// `warp-torture versions`: two builds of this program, of which one claims the next minor or the next major version, start
// at the same moment on the same names and paths, with different parameters, and read, write and replace (WKV-V01, WKV-H03;
// SPEC.md 4.4, 13.1).
//
// - Minor: there is one store, and both work with it.
// - Major: of each name there are two stores, side by side. By path there is one, of those who came first; the others get
//   `unsupportedVersion`, whatever they try, and not a byte changes by it.
// - The parameters differ within each version. What an opening does then, `useExisting`, `fail` or `replace`, changes from
//   round to round.

import ArgumentParser
import WarpFormat
import WarpKV
import WarpTestSupport

/// What the other build claims to be.
enum OtherVersion: String, CaseIterable, ExpressibleByArgument {
  /// The same version: the parameters alone differ.
  case same
  case minor, major

  var variable: String? {
    switch self {
    case .same: nil
    case .minor: "WARP_PLANTED=\(Fault.nextMinor)"
    case .major: "WARP_PLANTED=\(Fault.nextMajor)"
    }
  }
}

/// What the command and its workers share.
struct VersionsOptions: ParsableArguments {
  @Option(help: "Processes, half of them of each build.") var processes = 8
  @Option(help: "Starts.") var rounds = 50
  @Option(
    help: "What the other build claims to be: \(OtherVersion.allCases.map(\.rawValue).joined(separator: ", ")).")
  var version = OtherVersion.same

  var arguments: [String] {
    ["--processes", "\(processes)", "--rounds", "\(rounds)", "--version", version.rawValue]
  }
}

/// Words of the shared file: barriers, sums, then two for each round and process.
struct VersionsWords {
  static let failures = 8
  static let refused = 9
  static let differing = 10
  private static let first = 16

  static func count(_ options: VersionsOptions) -> Int { first + 2 * options.processes * options.rounds }

  /// How the opening of that process ended: by name (0) or by path (1).
  static func result(_ options: VersionsOptions, _ round: Int, _ index: Int, _ place: Int) -> Int {
    first + 2 * (round * options.processes + index) + place
  }

  static let opened: UInt64 = 1
  static let refusedVersion: UInt64 = 2
  static let refusedParameters: UInt64 = 3
  static let failed: UInt64 = 4
}

struct Versions: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Two versions and two sets of parameters start on one store at once.")

  @OptionGroup var options: VersionsOptions
  @Option(help: "A build of this program with -DWARP_PLANTED; this one if the version is the same.")
  var other: String?
  @Flag(help: "End with one JSON object.") var json = false

  func validate() throws {
    guard options.processes >= 2 else { throw ValidationError("at least 2 processes") }
    guard options.version == .same || other != nil else { throw ValidationError("--other is needed") }
  }

  func run() throws {
    try withTemporaryDirectory { directory in
      let words = try SharedWords(directory + "/words", count: VersionsWords.count(options))
      for round in 0..<options.rounds { try System.makeDirectory(directory + "/p\(round)") }
      let began = System.bootTime()
      let children = try (0..<options.processes).map { index in
        let arguments = ["versions-worker", "--directory", directory, "--index", "\(index)"] + options.arguments
        guard index % 2 == 1, let other, let variable = options.version.variable else {
          return try Child(arguments)
        }
        return try Child(arguments, program: other, variable: variable)
      }
      let endings = children.map { $0.wait() }
      let seconds = Double(System.bootTime() - began) / 1e9
      var stores = 0
      var newer = 0
      var destroyed = 0
      for round in 0..<options.rounds {
        let (kept, lost) = try judge(directory, round)
        stores += kept
        if try isNewer("\(directory)/p\(round)/race.warp") { newer += 1 }
        destroyed += lost
      }
      let refused = Int(words.load(VersionsWords.refused))
      var report = Report()
      report.add("command", "versions")
      report.add("version", options.version.rawValue)
      report.add("processes", options.processes)
      report.add("rounds", options.rounds)
      report.add("stores", stores)
      report.add("storesOfTheOtherByPath", newer)
      report.add("refusedVersion", refused)
      report.add("refusedParameters", Int(words.load(VersionsWords.differing)))
      report.add("failures", Int(words.load(VersionsWords.failures)))
      report.add("destroyed", destroyed)
      report.add("signals", endings.count { $0.signal != 0 })
      report.add("crashes", endings.count { !$0.isClean })
      report.add("seconds", seconds)
      // Of two major versions one half is refused in each round.
      let isIdle = options.version == .major && refused < options.rounds
      try report.finish(
        json: json,
        violations: Int(words.load(VersionsWords.failures)) + destroyed + endings.count { !$0.isClean },
        isIdle: isIdle)
    }
  }

  /// Whether the file is of the other build.
  private func isNewer(_ path: String) throws -> Bool {
    typealias F = HeaderFields
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    let page = try System.read(file, at: 0, count: Format.pageSize, path)
    let version = [F.majorVersion, F.minorVersion].map { field in page[field.offset] }
    return version != [UInt8(Format.majorVersion), UInt8(Format.minorVersion)]
  }

  /// What files a round leaves: stores that are there, and stores that are not, or that are not alone.
  private func judge(_ directory: String, _ round: Int) throws -> (stores: Int, destroyed: Int) {
    let named = "\(directory)/n\(round)"
    let expected = ["race.warp", "race.warp-init", "race.warp-lock"]
    var places = ["\(directory)/p\(round)", named + "/v1"]
    if options.version == .major { places.append(named + "/v2") }
    let destroyed = places.filter { place in
      let names = try? System.list(place)
      if names != expected { System.explain("\(place): \(names ?? [])\n") }
      return names != expected
    }
    return (places.count - destroyed.count, destroyed.count)
  }
}
