// SPDX-License-Identifier: Apache-2.0
// Makes every golden file again, byte for byte: `swift run make-fixtures DIRECTORY`.
//
// The world is injected: entropy from a counter, a fixed boot, clock and process. The valid stores are written by the
// library; the invalid ones are valid ones with one rule broken, named by it. What `warp-inspect dump --json` and
// `verify` must say about each is in the .json beside it, and a test makes everything again and compares.

import WarpFormat

guard CommandLine.arguments.count == 2 else {
  print("usage: make-fixtures DIRECTORY    writes DIRECTORY/v1/valid and DIRECTORY/v1/invalid")
  throw FormatError(.invalidArgument, "one argument is needed: the directory")
}
let root = CommandLine.arguments[1]
for directory in [root, root + "/v1", root + "/v1/valid", root + "/v1/invalid"] {
  try System.makeDirectory(directory)
}
try ValidFixtures(directory: root + "/v1/valid").make()
try InvalidFixtures(directory: root + "/v1/invalid", valid: root + "/v1/valid").make()
