// SPDX-License-Identifier: Apache-2.0
// What `warp-inspect doctor` is made of: checks, each of which looks at the same facts and says what is not well.
//
// A check reads no file and asks no system; the facts are in Examination.swift. So each can be tested with made-up ones.

/// How bad it is; a monitor's words.
enum Severity: Int, Comparable, CaseIterable {
  case ok, note, warning, error

  static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }

  var tone: Tone {
    switch self {
    case .ok: .good
    case .note: .faint
    case .warning: .warning
    case .error: .bad
    }
  }

  /// Of the process: that of a monitor's plug-in.
  var status: Int32 {
    switch self {
    case .ok, .note: 0
    case .warning: 1
    case .error: 2
    }
  }
}

/// One thing that a check has to say.
struct Diagnosis {
  let severity: Severity
  /// What is so, and what it means.
  let text: String
  /// A command or a setting.
  let advice: String?

  init(_ severity: Severity, _ text: String, do advice: String? = nil) {
    (self.severity, self.text, self.advice) = (severity, text, advice)
  }
}

/// One question that is asked about a store.
protocol Check {
  /// One word.
  static var name: String { get }
  /// What is so if there is nothing to say.
  static var fine: String { get }
  /// Empty: all is well.
  static func diagnose(_ facts: Examination) -> [Diagnosis]
}

enum Checks {
  /// In the order of the screen: can it be opened, is it sound, who is there, what is in it, how is it used.
  static var all: [any Check.Type] {
    [
      PermissionsCheck.self, SpaceCheck.self, RulesCheck.self, StateCheck.self, LockCheck.self,
      OwnersCheck.self, RegistryCheck.self,
      DeadlinesCheck.self, ExpiredCheck.self, ProbesCheck.self, SlotsCheck.self, CompressionCheck.self,
      CapacityCheck.self, OversizeCheck.self, ContentionCheck.self, FailuresCheck.self,
    ]
  }

  static func diagnose(_ facts: Examination) -> [(check: any Check.Type, diagnosis: Diagnosis)] {
    all.flatMap { check in
      let found = check.diagnose(facts)
      return (found.isEmpty ? [Diagnosis(.ok, check.fine)] : found).map { (check, $0) }
    }
  }
}
