// SPDX-License-Identifier: Apache-2.0
// Many caches in one pass against three others: the plain list of warp-replay, a store, and, sampled, the exact curve.

import ReplaySupport
import Testing
import WarpTestSupport
import WarpTrace

@testable import WarpFormat
@testable import WarpKV

/// Ids of which small ones come more often.
private func skewed(_ count: Int, keys: UInt64, seed: UInt64 = 1) -> [UInt64] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let draw = (state >> 33) % keys
    return draw * draw / keys * draw / keys
  }
}

private func trace(_ ids: [UInt64], in directory: String) throws -> Trace {
  let path = directory + "/t.u64"
  try TestFiles.write(path, ids.flatMap { id in (0..<8).map { UInt8(truncatingIfNeeded: id >> (8 * UInt64($0))) } })
  return try Trace.read(path)
}

@Suite struct SimulationTests {
  @Test func exactIsExactAtEverySize() throws {
    try withTemporaryDirectory { directory in
      let trace = try trace(skewed(30_000, keys: 2000), in: directory)
      let keys = KeyNumbers(trace)
      let capacities = [1, 2, 3, 7, 20, 100, 333, 1000, 1999, 5000]
      let simulation = Simulation(capacities: capacities, sampleSize: nil)
      try simulation.run(trace)
      #expect(
        simulation.points.map(\.misses) == capacities.map { ExactSieve.misses(trace, keys, capacity: $0) })
      #expect(simulation.points.allSatisfy { $0.rate == 1 && $0.taken == 30_000 })
      let last = try #require(simulation.points.last)
      #expect(last.hitRatio == 1 - Double(keys.uniques) / 30_000)
    }
  }

  @Test func theVectorOfTheSpecification() {
    let ids: [UInt64] = [1, 2, 3, 1, 2, 4, 1, 5, 2, 3, 6, 1, 4, 4, 5, 7, 1, 2, 3, 1, 8, 2, 9, 1, 3]
    let simulation = Simulation(capacities: [3], sampleSize: nil)
    var outcome = ""
    for id in ids {
      let before = simulation.points[0].misses
      simulation.get(id)
      outcome += simulation.points[0].misses > before ? "M" : "H"
    }
    #expect(outcome == "MMMHHMHMMMMHMHMMHMMHMMMHM")
  }

  @Test func smallerCachesAreExactAndMiniaturesAreNear() throws {
    try withTemporaryDirectory { directory in
      let trace = try trace(skewed(200_000, keys: 40_000), in: directory)
      let capacities = [200, 1000, 4000, 8000, 16_000]
      let exact = Simulation(capacities: capacities, sampleSize: nil)
      try exact.run(trace)
      let sampled = Simulation(capacities: capacities, sampleSize: 2000)
      try sampled.run(trace)
      #expect(sampled.points.map(\.rate).prefix(2) == [1, 1])
      #expect(sampled.points.map(\.misses).prefix(2) == exact.points.map(\.misses).prefix(2))
      #expect(abs(sampled.points[2].rate - 0.5) < 1e-9 && abs(sampled.points[4].rate - 0.125) < 1e-9)
      for (one, other) in zip(exact.points, sampled.points) {
        #expect(abs(one.hitRatio - other.hitRatio) < 0.02, "\(one) \(other)")
        #expect(other.taken <= one.taken)
      }
    }
  }

  /// With lifetimes, to the last miss what a store does: expiry, refills in place, the sweep.
  @Test(arguments: [5, 20, 60]) func aStoreWithLifetimesMissesTheSame(_ capacity: Int) throws {
    try withTemporaryDirectory { directory in
      let world = TestWorld()
      let store = try SharedStore.open(
        StoreFiles(path: directory + "/a.warp"),
        .init(capacity: capacity, maxKeySize: 8, maxValueSize: 8, shards: 1), world.environment)
      defer { store.close() }
      let simulation = Simulation(capacities: [capacity], sampleSize: nil)
      var time: UInt32 = 10
      var misses = 0
      for (index, id) in skewed(6000, keys: 100, seed: 7).enumerated() {
        if index % 3 == 0 {
          world.advance(nanoseconds: 1_000_000_000)
          time += 1
        }
        // Some live for ever.
        let timeToLive = UInt32(id % 4 == 0 ? 0 : 3 + id)
        let key = [UInt8(truncatingIfNeeded: id)]
        if try store.get(key) == nil {
          misses += 1
          try store.set(key, to: [1], timeToLive: timeToLive == 0 ? nil : .seconds(Int64(timeToLive)))
        }
        simulation.get(Mixing.mixed(id), time: time, timeToLive: timeToLive)
        if simulation.points[0].misses != misses {
          Issue.record("request \(index): \(simulation.points[0].misses) misses, the store has \(misses)")
          return
        }
      }
      #expect(try store.statistics().expirations > 0)
    }
  }

  @Test func setsAndRemovals() {
    let simulation = Simulation(capacities: [2], sampleSize: nil)
    func isHit(_ key: UInt64) -> Bool {
      let before = simulation.points[0].misses
      simulation.get(key)
      return simulation.points[0].misses == before
    }
    simulation.set(1)
    #expect(isHit(1))
    simulation.remove(1)
    simulation.remove(77)
    #expect(!isHit(1))
    // An update is a visit: 1 stays, 2 goes.
    simulation.set(1)
    simulation.set(2)
    simulation.set(3)
    #expect(isHit(1) && isHit(3) && !isHit(2))
    #expect(simulation.requests == 5)
  }

  @Test func lifetimesComeFromTheTraceOrTheCaller() throws {
    try withTemporaryDirectory { directory in
      let rows = "time_s,key,size_bytes,ttl_s\n0,1,5,10\n9,1,5,10\n10,1,5,10\n8,1,5,10\n30,1,5,0\n90,1,5,0\n"
      try TestFiles.write(directory + "/a.csv", Array(rows.utf8))
      let trace = try Trace.read(directory + "/a.csv")
      func misses(_ timeToLive: UInt32?) throws -> Int {
        let simulation = Simulation(capacities: [2], sampleSize: nil)
        try simulation.run(trace, timeToLive: timeToLive)
        return simulation.points[0].misses
      }
      // Set at 0, again at 10, where time stays when the trace steps back, and at 30 for ever.
      #expect(try misses(nil) == 3)
      #expect(try misses(1000) == 1)
      #expect(try misses(1) == 5)
      let profile = try TraceProfile(trace)
      #expect(profile.seconds == 90 && profile.keys == 1 && profile.sizes?.largest == 5)
    }
  }
}

