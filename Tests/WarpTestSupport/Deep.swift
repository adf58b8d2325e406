// SPDX-License-Identifier: Apache-2.0
// How much a test may take: `make check` runs a sample, `make check-deep` everything.

import WarpFormat

public enum Deep {
  /// Whether WARP_DEEP is set.
  public static let isOn = System.environment("WARP_DEEP") != nil
  /// Whether WARP_HOSTILE is set: every command on every hostile file, which takes most of an hour.
  public static let isHostile = System.environment("WARP_HOSTILE") != nil
}
