// SPDX-License-Identifier: Apache-2.0
// The tables of a report: who is attached, the shards, the counters, and what was fixed when the store was made.

import WarpFormat

extension ReportPage {
  /// Rows of a table that a person still reads.
  private static let mostRows = 64

  func addTables(_ page: inout Page) {
    addHandles(&page)
    addShards(&page)
    addCounters(&page)
    page.section("Parameters", "Fixed when the store was made; the names are those of SPEC.md 5.1.")
    page.table(
      .init(
        columns: [
          .init(name: "field", definition: ""), .init(name: "value", definition: ""),
          .init(name: "what it is", definition: ""),
        ],
        rows: HeaderFields.structure.fields.map { field in
          [
            field.name, FieldText.text(field, facts.image.headerPage),
            FieldMeaning.text(field, of: HeaderFields.structure),
          ]
        }))
  }

  private func addHandles(_ page: inout Page) {
    guard let handles = facts.handles, !handles.occupation.handles.isEmpty else { return }
    page.section("Attached", "Handles that may write. Read-only ones are not registered.")
    let rows = handles.occupation.handles.prefix(ReportPage.mostRows).map { handle in
      let operations = handles.operations(of: handle)
      return [
        "\(handle.pid)", handle.name?.plain ?? "?", "\(handle.state)", handle.age.map(Numbers.duration) ?? "?",
        (operations.isExact ? "" : "at most ") + Numbers.grouped(operations.count),
        handles.occupation.shards(of: handle).map(String.init).joined(separator: ", "),
        "\(handles.occupation.computations(of: handle))",
      ]
    }
    page.table(
      .init(
        columns: [
          .init(name: "pid", definition: "number of the process in its own PID namespace", isNumber: true),
          .init(name: "name", definition: "what the process calls itself; ? if it can't be seen"),
          .init(
            name: "state",
            definition:
              "alive, stopped, dead (the next writer takes its shards over), elsewhere (another PID namespace), "
              + "unlocked (it closed its files)"),
          .init(name: "since", definition: "how long ago it attached", isNumber: true),
          .init(
            name: "operations",
            definition: "gets, sets and removals; at most, where others had the same stripe of counters",
            isNumber: true),
          .init(name: "holds", definition: "shards that it owned at this moment"),
          .init(name: "computes", definition: "keys whose value it computes for all", isNumber: true),
        ], rows: Array(rows)))
    addRest(handles.occupation.handles.count, &page)
  }

  private func addShards(_ page: inout Page) {
    page.section("Shards", "A key's hash chooses its shard; each has its own table, slots, queue and hand.")
    let rows = occupancy.shards.prefix(ReportPage.mostRows).map { shard in
      [
        "\(shard.index)", Numbers.grouped(shard.tally.entries), Numbers.grouped(shard.tally[.visited]),
        Numbers.grouped(shard.tally[.expired]), Numbers.grouped(shard.tally[.free]),
        Numbers.grouped(shard.tally[.unused]), shard.hand == 0 ? "at the oldest" : Numbers.grouped(shard.hand),
        Numbers.hundredths(shard.probes.mean), "\(shard.probes.longest)",
      ]
    }
    page.table(
      .init(
        columns: [
          .init(name: "shard", definition: "its number, from 0", isNumber: true),
          .init(name: "entries", definition: "entries that are not expired", isNumber: true),
          .init(name: "visited", definition: "of them, read since the hand passed", isNumber: true),
          .init(name: "expired", definition: "entries whose deadline has passed", isNumber: true),
          .init(name: "given back", definition: "slots on the free list", isNumber: true),
          .init(name: "never used", definition: "slots that have never held anything", isNumber: true),
          .init(name: "hand", definition: "slot at which SIEVE goes on looking for a victim", isNumber: true),
          .init(name: "mean probe", definition: "mean of the probe lengths, in buckets", isNumber: true),
          .init(name: "longest", definition: "the longest of them", isNumber: true),
        ], rows: Array(rows)))
    addRest(occupancy.shards.count, &page)
  }

  private func addCounters(_ page: inout Page) {
    guard let counters = facts.counters else { return }
    page.section(
      "Counters", "Of all processes since the last reset; they are in the lock file and start anew with it.")
    page.table(
      .init(
        columns: [
          .init(name: "counter", definition: ""), .init(name: "value", definition: "", isNumber: true),
          .init(name: "what it counts", definition: ""),
        ],
        rows: Counter.allCases.map { counter in
          let value =
            counter == .loadNanoseconds
            ? Numbers.duration(Int64(clamping: counters[counter])) : Numbers.grouped(counters[counter])
          return ["\(counter)", value, FieldMeaning.text(counter.field, of: CounterFields.structure)]
        }))
  }

  private func addRest(_ count: Int, _ page: inout Page) {
    guard count > ReportPage.mostRows else { return }
    page.paragraph("And \(Numbers.grouped(count - ReportPage.mostRows)) more.", .faint)
  }
}
