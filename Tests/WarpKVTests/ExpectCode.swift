// SPDX-License-Identifier: Apache-2.0
// Errors as the tests expect them: the code, and a message worth reading.

import Testing
import WarpFormat

/// Runs `body`, which must fail with this code and a message; returns the error for a closer look.
@discardableResult
func expectCode(
  _ code: FormatError.Code, _ comment: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) -> FormatError? {
  do {
    try body()
    Issue.record("no error instead of \(code) \(comment)", sourceLocation: sourceLocation)
  } catch let error as FormatError {
    #expect(error.code == code, "\(error) \(comment)", sourceLocation: sourceLocation)
    #expect(error.message.count > 10, "\(error)", sourceLocation: sourceLocation)
    return error
  } catch {
    Issue.record("\(error)", sourceLocation: sourceLocation)
  }
  return nil
}
