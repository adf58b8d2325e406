// SPDX-License-Identifier: Apache-2.0
// How much a test may take: `make check` runs a sample, `make check-deep` everything.

import WarpFormat

public enum Deep {
  /// Whether WARP_DEEP is set.
  public static let isOn = System.environment("WARP_DEEP") != nil
}
