// SPDX-License-Identifier: Apache-2.0
// How large a store should be: a hit-ratio curve, the room that each capacity takes, and what follows from both.
//
// The knee is where the curve rises farthest above the straight line between its ends, capacity on a linear scale
// (Satopää et al., "Finding a 'Kneedle' in a Haystack", 2011), if that is a fifth of the rise or more. Before it entries
// are cheap, behind it they are dear.

import WarpFormat
import WarpTrace

struct Advice {
  /// The trace or the store.
  let source: String
  let profile: TraceProfile
  /// By capacity, ascending.
  let points: [CurvePoint]
  /// nil: exact.
  let sampleSize: Int?
  /// The capacity in use or in mind.
  let current: Int?
  let target: Target?
  /// What entries take.
  let room: Room
  var sizes: ValueSizes?

  func with(_ sizes: ValueSizes?) -> Advice {
    var advice = self
    advice.sizes = sizes
    return advice
  }

  /// A hit ratio that is asked for, and the smallest capacity that was found to reach it.
  struct Target {
    let ratio: Double
    let point: CurvePoint?
  }

  /// A curve that rises less above its chord, as a part of the whole rise, has no knee.
  private static let leastHeight = 0.2

  var knee: CurvePoint? { Advice.knee(of: points) }

  static func knee(of points: [CurvePoint]) -> CurvePoint? {
    guard points.count >= 3, let first = points.first, let last = points.last else { return nil }
    let rise = last.hitRatio - first.hitRatio
    let run = Double(last.capacity - first.capacity)
    guard rise > 0, run > 0 else { return nil }
    func height(_ point: CurvePoint) -> Double {
      (point.hitRatio - first.hitRatio) / rise - Double(point.capacity - first.capacity) / run
    }
    return points.max { height($0) < height($1) }.flatMap { height($0) >= leastHeight ? $0 : nil }
  }

  private func point(at capacity: Int) -> CurvePoint? { points.first { $0.capacity == capacity } }

  // MARK: Sentences

  /// What the curve is made from.
  var basis: String {
    let about = profile.isExact ? "" : "about "
    let time = profile.seconds.map { " over \(Numbers.duration(Int64($0) * 1_000_000_000))" } ?? ""
    let how =
      sampleSize.map { "sizes over \(Numbers.grouped($0)) in miniature, with a part of the keys" }
      ?? "every size with all keys"
    return
      "\(Numbers.grouped(profile.requests)) requests for \(about)\(Numbers.grouped(profile.keys)) keys\(time); \(how)."
  }

  /// What to do, the most important first.
  var sentences: [String] {
    let now = current.flatMap(point)
    var sentences: [String] = []
    if let now { sentences.append(sentence(now, nil, note: "now")) }
    if let target {
      if let point = target.point {
        sentences.append(sentence(point, now, note: "the least that reaches \(Numbers.percent(target.ratio))"))
      } else {
        let most = points.map(\.hitRatio).max() ?? 0
        sentences.append(
          "\(Numbers.percent(target.ratio)) is out of reach: the largest size here has \(Numbers.percent(most)).")
      }
    }
    if knee == nil, points.count >= 3 {
      sentences.append("The curve has no knee: the hit ratio rises evenly with the capacity, or not at all.")
    } else if let knee, knee.capacity != now?.capacity {
      sentences.append(sentence(knee, now, note: "the knee"))
    }
    // What more than the knee, or more than there is, would bring.
    let base = [knee, now].compactMap { $0 }.max { $0.capacity < $1.capacity }
    if let base, let more = points.first(where: { $0.capacity >= 2 * base.capacity }) {
      sentences.append(sentence(more, base, note: base.capacity == now?.capacity ? "more" : "beyond the knee"))
    }
    return sentences
  }

