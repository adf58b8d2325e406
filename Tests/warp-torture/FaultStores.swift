// SPDX-License-Identifier: Apache-2.0
// What an operation stores to the files that everybody has mapped: the header's page and the state block of the data file,
// and the whole lock file. Replacing and leaving change nothing else of them.

import Glibc
import WarpFormat

final class FaultStores {
  private struct View {
    let start: UnsafeRawPointer
    let size: Int
    let last: UnsafeMutableRawPointer
  }

  private var views: [View] = []

  /// Maps the files that have the names now; whatever has them later is not looked at.
  init(_ path: String) throws {
    for (name, most) in [(path, Format.shardsOffset), (path + "-lock", Int.max)] {
      let file = try System.open(name, .readOnly)
      defer { System.close(file) }
      let size = min(try System.status(file, name).size, most)
      guard let start = mmap(nil, size, PROT_READ, MAP_SHARED, file, 0), start != MAP_FAILED else {
        throw FormatError(.system, "mmap failed", path: name, errno: errno)
      }
      let last = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
      last.copyMemory(from: start, byteCount: size)
      views.append(View(start: start, size: size, last: last))
    }
  }

  deinit {
    for view in views {
      munmap(UnsafeMutableRawPointer(mutating: view.start), view.size)
      view.last.deallocate()
    }
  }

  /// Whether anything is not what it was at the last look.
  func look() -> Bool {
    let changed = views.filter { memcmp($0.start, $0.last, $0.size) != 0 }
    guard !changed.isEmpty else { return false }
    for view in changed { view.last.copyMemory(from: view.start, byteCount: view.size) }
    return true
  }
}
