// SPDX-License-Identifier: Apache-2.0
// Where the replay's store is, and what becomes of it. A replay begins with an empty store, so an older one of that
// name goes first; the library refuses to delete what is no store.
//
//   --path FILE          there, kept
//   no --trace either    "warp-replay" in the user's store directory, kept to be looked at; the next run replaces it
//   --trace alone        "warp-replay-PROCESS" in that directory, deleted at the end unless --keep

import ReplaySupport
import WarpKV

struct StorePlace {
  private enum Spot {
    case path(String)
    case named(String)
  }

  private let spot: Spot
  let isKept: Bool

  init(_ options: WarpReplay) {
    if let path = options.path {
      spot = .path(path)
      isKept = true
    } else if options.trace == nil {
      spot = .named("warp-replay")
      isKept = true
    } else {
      // The process's number, so that replays of several traces can run side by side.
      spot = .named("warp-replay-\(Processes.identity)")
      isKept = options.keep
    }
  }

  /// Deletes the older store, if there is one, and makes a new one.
  ///
  /// - Throws: what ``SharedStore`` throws: `notAStore` if something else has the path.
  func makeStore(_ configuration: StoreConfiguration) throws(WarpError) -> SharedStore {
    try delete()
    switch spot {
    case .path(let path): return try SharedStore.open(path: path, configuration)
    case .named(let name): return try SharedStore.open(name, configuration)
    }
  }

  func delete() throws(WarpError) {
    switch spot {
    case .path(let path): try SharedStore.delete(path: path)
    case .named(let name): try SharedStore.delete(named: name)
    }
  }
}
