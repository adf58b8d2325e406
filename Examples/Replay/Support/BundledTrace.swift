// SPDX-License-Identifier: Apache-2.0
// Where the trace of the repository lies. It is found by walking, not bundled: a resource bundle would link Foundation
// for a file that is only there in a checkout anyway.

package import WarpTrace

package enum BundledTrace {
  package static let path = "Examples/Replay/Traces/twitter-c52.csv.zst"

  /// Below the working directory, else below one of the directories above the executable: `.build/release/warp-replay`
  /// finds the checkout it was built in.
  ///
  /// - Throws: `traceMissing`.
  package static func locate(executable: String) throws(TraceError) -> String {
    if Files.exists(path) { return path }
    var directory = executable[...]
    // One round for each slash in the path.
    while let slash = directory.lastIndex(of: "/") {
      directory = directory[..<slash]
      let candidate = directory + "/" + path
      if Files.exists(String(candidate)) { return String(candidate) }
    }
    throw TraceError(
      .traceMissing,
      "\(path) is neither below the working directory nor above \(executable): run this in a checkout, or name a "
        + "trace with --trace FILE")
  }
}
