// SPDX-License-Identifier: Apache-2.0
// The program: runs the groups that are asked for, prints what it finds, and judges it by the gates.

import ArgumentParser

@main
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "How fast WarpKV is: against the same steps in C, and against what its users could pick instead.",
    discussion: """
      Every figure is a ratio from one process and one run: the variants take turns on chunks of one recorded stream, by \
      thread CPU time, at least five runs, medians. Times in nanoseconds mean something only within one table of one run.

      swift run -c release compare                     everything; takes half an hour
      swift run -c release compare --quick             every gate, in at most 10 minutes
      swift run -c release compare --only get --only put
      swift run -c release compare --quick --json figures.json --svg ../docs/pictures
      swift run -c release compare --check             is the C code a store's honest user? (a minute; no figures)

      Exit status: 0 if all gates that were evaluated hold, 1 if one does not or variants disagree, 64 for wrong usage.
      """,
    subcommands: [Worker.self])

  @Option(help: ArgumentHelp("Write the figures, the gates and what was skipped to a file.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Draw charts of the figures into a directory.", valueName: "directory"))
  var svg: String?

  @Option(help: ArgumentHelp("Run this group; may be given several times.", valueName: "group"))
  var only: [String] = []

  @Flag(help: "Only what a gate needs.")
  var quick = false

  @Flag(help: "Name the groups and the gates, and run nothing.")
  var list = false

  @Flag(help: "Check the C code against the fixtures, and against the library on the same stream.")
  var check = false

  func validate() throws {
    for name in only where !BenchGroup.all.contains(where: { $0.name == name }) {
      throw ValidationError(
        "there is no group \(name): \(BenchGroup.all.map(\.name).joined(separator: ", "))")
    }
  }

  func run() throws {
    if list { return printList() }
    Interrupt.watch()
    let session = try Session(isQuick: quick)
    defer { session.scratch.remove() }
    if check { return try Check.run(session) }
    let machine = Machine()
    print(Tables.machine(machine))
    if machine.isBusy { print("The machine is busy with other work: these figures are worth little.") }
    let groups = BenchGroup.all.filter { only.isEmpty || only.contains($0.name) }
    for group in groups where !Interrupt.isRaised { run(group, session) }
    guard !Interrupt.isRaised else { throw ExitCode(130) }
    let gates = Gate.all.filter { gate in groups.contains { $0.name == gate.group } }
    let verdicts = session.findings.verdicts(of: gates)
    print("\n" + Tables.gates(gates, verdicts))
    if !session.findings.skipped.isEmpty { print("\n" + Tables.skipped(session.findings.skipped)) }
    for fault in session.findings.faults { print("FAULT: \(fault)") }
    if let json { try Files.write(JSON.text(machine, session.findings, verdicts, isQuick: quick), to: json) }
    if let svg { try Charts.write(session.findings, to: svg) }
    if verdicts.contains(where: { !$0.ok }) || !session.findings.faults.isEmpty { throw ExitCode(1) }
  }

  private func run(_ group: BenchGroup, _ session: Session) {
    let before = session.findings.figures.count
    let begin = Clocks.now(.wall)
    print("\n== \(group.name): \(group.summary)")
    do {
      try group.run(session)
    } catch {
      session.findings.skip(group.name, "\(error)")
    }
    let figures = Array(session.findings.figures[before...])
    if !figures.isEmpty { print(Tables.figures(figures)) }
    print("== \(group.name): \((Clocks.now(.wall) - begin) / 1_000_000_000) s")
  }

  private func printList() {
    for group in BenchGroup.all {
      print(Decimal.padded(group.name, 12), group.summary)
      for gate in Gate.all where gate.group == group.name {
        print("    \(gate.limit.text)  \(gate.name)")
      }
    }
  }
}
