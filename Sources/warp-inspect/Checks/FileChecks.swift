// SPDX-License-Identifier: Apache-2.0
// Checks of the files as such: can they be opened, is there room, do they belong together.

import WarpFormat

struct PermissionsCheck: Check {
  static let name = "permissions"
  static let fine = "all files are this user's, mode 0600"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    facts.files.flatMap { file -> [Diagnosis] in
      let (status, name) = (file.status, JSON.quoted(file.path))
      var found: [Diagnosis] = []
      let mode = "0" + String(status.permissions, radix: 8)
      if status.permissions & 0o77 != 0 {
        found.append(
          Diagnosis(
            .error, "\(name) has mode \(mode): others could read or change it, so nobody opens it (insecureFile)",
            do: "chmod 600 \(name)"))
      } else if status.permissions != 0o600 {
        found.append(Diagnosis(.warning, "\(name) has mode \(mode), not 0600", do: "chmod 600 \(name)"))
      }
      if status.links > 1 {
        found.append(
          Diagnosis(
            .error, "\(name) has \(status.links) hard links: nobody opens it (insecureFile)",
            do: "remove the other name, or copy the file"))
      }
      if status.owner != facts.userID {
        found.append(
          Diagnosis(
            .note, "\(name) belongs to user \(status.owner), you are \(facts.userID): only that user can open it",
            do: "run doctor as that user to see its processes"))
      }
      return found
    }
  }
}

struct SpaceCheck: Check {
  /// Less than this is full: a run of slots can't be had any more.
  private static let little = 1 << 20

  static let name = "space"
  static let fine = "the file system has room for all that the store may still take"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let needed = max(0, facts.size - facts.allocated)
    let free = facts.space.free
    guard free < needed else { return [] }
    let text =
      "the file system has \(Numbers.grouped(free)) bytes left, the store may still take \(Numbers.grouped(needed))"
    let advice =
      "free space, mount a larger file system (containers: --shm-size), or lower capacity or maxValueSize"
    if free < min(needed, little) {
      return [
        Diagnosis(.error, text + ": it is full, sets of new keys evict others or fail with noSpace", do: advice)
      ]
    }
    return [
      Diagnosis(.warning, text + ": before the store is full, sets evict others or fail with noSpace", do: advice)
    ]
  }
}

struct LockCheck: Check {
  static let name = "lock file"
  static let fine = "it belongs to the data file and is of this boot"

  static func diagnose(_ facts: Examination) -> [Diagnosis] {
    let reopen = "open the store once with any program that may write: those who are attached then replace it"
    if let problem = facts.lockProblem {
      let text = "it does not belong to the data file (\(problem.rule): \(problem.message))"
      return [
        facts.isInUse
          ? Diagnosis(.error, text + ", but the store is in use: its users have mapped another one", do: reopen)
          : Diagnosis(.warning, text + "; the next opener makes a new one and counts from 0")
      ]
    }
    guard let isThisBoot = facts.lockIsOfThisBoot else {
      return [
        facts.isInUse
          ? Diagnosis(
            .error,
            "it is gone while the store is in use: its users go on with the one that they have mapped, new "
              + "ones fail with lockFileMissing or wait", do: reopen)
          : Diagnosis(.note, "there is none: the next opener makes one; nothing is known of the past use")
      ]
    }
    if isThisBoot { return [] }
    return [Diagnosis(.note, "it is of another boot: the next opener makes a new one and counts from 0")]
  }
}
