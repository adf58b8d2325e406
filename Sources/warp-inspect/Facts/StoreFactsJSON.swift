// SPDX-License-Identifier: Apache-2.0
// The facts of a store as a JSON object. Members are only ever added: programs read them.

import WarpFormat

extension StoreFacts {
  var json: JSON {
    let health = Health(self)
    return .object([
      ("path", .string(image.path)),
      ("header", .object(FieldText.members(HeaderFields.structure, image.headerPage))),
      ("features", .array(features.map { .string($0) })),
      ("state", .string(supersededText)),
      (
        "health",
        .object([
          ("word", .string("\(health.word)")), ("reasons", .array(health.reasons.map { .string($0) })),
        ])
      ),
      ("capacity", .number(image.geometry.capacity)),
      ("entries", .number(entries)),
      ("bytesUsed", .number(bytesUsed)),
      ("bytesAllocated", .number(status.allocated)),
      ("fileSize", .number(status.size)),
      ("hitRatio", hitRatio.map { .number("\($0)") } ?? .null),
      ("counters", countersJSON),
      ("writes", .number(writes)),
      ("age", ageJSON),
      ("survey", surveyJSON),
      ("deadlines", deadlinesJSON),
      ("compression", compressionJSON),
      ("clock", clockJSON),
      ("lock", lockJSON),
      ("lockProblem", image.lockProblem.map { .string($0.rule) } ?? .null),
      ("unstableShards", .number(unstable)),
      ("record", recordJSON),
    ])
  }

  static func seconds(_ nanoseconds: Int64?) -> JSON {
    nanoseconds.map { .number("\(Double($0) / 1e9)") } ?? .null
  }

  private var recordJSON: JSON {
    guard let record = image.lock?.geometry.record, let recorded else { return .null }
    return .object([
      ("position", .number(recorded)), ("cells", .number(record.cells)), ("oneKeyIn", .number(1 << record.shift)),
    ])
  }

  private var countersJSON: JSON {
    guard let counters else { return .null }
    return .object(Counter.allCases.map { ("\($0)", .number(counters[$0])) })
  }

  private var ageJSON: JSON {
    .object([
      ("oldestAtLeastSeconds", StoreFacts.seconds(age(ends.oldest))),
      ("newestSeconds", StoreFacts.seconds(age(ends.newest))),
    ])
  }

  private var surveyJSON: JSON {
    .object([
      ("usedSlots", .number(survey.usedSlots)), ("seenSlots", .number(survey.seenSlots)),
      ("seenEntries", .number(survey.entries)), ("exact", .bool(!survey.isSample)),
    ])
  }

  private var deadlinesJSON: JSON {
    .object([
      ("count", .number(estimate(survey.deadlines))),
      ("expired", now == nil ? .null : .number(estimate(survey.expired))),
      ("first", survey.firstDeadline.map { .number($0) } ?? .null),
      ("last", survey.lastDeadline.map { .number($0) } ?? .null),
    ])
  }

  private var compressionJSON: JSON {
    .object([
      ("zstd", .bool(image.header.usesZstd)),
      ("ratio", compressionRatio.map { .number("\($0)") } ?? .null),
      ("compressedEntries", .number(estimate(survey.compressed))),
      ("seenRawBytes", .number(survey.rawBytes)), ("seenStoredBytes", .number(survey.storedBytes)),
    ])
  }

  private var clockJSON: JSON {
    guard let clock else { return .null }
    return .object([
      ("generation", .number(clock.generation)), ("bootID", .string(FieldText.hex(clock.bootID))),
      ("base", .number(clock.base)), ("thisBoot", .bool(isThisBoot)),
    ])
  }

  private var lockJSON: JSON {
    guard let lock = image.lock, let handles else { return .null }
    return .object([
      ("bootID", .string(FieldText.hex(lock.header.bootID))),
      ("attached", handles.attachedJSON),
      ("owners", handles.ownersJSON),
      ("recoveries", .number(recoveries)),
    ])
  }
}
