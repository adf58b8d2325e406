// SPDX-License-Identifier: Apache-2.0
// Where the golden files are, and how a test opens one: copied, made private, under the fixtures' own boot and clock.

package import WarpFormat
package import WarpKV

public enum Fixtures {
  /// The directory `fixtures/v1` of the repository.
  public static var directory: String {
    let here = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return "/" + here + "/fixtures/v1"
  }

  /// The names of the data files in `valid` or `invalid`, without their extension.
  public static func names(_ kind: String) -> [String] {
    ((try? System.list("\(directory)/\(kind)")) ?? []).compactMap {
      $0.hasSuffix(".warp") ? String($0.dropLast(5)) : nil
    }
  }

  public static func path(_ kind: String, _ name: String) -> String { "\(directory)/\(kind)/\(name).warp" }

  /// The world in which the fixtures were made, some seconds later.
  package static var environment: Environment {
    var world = Environment.system
    world.bootTime = { 5_000_000_000 }
    world.bootID = { Array("fixture-boot-id!".utf8) }
    world.recordsInode = false
    return world
  }

  /// Opens a copy of a fixture as the product does.
  package static func open(
    _ path: String, verifyReads: Bool, access: StoreConfiguration.Access = .readWrite
  ) throws(WarpError) -> SharedStore {
    let configuration = StoreConfiguration(
      verifyReads: verifyReads, access: access, ifDifferent: .useExisting, createIfMissing: false,
      writerWait: .milliseconds(20))
    return try SharedStore.open(StoreFiles(path: path), configuration, environment)
  }
}
