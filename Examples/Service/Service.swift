// SPDX-License-Identifier: Apache-2.0
// An async service with slow, changing data behind it. Prices are fresh for a while; then callers still get the old one at
// once, and one task fetches the new one. What is not listed is remembered too, for a shorter time.
//
//     swift run example-service

import Synchronization
import WarpKV

/// Something slow that changes, and sometimes fails.
actor Exchange {
  private var price = 100
  private(set) var requests = 0

  struct Unreachable: Error {}

  func price(of share: String) async throws -> Int? {
    requests += 1
    try await Task.sleep(for: .milliseconds(20))
    if requests % 7 == 0 { throw Unreachable() }
    price += 1
    return share == "NONE" ? nil : price
  }
}

/// What a web framework would call, concurrently.
struct Service: Sendable {
  let prices: AsyncCachedFunction<String, Int?, any Error, Never>

  init(_ exchange: Exchange) {
    prices = cached(
      capacity: 10_000,
      options: CacheOptions(
        freshFor: .milliseconds(100), staleFor: .seconds(5), negativeTimeToLive: .milliseconds(50), jitter: 0.1)
    ) { (share: String) async throws -> Int? in try await exchange.price(of: share) }
  }

  func answer(_ share: String) async -> String {
    do {
      guard let price = try await prices(share) else { return "\(share) is not listed" }
      return "\(share) is at \(price)"
    } catch {
      return "\(share): no answer"
    }
  }
}

@main
struct Main {
  static func main() async throws {
    let exchange = Exchange()
    let service = Service(exchange)
    for round in 0..<10 {
      // Fifty requests at once: at most one of them reaches the exchange for each share.
      let answers = await withTaskGroup(of: String.self) { group in
        for number in 0..<50 { group.addTask { await service.answer(["WARP", "KV", "NONE"][number % 3]) } }
        var answers: Set<String> = []
        for await answer in group { answers.insert(answer) }
        return answers
      }
      print("round \(round): \(answers.sorted().joined(separator: ", "))")
      try await Task.sleep(for: .milliseconds(40))
    }
    let statistics = service.prices.statistics
    print(
      "500 requests, \(await exchange.requests) to the exchange; \(statistics.staleHits) answers were stale, "
        + "\(statistics.waits) waited for another's")
  }
}
