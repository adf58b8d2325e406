// SPDX-License-Identifier: Apache-2.0
// Which call may fail without anybody hearing of it, and why. Whatever is not named here, and fails for another reason than
// a signal, must be an error of the operation. And which error an operation gives for a number of the system's.

import Glibc
import WarpFormat

enum FaultRules {
  /// Why an operation may be done although this call failed; nil: it may not.
  ///
  /// - Parameter next: the call that comes after it if nothing fails.
  static func mayGoUnnoticed(
    _ site: CallSite, before next: CallSite?, _ number: Int32, in operation: FaultOperation
  ) -> String? {
    if operation == .leave { return "what is in the way of a clean leave leaves no record of one (D5)" }
    switch (site.name, site.kind) {
    case _ where number == EINTR: return "the call is made again"
    case _ where site.path.hasSuffix("/store.warp (deleted)"): return "files that are no store any more are left"
    case ("close", _): return "the descriptor is gone whatever it says"
    case ("munmap", _), ("mmap", "private fixed"):
      return "the memory stays until the process ends, and nobody uses it"
    case ("flock", "LOCK_UN"): return "closing the descriptor gives the lock back"
    case ("fstat", _) where next.map { isGivingBack($0, site.path) } ?? false:
      return "what can't be told is given back all the same"
    case ("clock_nanosleep", _): return "it only waits less"
    case ("futex", _): return "whoever sleeps looks again by itself"
    case ("getrandom", _) where operation == .lostLockFile || operation == .cleanReboot:
      return "a recovery draws a number without it"
    case ("kill", _), ("readlink", _): return "a process that can't be looked at counts as living"
    case ("newfstatat", _) where site.path.hasPrefix("/proc/self/ns/"):
      return "without the number of the namespace only the kernel's lock tells who lives"
    case ("openat", _) where isOfProcess(site), ("pread64", _) where isOfProcess(site):
      return "without the start time only the kernel's lock tells who lives"
    case ("prlimit64", _): return "it has no error for the process itself"
    case ("fcntl", "F_OFD_SETLK") where number == EACCES || number == EAGAIN:
      return "the byte is somebody else's: the next one is taken, or the files are looked at again"
    case ("fcntl", "F_OFD_SETLK") where operation != .open && operation != .openReadOnly:
      return "closing the descriptor gives the lock back"
    case ("openat", _) where operation == .openReadOnly && site.path.hasSuffix("-lock"):
      return "a handle that only reads goes on without a lock file (O8)"
    case ("fallocate", _) where operation == .set || operation == .follow,
      ("fstat", _) where (number == ENOSPC || number == EDQUOT) && (operation == .set || operation == .follow):
      return "another entry gives its place, as on any full disk"
    case ("fallocate", _) where operation == .replace: return "fewer blocks are asked for"
    case ("rename", _) where operation == .replace && site.path.hasSuffix("-lock-new"):
      return "the next opener makes the lock file (P7)"
    default: return nil
    }
  }

  private static func isGivingBack(_ next: CallSite, _ path: String) -> Bool {
    (next.name == "close" || next.kind == "LOCK_UN" || next.kind == "F_OFD_SETLK") && next.path == path
  }

  private static func isOfProcess(_ site: CallSite) -> Bool { site.path.hasPrefix("/proc/N/") }

  /// The codes that may stand for a number of the system's.
  static func codes(_ number: Int32, _ site: CallSite) -> Set<FormatError.Code> {
    // Somebody else's lock, not a failure.
    if site.name == "fcntl", number == EACCES || number == EAGAIN {
      return [.tooManyProcesses, .busy, .clockDomainMismatch, .lockFileMissing]
    }
    switch number {
    case ENOSPC, EDQUOT: return [.noSpace]
    case EACCES: return site.path.hasSuffix("/boot_id") ? [.unsupportedPlatform] : [.readOnly]
    case ENOLCK where site.kind == "F_OFD_SETLK": return [.unsupportedFileSystem]
    default: return [.system]
    }
  }

  /// Whether an error of that code tells the number.
  static func tellsNumber(_ code: FormatError.Code) -> Bool {
    [.noSpace, .readOnly, .system, .unsupportedFileSystem].contains(code)
  }
}
