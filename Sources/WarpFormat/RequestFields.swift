// SPDX-License-Identifier: Apache-2.0
// The field tables of the record of requests (SPEC.md §5.9), the part of a lock file that only some have.

/// The first bytes of the record; the cells follow.
public enum RecordFields {
  /// Requests recorded since the lock file was made: the number of the next one.
  public static var position: Field { Field("position", 0, 8) }

  public static var structure: Structure { Structure(name: "Request record", size: 64, fields: [position]) }
}

/// One recorded request.
public enum RequestFields {
  public static var hash: Field { Field("hash", 0, 8, .hex) }
  public static var time: Field { Field("time", 8, 8, .nanoseconds) }
  /// Bytes of the stored value.
  public static var size: Field { Field("size", 16, 4) }
  /// Seconds.
  public static var lifetime: Field { Field("lifetime", 20, 4) }
  public static var kind: Field { Field("kind", 24, 4) }
  /// Depends on the request's number, so that a cell that was half overwritten, or not yet, is seen.
  public static var check: Field { Field("check", 28, 4, .hex) }

  public static var structure: Structure {
    Structure(name: "Request cell", size: 32, fields: [hash, time, size, lifetime, kind, check])
  }
}
