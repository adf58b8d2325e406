// SPDX-License-Identifier: Apache-2.0
// Who still needs an attachment: it ends once, and with nobody inside. What comes after the end gives the registration to
// others, so a thread that is still inside would own a shard in a stranger's name.

import Testing

@testable import WarpFormat

/// An expectation can't be told of what can't be copied.
private final class House {
  private let stay = Stay()

  var isOver: Bool { stay.isOver }
  func pin() -> Bool { stay.pin() }
  func unpin(meanwhile: () -> Void = {}) -> Bool { stay.unpin(meanwhile: meanwhile) }
  func leave() -> Bool { stay.leave() }
}

@Suite struct StayTests {
  @Test func theLastOneOutEndsIt() {
    let stay = House()
    #expect(stay.pin() && stay.pin())
    #expect(!stay.unpin() && !stay.isOver)
    #expect(!stay.leave() && !stay.isOver)
    #expect(stay.unpin() && stay.isOver)
  }

  @Test func whoeverLeavesEndsItIfNobodyIsInside() {
    let stay = House()
    #expect(stay.pin())
    #expect(!stay.unpin())
    #expect(stay.leave() && stay.isOver)
    #expect(!stay.leave())
    // Those who come too late.
    #expect(!stay.pin())
    #expect(!stay.unpin())
  }

  @Test func whoIsRefusedEndsNothingUnderOthers() {
    let stay = House()
    #expect(stay.pin())
    #expect(!stay.leave())
    #expect(!stay.pin())
    #expect(!stay.unpin() && !stay.isOver)
    #expect(stay.unpin() && stay.isOver)
  }

  /// The one sees that nobody is inside; before it sees that it is being left, another one comes in.
  @Test func aNewcomerBetweenTheTwoStepsOfTheLastOne() {
    let stay = House()
    #expect(stay.pin())
    let endsUnderTheNewcomer = stay.unpin {
      let entered = stay.pin()
      let ended = stay.leave()
      #expect(entered && !ended)
    }
    #expect(!endsUnderTheNewcomer && !stay.isOver)
    #expect(stay.unpin() && stay.isOver)
  }

  /// The one is refused while the last one is on its way out: exactly one of them ends it.
  @Test func twoOnTheirWayOut() {
    let stay = House()
    #expect(stay.pin())
    #expect(!stay.leave())
    var ends = 0
    if stay.unpin(meanwhile: {
      let entered = stay.pin()
      #expect(!entered)
      if stay.unpin() { ends += 1 }
    }) {
      ends += 1
    }
    #expect(ends == 1 && stay.isOver)
  }
}
