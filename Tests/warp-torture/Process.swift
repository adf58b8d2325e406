// SPDX-License-Identifier: Apache-2.0
// Starting copies of this program. posix_spawn rather than fork: the children share nothing but what they are told.

import Glibc
import WarpFormat

/// A copy of this program that runs a hidden subcommand.
struct Child {
  let id: pid_t

  /// - Throws: `system` with errno.
  init(_ arguments: [String]) throws {
    var words: [UnsafeMutablePointer<CChar>?] = (["warp-torture"] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child: pid_t = 0
    let result = posix_spawn(&child, "/proc/self/exe", nil, nil, words, environ)
    guard result == 0 else { throw FormatError(.system, "posix_spawn failed", errno: result) }
    id = child
  }

  /// How it ended.
  struct Ending {
    /// 0 if it was no signal.
    let signal: Int32
    let code: Int32
    var isClean: Bool { signal == 0 && code == 0 }
  }

  func wait() -> Ending {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0, errno == EINTR {}
    return Ending(signal: status & 0x7F, code: (status >> 8) & 0xFF)
  }
}

/// The environment of this process, which Swift may not name directly because it is a mutable global of C.
private var environ: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
  guard let symbol = dlsym(nil, "environ") else { return nil }
  return symbol.assumingMemoryBound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self).pointee
}
