// SPDX-License-Identifier: Apache-2.0
// What a run of benchmarks has found: figures, gates, and what was not measured and why.
//
// A gate that was not evaluated is among the skipped, never among the gates.

/// One measured number.
struct Figure {
  let group: String
  let name: String
  var entries = 0
  var valueSize = 0
  var distribution = ""
  /// Per operation; 0 if it is no time.
  var nanoseconds = 0.0
  /// To the series' reference: under 1 is faster. Or, of figures that are no times, the number itself.
  let ratio: Double
  /// The 10th and the 90th percentile of the ratio.
  let low: Double
  let high: Double
  let runs: Int

  /// What a gate calls it by.
  var id: String {
    [
      name, entries > 0 ? Figure.count(entries) : "", valueSize > 0 ? Figure.size(valueSize) : "", distribution,
    ].filter { !$0.isEmpty }.joined(separator: ", ")
  }

  static func count(_ entries: Int) -> String {
    entries >= 1_000_000 ? "\(entries / 1_000_000)M" : entries >= 1000 ? "\(entries / 1000)k" : "\(entries)"
  }

  static func size(_ bytes: Int) -> String { bytes >= 1024 ? "\(bytes / 1024) KiB" : "\(bytes) B" }
}

/// A gate that was evaluated.
struct Verdict {
  let name: String
  let value: Double
  let limit: Double
  let ok: Bool
}

struct Skipped {
  let name: String
  let reason: String
}

/// Collects while the groups run.
final class Findings {
  private(set) var figures: [Figure] = []
  private(set) var skipped: [Skipped] = []
  /// What must not happen whatever the times are: variants that read different bytes, for instance.
  private(set) var faults: [String] = []

  func add(_ figure: Figure) { figures.append(figure) }
  func skip(_ name: String, _ reason: String) { skipped.append(Skipped(name: name, reason: reason)) }
  func fault(_ text: String) { faults.append(text) }

  func add(_ series: Series, _ timings: [Timing]) {
    for timing in timings where !timing.ratios.isEmpty {
      add(
        Figure(
          group: series.group, name: timing.name, entries: series.entries, valueSize: series.valueSize,
          distribution: series.distribution, nanoseconds: Percentile.median(timing.nanoseconds),
          ratio: Percentile.median(timing.ratios), low: Percentile.of(timing.ratios, 0.1),
          high: Percentile.of(timing.ratios, 0.9), runs: series.runs))
    }
  }

  /// Each gate of the groups that were asked for, if its figure is there; the others are skipped, with the reason that their
  /// group gave.
  func verdicts(of gates: [Gate]) -> [Verdict] {
    var verdicts: [Verdict] = []
    for gate in gates {
      guard let figure = figures.first(where: { $0.group == gate.group && $0.id == gate.figure }) else {
        let reason = skipped.first { $0.name == gate.group || gate.figure.hasPrefix($0.name) }?.reason
        if !skipped.contains(where: { $0.name == gate.name }) { skip(gate.name, reason ?? "not measured") }
        continue
      }
      verdicts.append(
        Verdict(
          name: gate.name, value: figure.ratio, limit: gate.limit.number, ok: gate.limit.holds(figure.ratio)))
    }
    return verdicts
  }
}
