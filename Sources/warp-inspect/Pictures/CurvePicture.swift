// SPDX-License-Identifier: Apache-2.0
// The hit-ratio curve as a drawing, for a file of its own or for a page.

import WarpTrace

/// Capacity to the right on a logarithmic scale, hit ratio upwards; the knee and the current capacity are marked, and
/// each simulated size is a dot that says what it is.
func curvePicture(_ advice: Advice) -> SVG {
  let (width, height) = (720.0, 360.0)
  let (left, right, top, bottom) = (64.0, 24.0, 44.0, 56.0)
  var picture = SVG(width: Int(width), height: Int(height), title: "Hit ratio by capacity")
  picture.text(left, 24, "Hit ratio by capacity", .strong, size: 15, bold: true)
  guard let scale = CurveScale(advice.points) else { return picture }
  func x(_ capacity: Int) -> Double { left + scale.x(capacity) * (width - left - right) }
  func y(_ ratio: Double) -> Double { height - bottom - scale.y(ratio) * (height - top - bottom) }
  let tenths = Int((scale.low * 10).rounded())...Int((scale.high * 10).rounded())
  for tenth in tenths where tenths.count <= 6 || (tenth - tenths.lowerBound) % 2 == 0 {
    let ratio = Double(tenth) / 10
    picture.line([(left, y(ratio)), (width - right, y(ratio))], .free)
    picture.text(left - 8, y(ratio) + 4, "\(tenth * 10) %", .faint, anchor: .end)
  }
  for place in stride(from: 0.0, through: 1, by: 0.25) {
    let at = left + place * (width - left - right)
    let anchor: SVG.Anchor = place == 0 ? .start : place == 1 ? .end : .middle
    let capacity =
      place == 0
      ? advice.points[0].capacity
      : place == 1 ? advice.points[advice.points.count - 1].capacity : scale.capacity(at: place)
    picture.line([(at, height - bottom), (at, height - bottom + 5)], .faint)
    picture.text(at, height - bottom + 20, Numbers.grouped(capacity), .faint, anchor: anchor)
  }
  picture.text((left + width - right) / 2, height - 12, "entries, logarithmic", .faint, anchor: .middle)
  picture.line(advice.points.map { (x($0.capacity), y($0.hitRatio)) }, .first, width: 2)
  for point in advice.points {
    let memory = advice.room.size(of: point.capacity).map { ", " + Numbers.bytes($0) } ?? ""
    picture.circle(
      x(point.capacity), y(point.hitRatio), radius: 3, .first,
      tip: "\(Numbers.grouped(point.capacity)) entries: \(Numbers.percent(point.hitRatio))\(memory)")
  }
  /// A line down to the axis, and a name at its upper end on the side that has more room.
  func mark(_ point: CurvePoint, _ name: String, _ tone: Tone, line: Double) {
    let isLeft = scale.x(point.capacity) > 0.6
    picture.line([(x(point.capacity), top), (x(point.capacity), height - bottom)], tone, dash: "4 3")
    picture.circle(x(point.capacity), y(point.hitRatio), radius: 5, tone)
    picture.text(
      x(point.capacity) + (isLeft ? -8 : 8), line,
      "\(name): \(Numbers.grouped(point.capacity)), \(Numbers.percent(point.hitRatio))", tone,
      anchor: isLeft ? .end : .start)
  }
  if let knee = advice.knee { mark(knee, "knee", .good, line: height - bottom - 26) }
  if let now = advice.points.first(where: { $0.capacity == advice.current }) {
    mark(now, "now", .hand, line: height - bottom - 10)
  }
  return picture
}
