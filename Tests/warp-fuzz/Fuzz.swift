// SPDX-License-Identifier: Apache-2.0
// Coverage-guided fuzzing of everything that reads bytes which somebody else may have written. Built and run by
// Scripts/fuzz, since it needs Clang's libFuzzer; the options on the command line are libFuzzer's.
//
// - WARP_FUZZ_TARGET names the target. `--seeds DIRECTORY` writes the inputs to begin with and ends.
// - One file per target; Recipe says what an input of `open` and `verify` is, Mutator how inputs are changed.

import CFuzz
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// What is fuzzed.
enum Target: String, CaseIterable {
  case open, verify, typed, zstd
}

/// Made once, before the first input.
struct FuzzState: @unchecked Sendable {
  // Sendable: libFuzzer calls everything from one thread.
  let target: Target
  let stores: OpenTarget?

  static let shared: FuzzState = {
    let name = System.environment("WARP_FUZZ_TARGET") ?? ""
    guard let target = Target(rawValue: name) else {
      explain("WARP_FUZZ_TARGET names no target: \(name)\n")
      exit(64)
    }
    guard target == .open || target == .verify else { return FuzzState(target: target, stores: nil) }
    do {
      let place = try FuzzPlace()
      let world = FuzzWorld()
      return FuzzState(
        target: target, stores: OpenTarget(place: place, world: world, bases: try Bases(place, world)))
    } catch {
      explain("no place to fuzz: \(error)\n")
      exit(70)
    }
  }()

  func run(_ bytes: [UInt8]) {
    switch target {
    case .open: stores?.run(bytes)
    case .verify: stores?.runVerify(bytes)
    case .typed: TypedTarget.run(bytes)
    case .zstd: ZstdTarget.run(bytes)
    }
  }
}

@main
struct Fuzz {
  static func main() {
    let arguments = CommandLine.arguments
    if arguments.count == 3, arguments[1] == "--seeds" {
      Seeds.write(to: arguments[2])
      return
    }
    _ = FuzzState.shared
    var count = CommandLine.argc
    var words: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    let status = LLVMFuzzerRunDriver(&count, &words) { data, size in
      FuzzState.shared.run(Array(UnsafeBufferPointer(start: data, count: size)))
      return 0
    }
    FuzzState.shared.stores?.place.remove()
    exit(status)
  }
}

/// To standard error.
func explain(_ text: String) { _ = try? System.write(2, Array(text.utf8)) }
