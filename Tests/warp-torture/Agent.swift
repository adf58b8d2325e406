// SPDX-License-Identifier: Apache-2.0
// A PID namespace of the run: a host process that leaves its own namespace and starts the first process of the new one,
// the agent, which starts, stops, kills and probes on command. Numbers of processes mean nothing outside their namespace,
// so nobody else can.
//
//   words   | side 0: command, answer, state, namespace, pids … 64 | side 1: … |
//
// A command is a serial number, what to do, and an argument in one word; its answer has the same serial number.

import ArgumentParser
import CTorture
import Glibc
import WarpFormat
import WarpKV

enum AgentCommand: UInt64 {
  /// Starts the worker of an index; the answer is its number.
  case spawn = 1
  /// Stops it; the answer comes when it stands still.
  case stop
  case resume
  /// Kills it and leaves it a zombie.
  case kill
  /// Waits for it.
  case reap
  /// A set in the shard of an index, again as long as it is busy; the answer is `done`, `busy` or `failed`.
  case probe
  /// One set there, which gives up as busy after 50 ms.
  case probeBriefly
  case quit
}

enum AgentAnswer {
  static let done: UInt64 = 1
  static let busy: UInt64 = 2
  static let failed: UInt64 = 3
}

enum AgentState {
  static let ready: UInt64 = 1
  /// The system does not let us make namespaces.
  static let notPermitted: UInt64 = 2
}

/// The words of one side.
struct AgentWords {
  static let size = 64

  private let words: SharedWords
  private let base: Int

  init(_ words: SharedWords, side: Int) {
    self.words = words
    base = side * AgentWords.size
  }

  var command: UInt64 {
    get { words.load(base) }
    nonmutating set { words.store(base, newValue) }
  }
  var answer: UInt64 {
    get { words.load(base + 1) }
    nonmutating set { words.store(base + 1, newValue) }
  }
  var state: UInt64 {
    get { words.load(base + 2) }
    nonmutating set { words.store(base + 2, newValue) }
  }
  /// The inode of its PID namespace.
  var namespace: UInt64 {
    get { words.load(base + 3) }
    nonmutating set { words.store(base + 3, newValue) }
  }
  /// Whether it has its own /proc.
  var hasOwnProc: UInt64 {
    get { words.load(base + 4) }
    nonmutating set { words.store(base + 4, newValue) }
  }

  /// Gives a command and waits for its answer.
  ///
  /// - Throws: `busy` after 90 s.
  func ask(_ what: AgentCommand, _ argument: Int = 0) throws -> UInt64 {
    let serial = (command >> 32) + 1
    command = serial << 32 | what.rawValue << 16 | UInt64(argument)
    let end = System.bootTime() + 90_000_000_000
    while answer >> 32 != serial {
      System.sleep(10_000)
      if System.bootTime() > end { throw FormatError(.busy, "no answer to \(what) \(argument)") }
    }
    return answer & 0xFFFF_FFFF
  }
}

/// Leaves the namespace and waits for the first process of the new one.
struct NamespaceHost: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "namespace-host-worker", shouldDisplay: false)

  @OptionGroup var options: KillOptions
  @Option var directory: String
  @Option var side: Int
  @Option var proc: String

  func run() throws {
    let words = AgentWords(try SharedWords(directory + "/agents"), side: side)
    guard torture_leave_namespaces(0) == 0 || torture_leave_namespaces(1) == 0 else {
      words.state = AgentState.notPermitted
      return
    }
    let agent = try Child(
      ["namespace-agent-worker", "--directory", directory, "--side", "\(side)", "--proc", proc]
        + options.arguments)
    guard agent.wait().isClean else { throw ExitCode.failure }
  }
}

/// The first process of a namespace.
struct NamespaceAgent: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "namespace-agent-worker", shouldDisplay: false)

  @OptionGroup var options: KillOptions
  @Option var directory: String
  @Option var side: Int
  @Option var proc: String

  func run() throws {
    let words = AgentWords(try SharedWords(directory + "/agents"), side: side)
    guard getpid() == 1 else { throw FormatError(.system, "it is not the first of its namespace") }
    if proc == "own", torture_mount_proc() == 0 { words.hasOwnProc = 1 }
    var info = stat()
    stat("/proc/self/ns/pid", &info)
    words.namespace = UInt64(info.st_ino)
    let path = directory + "/mixed.warp"
    var brief = options.configuration
    brief.writerWait = .milliseconds(50)
    let store = try SharedStore.open(path: path, options.configuration)
    let impatient = try SharedStore.open(path: path, brief)
    let probes = Probe.keys(store)
    var children: [Int: Child] = [:]
    var serial: UInt64 = 0
    words.state = AgentState.ready
    while true {
      let command = words.command
      guard command >> 32 != serial, let what = AgentCommand(rawValue: command >> 16 & 0xFFFF) else {
        System.sleep(20_000)
        continue
      }
      serial = command >> 32
      let index = Int(command & 0xFFFF)
      var answer = AgentAnswer.done
      switch what {
      case .spawn:
        // The same number on both sides and in each life, where the system lets us choose.
        Child.choose(NamespaceAgent.number(index))
        let child = try options.spawn(index, directory)
        children[index] = child
        answer = UInt64(child.id)
      case .stop: answer = children[index]?.stop() == true ? AgentAnswer.done : AgentAnswer.failed
      case .resume: children[index]?.resume()
      case .kill:
        children[index]?.send(SIGKILL)
        answer = children[index]?.awaitDeath() == true ? AgentAnswer.done : AgentAnswer.failed
      case .reap:
        let ending = children[index]?.wait(seconds: 10)
        answer = ending?.signal == SIGKILL || ending?.isClean == true ? AgentAnswer.done : AgentAnswer.failed
      case .probe: answer = probe { _ = try retryingBusy { try store.set(probes[index], to: [1]) } }
      case .probeBriefly: answer = probe { try impatient.set(probes[index], to: [1]) }
      case .quit:
        store.close()
        impatient.close()
      }
      words.answer = serial << 32 | answer
      if what == .quit { return }
    }
  }

  /// The number of a worker's process, on both sides the same and far from those in use.
  static func number(_ index: Int) -> pid_t { 20_000 + pid_t(index / 2) }

  private func probe(_ set: () throws -> Void) -> UInt64 {
    do {
      try set()
      return AgentAnswer.done
    } catch {
      if (error as? WarpError)?.code == .busy { return AgentAnswer.busy }
      System.explain("side \(side): \(error)\n")
      return AgentAnswer.failed
    }
  }
}
