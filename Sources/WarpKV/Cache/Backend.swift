// SPDX-License-Identifier: Apache-2.0
// Where a cache lives, as a configuration file says it.

public import WarpFormat

/// Where a cache lives: in this process, or in a file that the processes of this user share.
///
/// A configuration file may name it by a word ("memory", "shared") or a number (0, 1).
public enum Backend: Int, Sendable, CaseIterable {
  /// In this process.
  case memory = 0
  /// In a file, for all processes of this user.
  case shared = 1

  /// - Throws: `invalidArgument` for everything but "memory" and "shared".
  public init(_ name: String) throws(WarpError) {
    guard let backend = Backend.allCases.first(where: { $0.description == name }) else {
      throw Backend.unknown("\"\(name)\"")
    }
    self = backend
  }

  /// - Throws: `invalidArgument` for everything but 0 and 1.
  public init(_ number: Int) throws(WarpError) {
    guard let backend = Backend(rawValue: number) else { throw Backend.unknown("\(number)") }
    self = backend
  }

  private static func unknown(_ given: String) -> WarpError {
    WarpError(
      .invalidArgument, "\(given) is no backend: say \"memory\" or 0, \"shared\" or 1", field: "backend")
  }
}

extension Backend: CustomStringConvertible {
  public var description: String {
    switch self {
    case .memory: "memory"
    case .shared: "shared"
    }
  }
}

extension Backend: Codable {
  /// From either form.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Int.self) {
      self = try Backend(number)
    } else {
      self = try Backend(container.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
