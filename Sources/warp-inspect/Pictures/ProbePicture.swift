// SPDX-License-Identifier: Apache-2.0
// How far entries sit from their home buckets, as a drawing: a bar for each distance, and the mean beside that of
// random hashes.

import WarpFormat

/// For a file of its own or for a page.
func probePicture(_ occupancy: Occupancy) -> SVG {
  let (width, height, left, bottom, top) = (960, 300, 64.0, 250.0, 72.0)
  let probes = occupancy.probes
  var svg = SVG(width: width, height: height, title: "Probe lengths of \(occupancy.path)")
  svg.text(24, 30, "Probe lengths", size: 18, bold: true)
  let load = "load \(Numbers.hundredths(probes.load))"
  svg.text(
    170, 30,
    "buckets from home to entry: mean \(Numbers.hundredths(probes.mean)), longest \(probes.longest); \(load), "
      + "random hashes: \(Numbers.hundredths(probes.expectedMean))", .faint, size: 13)
  let shown = max(8, min(probes.longest + 1, Format.probeLimit))
  let most = Double(max(1, probes.lengths.max() ?? 1, probes.beyond))
  let step = (Double(width) - left - 24) / Double(shown + (probes.beyond > 0 ? 1 : 0))
  for part in [0.25, 0.5, 0.75, 1] {
    let y = bottom - part * (bottom - top)
    svg.line([(left, y), (Double(width) - 24, y)], .free)
    svg.text(left - 8, y + 4, Numbers.grouped(Int(most * part)), .faint, size: 11, anchor: .end)
  }
  func bar(_ place: Int, _ count: Int, _ tone: Tone, _ name: String) {
    let x = left + Double(place) * step + step * 0.1
    if count > 0 {
      let tall = max(1, Double(count) / most * (bottom - top))
      let share = Numbers.tenths(Double(count) / Double(max(1, probes.entries)) * 100)
      svg.rectangle(
        x, bottom - tall, step * 0.8, tall, tone, radius: min(3, step * 0.2),
        tip: "\(name): \(Numbers.grouped(count)) entries, \(share) %")
      if step >= 44 {
        svg.text(x + step * 0.4, bottom - tall - 6, Numbers.grouped(count), .strong, size: 11, anchor: .middle)
      }
    }
    if step >= 18 || place % 8 == 0 || tone == .bad {
      svg.text(x + step * 0.4, bottom + 16, name, .faint, size: 11, anchor: .middle)
    }
  }
  for distance in 0..<shown { bar(distance, probes.lengths[distance], .live, "\(distance)") }
  if probes.beyond > 0 { bar(shown, probes.beyond, .bad, "too far") }
  svg.line([(left, bottom), (Double(width) - 24, bottom)], .faint)
  if probes.entries > 0 {
    let x = left + (probes.mean + 0.5) * step
    svg.circle(x, bottom, radius: 5, .hand, tip: "mean \(Numbers.hundredths(probes.mean))")
    svg.circle(Double(width) - 74, 26, radius: 5, .hand)
    svg.text(Double(width) - 62, 30, "mean", .strong, size: 12)
  }
  svg.text((left + Double(width) - 24) / 2, bottom + 36, "distance in buckets", .faint, size: 12, anchor: .middle)
  return svg
}
