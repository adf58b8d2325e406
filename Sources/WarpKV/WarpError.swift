// SPDX-License-Identifier: Apache-2.0
// The errors of the product are the errors of the format: one type, one set of codes.

public import WarpFormat

/// Every error that WarpKV throws; its `code` is one of `FormatError.Code`, and says what went wrong.
///
/// `message` says what to do; `path`, `field`, byte `offset`, `rule` (its id in SPEC.md) and `errno` are there where they apply.
public typealias WarpError = FormatError
