// SPDX-License-Identifier: Apache-2.0
// Checks of the store as a whole and of who takes part in it.

import WarpFormat

struct RulesCheck: Check {
  /// Rules that are named.
  private static let mostRules = 6

  static let name = "rules"
  static let fine = "no rule of the format is broken"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    var found: [Diagnosis] = []
    let (count, path) = (facts.summary.findings, JSON.quoted(facts.path))
    if count > 0, let first = facts.findings.first {
      var rules: [String] = []
      for finding in facts.findings where !rules.contains(finding.rule) { rules.append(finding.rule) }
      let names = rules.prefix(mostRules).joined(separator: ", ")
      found.append(
        Diagnosis(
          .error,
          "\(count) finding\(count == 1 ? "" : "s") (\(names)\(rules.count > mostRules ? ", ..." : "")); the first at "
            + "\(first.offset): \(first.message). The file was damaged, or written by a program with a fault",
          do: "see all: warp-inspect verify \(path); then stop its users and delete the store, or repair a copy"))
    }
    let unstable = facts.summary.unstable.count
    if unstable > 0 {
      found.append(
        Diagnosis(
          .note, "\(unstable) of \(facts.summary.shards) shards never held still, so their links were not checked",
          do: "look again, or watch it: warp-inspect verify --follow \(path)"))
    }
    return found
  }
}

struct StateCheck: Check {
  static let name = "state"
  static let fine = "it is the current store, and of this boot"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    var found: [Diagnosis] = []
    switch facts.superseded {
    case Format.supersededCurrent: break
    case Format.supersededLockLost:
      found.append(
        Diagnosis(
          .warning, "it is marked for a new lock file, and none of its users has made one yet",
          do: "any set of a program that is attached does it; else restart those programs"))
    default:
      found.append(
        Diagnosis(
          .warning,
          "it is marked as deleted or replaced, but its name still leads to it: that is under way, or whoever "
            + "did it died", do: "nothing: the next writer takes the mark back"))
    }
    if !facts.hasClock {
      found.append(
        Diagnosis(
          .error, "it has no valid clock record, so nobody can open it (corruptState)", do: "delete the store"))
    } else if !facts.isThisBoot {
      found.append(
        facts.isLeftClean
          ? Diagnosis(.note, "it is of another boot and was left clean: the next opener goes on with it")
          : Diagnosis(
            .warning, "it is of another boot and was not left clean: the next opener that may write starts empty",
            do: "nothing, if losing the cache's contents is no harm; else close stores before the machine goes down"
          ))
    }
    return found
  }
}

struct OwnersCheck: Check {
  /// Numbers of shards and processes that are named.
  private static let most = 8

  static let name = "owners"
  static let fine = "no shard is kept by a process that does not run"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    var found: [Diagnosis] = []
    let dead = facts.occupation.owners.filter { $0.state == .dead }
    if !dead.isEmpty {
      found.append(
        Diagnosis(
          .warning,
          "\(shards(dead)): owned by a dead process. Its last write is undone or finished by the next writer; "
            + "until then gets there may miss", do: "set or remove any key there; no restart is needed"))
    }
    let stopped = facts.occupation.owners.filter { $0.state == .stopped }
    if !stopped.isEmpty {
      found.append(
        Diagnosis(
          .error,
          "\(shards(stopped)): owned by a stopped process (\(pids(stopped.compactMap(\.handle)))): sets there "
            + "fail with busy until it goes on",
          do: "let it run (kill -CONT, thaw its group) or end it (kill -KILL)"))
    }
    return found
  }

  private static func shards(_ owners: [OwnerImage]) -> String {
    let numbers = owners.prefix(most).map { "\($0.shard)" }.joined(separator: ", ")
    return (owners.count == 1 ? "shard " : "shards ") + numbers + (owners.count > most ? ", ..." : "")
  }

  static func pids(_ handles: [HandleImage]) -> String {
    var pids: [UInt32] = []
    for handle in handles where !pids.contains(handle.pid) { pids.append(handle.pid) }
    return "pid " + pids.prefix(most).map(String.init).joined(separator: ", ") + (pids.count > most ? ", ..." : "")
  }
}

struct RegistryCheck: Check {
  /// Of all entries; above this the next programs may not get one.
  private static let nearlyFull = 0.9

  static let name = "registry"
  static let fine = "everyone who is registered lives and holds its lock"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    var found: [Diagnosis] = []
    let handles = facts.occupation.handles
    let used = Double(handles.count) / Double(Format.registryEntries)
    if used >= nearlyFull {
      found.append(
        Diagnosis(
          used >= 1 ? .error : .warning,
          "\(handles.count) of \(Format.registryEntries) entries are taken: the next handles fail with tooManyProcesses",
          do: "open one handle for each process and share it between threads; open read-only where nothing is set"))
    }
    func add(_ state: HandleImage.State, _ severity: Severity, _ text: String, _ advice: String) {
      let these = handles.filter { $0.state == state }
      guard !these.isEmpty else { return }
      let entries = these.count == 1 ? "1 entry" : "\(these.count) entries"
      found.append(Diagnosis(severity, "\(entries) \(text) (\(OwnersCheck.pids(these)))", do: advice))
    }
    add(.dead, .note, "of dead processes", "nothing: new handles take them over; end programs with close()")
    add(.stopped, .warning, "of stopped processes", "let them run (kill -CONT, thaw the group) or end them")
    add(
      .unlocked, .warning, "of living processes that do not hold their lock: they closed the store's descriptors",
      "look for a loop that closes all descriptors in those programs")
    return found
  }
}
