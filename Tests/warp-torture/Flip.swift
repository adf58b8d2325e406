// SPDX-License-Identifier: Apache-2.0
// `warp-torture flip`: bytes and words of the two mapped files are changed by a hostile hand while workers do all that a
// handle can do.
//
// - What is read may be wrong. No worker may end by a signal, access memory outside its mappings (asserted in debug builds),
//   throw an error of another type than the library's, stay in a call for 30 s, or grow beyond 512 MB.
// - The hand knows the structures: indexes, sizes, control words, sequences, owner words, leases, visited bytes, headers. Now
//   and then it moves one word to and fro as fast as it can, for whoever reads it twice.
// - Each round has another shape and another pace, from a flip in ten milliseconds to as many as the core can do. A store that
//   can't be opened any more is removed and made anew.

import ArgumentParser
import Glibc
import WarpFormat
import WarpKV
import WarpTestSupport

/// The words that parent and workers share: the first is set to end a round.
enum FlipWords {
  static let stop = 0
  static let operations = 1
  static let made = 2
  static let recoveries = 3
  static let untyped = 4
  static let tooLarge = 5
  /// Nanoseconds.
  static let slowest = 6
  /// One for each error code.
  static let errors = 8
  static let codes = FormatError.Code.allCases
  /// For each worker: when its call began, 0 between two; which call that is.
  static let calls = errors + codes.count

  static func count(workers: Int) -> Int { calls + 2 * workers }
}

/// What the command and its workers share.
struct FlipOptions: ParsableArguments {
  @Option(help: "Worker processes.") var workers = 2
  @Option(help: "The seed of all random choices.") var seed: UInt64 = 1

  func validate() throws {
    guard (1...64).contains(workers) else { throw ValidationError("1 to 64 workers") }
  }
}

struct Flip: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Flips bytes of the mapped files under running workers.")

  /// Nanoseconds.
  private static let longestCall: Int64 = 30_000_000_000
  private static let round: Int64 = 1_500_000_000

  @OptionGroup var options: FlipOptions
  @Option(help: "How long it goes on.") var seconds = 10
  @Flag(help: "End with one JSON object.") var json = false

  func run() throws {
    let watchdog = Watchdog("flip")
    var random = SeededGenerator(seed: options.seed)
    let end = System.bootTime() + Int64(seconds) * 1_000_000_000
    var rounds = 0
    var flips = FlipTally()
    var (deaths, hangs) = (0, 0)
    var sums = [UInt64](repeating: 0, count: FlipWords.calls)
    while System.bootTime() < end {
      watchdog.progress()
      rounds += 1
      try withTemporaryDirectory { directory in
        let words = try SharedWords(directory + "/words", count: FlipWords.count(workers: options.workers))
        let seed = random.next()
        let children = try (0..<options.workers).map {
          try Child([
            "flip-worker", "--directory", directory, "--index", "\($0)", "--seed", "\(seed &+ UInt64($0))",
          ])
        }
        var hand = FlipHand(path: directory + "/flip.warp", random: SeededGenerator(seed: seed))
        let roundEnd = min(end, System.bootTime() + Flip.round)
        // A worker that is gone must not leave the others alone for the rest of the time.
        while System.bootTime() < roundEnd, hand.flip(&flips) {}
        words.store(FlipWords.stop, 1)
        let hung = hung(children, words)
        hangs += hung.count
        for (index, child) in children.enumerated() {
          let ending = child.wait(seconds: 10)
          if ending.isHung { hangs += 1 }
          guard !ending.isClean, !ending.isHung, !hung.contains(index) else { continue }
          System.explain(
            "round \(rounds), seed \(seed): a worker ended by signal \(ending.signal), code \(ending.code)\n")
          deaths += 1
        }
        for index in sums.indices where index != FlipWords.slowest { sums[index] &+= words.load(index) }
        sums[FlipWords.slowest] = max(sums[FlipWords.slowest], words.load(FlipWords.slowest))
      }
    }
    try report(rounds, flips, sums, deaths: deaths, hangs: hangs)
  }

  /// Waits for the calls that the workers are in; those that stay in one too long are killed and returned.
  private func hung(_ children: [Child], _ words: SharedWords) -> Set<Int> {
    var hung: Set<Int> = []
    for (index, child) in children.enumerated() {
      let word = FlipWords.calls + 2 * index
      let began = Int64(bitPattern: words.load(word))
      while words.load(word) != 0, Int64(bitPattern: words.load(word)) == began, !child.isDead {
        if System.bootTime() - began > Flip.longestCall {
          let call = FlipCall.allCases[Int(words.load(word + 1)) % FlipCall.allCases.count]
          System.explain("worker \(index) has been in \(call) for \((System.bootTime() - began) / 1_000_000) ms\n")
          child.send(SIGKILL)
          hung.insert(index)
          break
        }
        System.sleep(5_000_000)
      }
    }
    return hung
  }

  private func report(_ rounds: Int, _ flips: FlipTally, _ sums: [UInt64], deaths: Int, hangs: Int) throws {
    func sum(_ word: Int) -> Int { Int(clamping: sums[word]) }
    var report = Report()
    report.add("command", "flip")
    report.add("seed", Int(truncatingIfNeeded: options.seed))
    report.add("rounds", rounds)
    report.add("workers", options.workers)
    report.add("flips", flips.flips)
    report.add("fluttered", flips.fluttered)
    report.add("operations", sum(FlipWords.operations))
    report.add("storesMade", sum(FlipWords.made))
    report.add("recoveries", sum(FlipWords.recoveries))
    report.add("slowestMs", Double(sum(FlipWords.slowest)) / 1e6)
    for (index, code) in FlipWords.codes.enumerated() where sum(FlipWords.errors + index) > 0 {
      report.add("error_" + code.rawValue, sum(FlipWords.errors + index))
    }
    report.add("deaths", deaths)
    report.add("hangs", hangs)
    report.add("otherErrors", sum(FlipWords.untyped))
    report.add("tooLarge", sum(FlipWords.tooLarge))
    // A run in which nothing was done or nothing went wrong shows nothing.
    let isVoid = sum(FlipWords.operations) == 0 || flips.flips == 0
    try report.finish(
      json: json,
      violations: deaths + hangs + sum(FlipWords.untyped) + sum(FlipWords.tooLarge) + (isVoid ? 1 : 0))
  }
}
