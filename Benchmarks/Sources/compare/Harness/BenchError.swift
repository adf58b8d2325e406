// SPDX-License-Identifier: Apache-2.0

/// Why a group could not be measured, in words for its reader.
struct BenchError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