  /// "capacity 120,000: 94.1 %, +6.3 points for 38 MB".
  private func sentence(_ point: CurvePoint, _ base: CurvePoint?, note: String) -> String {
    var text = "capacity \(Numbers.grouped(point.capacity)) (\(note)): \(Numbers.percent(point.hitRatio))"
    guard let size = room.size(of: point.capacity) else { return text + ", more than a store can hold" }
    guard let base, let less = room.size(of: base.capacity) else { return text + " in \(Numbers.bytes(size))" }
    let gain = point.hitRatio - base.hitRatio
    text += ", \(gain < 0 ? "-" : "+")\(Numbers.tenths(abs(gain) * 100)) points "
    text += size < less ? "and \(Numbers.bytes(less - size)) less" : "for \(Numbers.bytes(size - less))"
    return text + (base.capacity == current ? "" : " over capacity \(Numbers.grouped(base.capacity))")
  }
}

/// What a store takes of memory, by the geometry of its two files.
struct Room {
  let maxKeySize: Int
  let maxValueSize: Int

  /// Bytes of data and lock file when all slots are taken; nil if there can be no such store.
  func size(of capacity: Int) -> Int? {
    let parameters = Parameters(capacity: capacity, maxKeySize: maxKeySize, maxValueSize: maxValueSize)
    guard let geometry = try? Geometry(parameters) else { return nil }
    return geometry.fileSize + LockGeometry(geometry).fileSize
  }

  /// From one slot to the next.
  var stride: Int? {
    (try? Geometry(Parameters(capacity: 1, maxKeySize: maxKeySize, maxValueSize: maxValueSize)))?.slotStride
  }
}

/// What a smaller maximum value size would leave out and save.
struct ValueSizes {
  struct Step {
    let part: Double
    let size: Int
    /// Of the memory that values of any size take; 0 to 1.
    let memory: Double
  }

  let histogram: SizeHistogram
  /// "requests" or "entries".
  let unit: String
  let steps: [Step]

  static let parts = [0.5, 0.9, 0.95, 0.99, 0.999, 1]
  /// The part that may decide: the hundredth value that is left out costs one hit in a hundred at most.
  private static let decisive = 0.99

  /// The maximum that the steps are compared with.
  let whole: Int

  /// - Parameters:
  ///   - whole: the maximum value size that the steps are compared with; at least the largest value.
  ///   - capacity: at which memory is compared.
  init?(_ histogram: SizeHistogram, unit: String, whole: Int, maxKeySize: Int, capacity: Int) {
    guard histogram.total > 0 else { return nil }
    self.histogram = histogram
    self.unit = unit
    self.whole = whole
    let memoryOfWhole = Room(maxKeySize: maxKeySize, maxValueSize: whole).size(of: capacity)
    steps = ValueSizes.parts.map { part in
      let least = histogram.size(covering: part)
      var size = least
      // The rest of the last 64 bytes of a slot is there anyway.
      if let stride = Room(maxKeySize: maxKeySize, maxValueSize: least).stride {
        size = min(whole, stride - SlotFields.structure.size - (maxKeySize + 7) / 8 * 8)
      }
      let memory = Room(maxKeySize: maxKeySize, maxValueSize: size).size(of: capacity)
      guard let memory, let memoryOfWhole else { return Step(part: part, size: size, memory: 1) }
      return Step(part: part, size: size, memory: Double(memory) / Double(memoryOfWhole))
    }
  }

  /// "1,216 bytes keep 99 % of requests in a quarter of the memory".
  var sentence: String? {
    guard let step = steps.first(where: { $0.part == ValueSizes.decisive }) else { return nil }
    guard step.memory < 0.9 else {
      return "maximum value size: \(Numbers.grouped(whole)) bytes; a smaller one saves little"
    }
    return "maximum value size: \(Numbers.grouped(step.size)) bytes keep 99 % of \(unit) in "
      + "\(ValueSizes.words(step.memory)) of the memory that \(Numbers.grouped(whole)) bytes take"
  }

  static func words(_ part: Double) -> String {
    let fractions = [
      ("half", 1.0 / 2), ("a third", 1.0 / 3), ("a quarter", 1.0 / 4), ("a fifth", 0.2), ("a tenth", 0.1),
    ]
    let near = fractions.first { abs($0.1 - part) <= 0.05 * $0.1 }
    return near?.0 ?? (part < 0.1 ? Numbers.percent(part) : "\(Int((part * 100).rounded())) %")
  }
}
