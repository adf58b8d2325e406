// SPDX-License-Identifier: Apache-2.0
// How long `warp-torture kill` goes on: for so many kills, or so many seconds, whichever ends first.

import WarpFormat

final class KillPace {
  private let kills: Int
  private let end: Int64
  private let watchdog: Watchdog
  private var line: ProgressLine

  /// - Parameter seconds: 0: as long as the kills take.
  init(kills: Int, seconds: Double, _ watchdog: Watchdog) {
    self.kills = kills
    self.watchdog = watchdog
    end = seconds > 0 ? System.bootTime() + Int64(seconds * 1e9) : .max
    line = ProgressLine("kill", of: kills)
  }

  /// Kills that may still come.
  func left(_ done: Int) -> Int { kills - done }

  /// Tells that the run got so far; whether it goes on.
  func goesOn(after done: Int) -> Bool {
    watchdog.progress()
    line.show(done)
    return done < kills && System.bootTime() < end
  }
}
