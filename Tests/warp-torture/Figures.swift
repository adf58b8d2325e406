// SPDX-License-Identifier: Apache-2.0
// What a process takes from the system, as the kernel counts it.

import WarpFormat

struct Figures: Equatable {
  /// Bytes.
  var resident = 0
  var residentShared = 0
  var residentFile = 0
  var mappings = 0
  /// Bytes of the address space.
  var mapped = 0
  var descriptors = 0

  static let names = ["resident", "residentShared", "residentFile", "mappings", "descriptors"]
  var numbers: [Int] { [resident, residentShared, residentFile, mappings, descriptors] }

  /// This process now.
  static func now() throws -> Figures {
    var figures = Figures()
    for line in try text("/proc/self/status").split(separator: "\n") {
      let words = line.split { $0 == ":" || $0 == " " || $0 == "\t" }
      guard words.count > 1, let number = Int(words[1]) else { continue }
      switch words[0] {
      case "VmSize": figures.mapped = number << 10
      case "VmRSS": figures.resident = number << 10
      case "RssShmem": figures.residentShared = number << 10
      case "RssFile": figures.residentFile = number << 10
      default: break
      }
    }
    figures.mappings = try text("/proc/self/maps").utf8.count { $0 == UInt8(ascii: "\n") }
    // One of them is that of the listing.
    figures.descriptors = try System.list("/proc/self/fd").count - 1
    return figures
  }

  private static func text(_ path: String) throws -> String {
    let file = try System.open(path, .readOnly)
    defer { System.close(file) }
    return String(decoding: try System.read(file, at: 0, count: 4 << 20, path), as: UTF8.self)
  }
}
