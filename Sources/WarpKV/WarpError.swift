// SPDX-License-Identifier: Apache-2.0
// The errors of the product are the errors of the format: one type, one set of codes.

public import WarpFormat

/// Every error that WarpKV throws; see ``FormatError/Code`` for what may go wrong.
public typealias WarpError = FormatError