@Suite struct CutTraceTests {
  @Test func aTraceThatIsCutMeanwhileIsAnError() throws {
    try withTemporaryDirectory { directory in
      let trace = try trace(skewed(5000, keys: 10), in: directory)
      let file = try System.open(directory + "/t.u64", .readWrite)
      try System.setSize(file, 8, directory)
      System.close(file)
      #expect { try TraceProfile(trace) } throws: { ($0 as? TraceError)?.code == .traceTruncated }
      let simulation = Simulation(capacities: [2], sampleSize: nil)
      #expect(throws: TraceError.self) { try simulation.run(trace) }
    }
  }
}

@Suite struct KeyTableTests {
  @Test func itAgreesWithADictionary() {
    let table = KeyTable()
    var model: [UInt64: Int] = [:]
    for (step, id) in skewed(40_000, keys: 900, seed: 3).enumerated() {
      // Neighbours in the table, and 0, which is a hash like others.
      let hash = id < 450 ? id : Mixing.mixed(id)
      if step % 3 == 2 {
        table.remove(hash)
        model[hash] = nil
      } else {
        let (row, isNew) = table.insert(hash)
        #expect(isNew == (model[hash] == nil))
        if let known = model[hash] { #expect(known == row) }
        model[hash] = row
      }
    }
    #expect(table.count == model.count && table.rows <= 900)
    for (hash, row) in model { #expect(table.row(of: hash) == row) }
    #expect(Set(model.values).count == model.count)
  }

  @Test func theCensusIsExactAtFirstAndNearLater() {
    var census = KeyCensus(most: 4096)
    for id in 0..<4000 as Range<UInt64> { for _ in 0..<2 { census.add(Mixing.mixed(id)) } }
    #expect(census.isExact && census.count == 4000)
    for id in 4000..<100_000 as Range<UInt64> { census.add(Mixing.mixed(id)) }
    #expect(!census.isExact && census.sampled <= 4096)
    // Four standard errors of a sample of 2048 or more.
    #expect(abs(census.count - 100_000) < 9000, "\(census.count)")
  }
}

@Suite struct SizesTests {
  @Test func aGeometricRowEndsWithAllKeys() {
    let sizes = Sizes.geometric(keys: 1_000_000)
    #expect(sizes.count == 24 && sizes.first == 1000 && sizes.last == 1_000_000)
    #expect(sizes == sizes.sorted())
    for (one, next) in zip(sizes, sizes.dropFirst()) {
      #expect(abs(Double(next) / Double(one) - 1.35) < 0.01)
    }
    #expect(Sizes.geometric(keys: 1) == [1] && Sizes.geometric(keys: 0) == [1])
    #expect(Sizes.geometric(keys: 12) == [10, 11, 12])
    #expect(Sizes.inside(10, 13) == [11, 12] && Sizes.inside(5, 6) == [])
  }

  @Test func sizesOfValues() {
    var histogram = SizeHistogram()
    for size in 1...1000 { histogram.add(size) }
    histogram.add(1 << 30)
    #expect(histogram.total == 1001 && histogram.largest == 1 << 30)
    #expect((496...512).contains(histogram.size(covering: 0.5)))
    #expect((990...1016).contains(histogram.size(covering: 0.99)))
    #expect(histogram.size(covering: 1) == 1 << 30)
    for (size, _) in histogram.steps { #expect(size <= 1 << 30) }
  }
}
