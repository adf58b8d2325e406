// SPDX-License-Identifier: Apache-2.0
// A `StoreImage` on disk, for code that reads with `pread`: two temporary files and a way to patch single bytes.

package import WarpFormat

/// Two temporary files, removed with this object.
package final class ImageFiles {
  package let data: Int32
  package let lock: Int32?
  private let path: String

  package init(_ image: StoreImage, withLock: Bool = true) throws(FormatError) {
    let directory = System.environment("TMPDIR") ?? "/tmp"
    let serial = try System.entropy(8).map { String($0, radix: 16) }.joined()
    path = "\(directory)/warp-image-\(serial)"
    data = try ImageFiles.make(path, image.data)
    lock = withLock ? try ImageFiles.make(path + StoreFiles.lockSuffix, image.lock) : nil
  }

  deinit {
    System.close(data)
    if let lock { System.close(lock) }
    _ = try? System.remove(path)
    _ = try? System.remove(path + StoreFiles.lockSuffix)
  }

  private static func make(_ path: String, _ bytes: [UInt8]) throws(FormatError) -> Int32 {
    let descriptor = try System.open(path, .createExclusive)
    try System.write(descriptor, at: 0, bytes, path)
    return descriptor
  }

  package func patchData(_ offset: Int, _ byte: UInt8) throws(FormatError) {
    try System.write(data, at: offset, [byte], path)
  }

  package func patchLock(_ offset: Int, _ byte: UInt8) throws(FormatError) {
    if let lock { try System.write(lock, at: offset, [byte], path) }
  }

  package func setSize(_ size: Int) throws(FormatError) { try System.setSize(data, size, path) }

  /// Opens the files by name; the result may outlive this object.
  package func open() throws(FormatError) -> FileImage { try FileImage(path: path) }

  /// The rules broken, each once, sorted. A header rule stops the reading and is the only one then.
  package func brokenRules() throws -> [String] {
    do {
      // Over the descriptors at hand: thousands of tests do this.
      let image = try FileImage(descriptor: data, lockDescriptor: lock, path: path)
      let findings = try Verifier(image).findings()
      return Set(findings.map(\.rule)).sorted()
    } catch {
      guard let rule = error.rule else { throw error }
      return [rule]
    }
  }
}
