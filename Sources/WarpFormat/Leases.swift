// SPDX-License-Identifier: Apache-2.0
// Leases: one handle computes the value of a key, the others wait for it (SPEC.md §23.8).
//
//   shard line  | … | leases: bit c, whenever cell c is claimed | …     cell  | hash | owner | deadline | claim | 0 |
//
// - A cell changes only under its shard's owner word. It is claimed exactly while its owner word is not 0: that is stored
//   last in a claim and cleared first at its end, so whoever dies in between leaves a free cell or a claimed one.
// - `claim` grows with every claim, and its low bits say how the last one stands. So a holder and those who wait for it tell
//   their claim from all others by one word, and can sleep on it.
// - Whoever writes the key voids its claim before the write can be seen, and wakes the waiters after it.
// - A lease is worth as much as its holder: one that is dead, or late, is taken over.

/// How a claim stands: the two low bits of `claim`. 0 is a cell that was never claimed.
package enum LeaseState: UInt32, Sendable {
  case held = 1
  /// Whoever waits looks again.
  case over = 2
  /// There is a value that can't be stored: whoever waits computes it too, without a lease.
  case unstorable = 3

  static let mask: UInt32 = 3
}

/// One claim of one cell, as its holder and those who wait for it remember it.
package struct LeaseClaim: Equatable, Sendable {
  package let shard: Int
  let cell: Int
  let hash: UInt64
  let owner: UInt64
  /// Store time.
  let deadline: UInt64
  /// What `claim` is as long as it is held.
  let word: UInt32

  /// The claim of a cell, nil if it is free.
  fileprivate init?(_ lock: Window, _ at: Int, shard: Int, cell: Int) {
    owner = lock.load64(at + LeaseFields.owner.offset)
    guard owner != 0 else { return nil }
    self.shard = shard
    self.cell = cell
    hash = lock.load64(at + LeaseFields.hash.offset)
    deadline = lock.load64(at + LeaseFields.deadline.offset)
    word = lock.load32(at + LeaseFields.claim.offset)
  }

  fileprivate func word(_ state: LeaseState) -> UInt32 { word & ~LeaseState.mask | state.rawValue }
}

/// What there is of a key for whoever wants to compute its value.
package enum LeaseAnswer: Sendable {
  /// An entry that was not known.
  case found
  /// The asking handle computes it.
  case claimed(LeaseClaim)
  /// Another claim holds.
  case held(LeaseClaim)
  /// All cells are claimed by living handles.
  case full
}

// MARK: - Under the shard's owner word

extension Attachment {
  /// Y1 to Y5. Claims a cell for a key that has no entry.
  ///
  /// - Parameters:
  ///   - revision: an entry with this one, a stale one, counts as none.
  ///   - limit: nanoseconds until the claim may be taken over.
  package func claimLease(
    _ key: UnsafeRawBufferPointer, hash: UInt64, over revision: UInt64?, limit: UInt64, in shard: Shard
  ) -> LeaseAnswer {
    let now = storeTime()
    if let resident = unsafe shard.resident(key, hash: hash, now: now), resident.metadata.revision != revision {
      return .found
    }
    guard let registration else { return .full }
    for claim in claims(in: shard) where claim.hash == hash {
      guard isVoid(claim, now) else { return .held(claim) }
      end(claim, .over, in: shard)
    }
    if bits(shard) == .max { endVoid(now, in: shard) }
    let free = (~bits(shard)).trailingZeroBitCount
    guard free < Format.leaseCells else { return .full }
    return claim(free, hash, registration.owner, deadline: now &+ limit, in: shard).map { .claimed($0) } ?? .full
  }

  /// Y4, Y5.
  private func claim(
    _ cell: Int, _ hash: UInt64, _ owner: UInt64, deadline: UInt64, in shard: Shard
  ) -> LeaseClaim? {
    let at = cellAt(shard.index, cell)
    let last = lock.load32(at + LeaseFields.claim.offset)
    if planted(.leaseOwnedFirst) { lock.release64(at + LeaseFields.owner.offset, owner) }
    lock.store64(at + LeaseFields.hash.offset, hash)
    lock.store64(at + LeaseFields.deadline.offset, deadline)
    lock.store32(at + LeaseFields.claim.offset, (last | LeaseState.mask) &+ LeaseState.held.rawValue &+ 1)
    lock.store64(bitsAt(shard), bits(shard) | 1 << UInt64(cell))
    lock.release64(at + LeaseFields.owner.offset, owner)
    return LeaseClaim(lock, at, shard: shard.index, cell: cell)
  }

  /// Whether the claim is the cell's still. Nobody else changes that until the shard is given back.
  package func holds(_ claim: LeaseClaim) -> Bool {
    planted(.lostLeaseStores)
      || LeaseClaim(lock, cellAt(claim.shard, claim.cell), shard: claim.shard, cell: claim.cell) == claim
  }

  /// Ends a claim if it holds, and wakes those who wait.
  package func end(_ claim: LeaseClaim, _ state: LeaseState, in shard: Shard) {
    guard holds(claim) else { return }
    void(claim)
    announce([claim], state, in: shard)
  }

  /// Z1. From here on nobody holds a claim of this hash. The caller announces it once its own change can be seen. nil where
  /// nothing is claimed: that costs no reference to an empty array.
  @inline(__always)
  func voidLeases(of hash: UInt64, in shard: Shard) -> [LeaseClaim]? {
    bits(shard) == 0 || planted(.writeKeepsLease) ? nil : voidLeases(in: shard, where: { $0.hash == hash })
  }

  /// The same for every claim of the shard.
  func voidLeases(in shard: Shard) -> [LeaseClaim] { voidLeases(in: shard, where: { _ in true }) }

  @inline(never)
  private func voidLeases(in shard: Shard, where isMeant: (LeaseClaim) -> Bool) -> [LeaseClaim] {
    let meant = claims(in: shard).filter(isMeant)
    for claim in meant { void(claim) }
    return meant
  }

  private func void(_ claim: LeaseClaim) {
    lock.release64(cellAt(claim.shard, claim.cell) + LeaseFields.owner.offset, 0)
  }

  /// Z2, Z3. Tells those who wait for claims that were voided, and wakes them.
  @inline(__always)
  func announce(_ claims: [LeaseClaim]?, _ state: LeaseState, in shard: Shard) {
    if let claims { announceAll(claims, state, in: shard) }
  }

  @inline(never)
  private func announceAll(_ claims: [LeaseClaim], _ state: LeaseState, in shard: Shard) {
    for claim in claims {
      let word = cellAt(claim.shard, claim.cell) + LeaseFields.claim.offset
      lock.release32(word, claim.word(state))
      // Release, so that the bit of a claimed cell is 1 also where this process dies between these stores.
      lock.release64(bitsAt(shard), bits(shard) & ~(1 << UInt64(claim.cell)))
      if !planted(.waitersSleepOn) { lock.wake32(word) }
    }
  }

  /// What is claimed in the shard. The bits of cells that are free, because whoever ended or claimed them died, are cleared.
  private func claims(in shard: Shard) -> [LeaseClaim] {
    var left = bits(shard)
    var claims: [LeaseClaim] = []
    while left != 0 {
      let cell = left.trailingZeroBitCount
      left &= left - 1
      if let claim = LeaseClaim(lock, cellAt(shard.index, cell), shard: shard.index, cell: cell) {
        claims.append(claim)
      } else {
        lock.store64(bitsAt(shard), bits(shard) & ~(1 << UInt64(cell)))
      }
    }
    return claims
  }

  private func isVoid(_ claim: LeaseClaim, _ now: UInt64) -> Bool {
    planted(.leaseStolen) || now >= claim.deadline || isDead(owner: claim.owner)
  }

  /// Ends what the dead and the late hold. Each holder is looked at once: that takes system calls.
  private func endVoid(_ now: UInt64, in shard: Shard) {
    var isDead: [UInt64: Bool] = [:]
    for claim in claims(in: shard) {
      if now < claim.deadline {
        let verdict = isDead[claim.owner] ?? self.isDead(owner: claim.owner)
        isDead[claim.owner] = verdict
        guard verdict else { continue }
      }
      end(claim, .over, in: shard)
    }
  }

  private func bitsAt(_ shard: Shard) -> Int {
    shard.ownerAt &- LockLineFields.owner.offset &+ LockLineFields.leases.offset
  }

  @inline(__always)
  private func bits(_ shard: Shard) -> UInt64 { lock.load64(bitsAt(shard)) }

  private func cellAt(_ shard: Int, _ cell: Int) -> Int {
    lockGeometry.leasesOffset + (shard * Format.leaseCells + cell) * LeaseFields.structure.size
  }
}

// MARK: - Without it

extension Attachment {
  /// J1, J2. How a claim stands for somebody who waits for it; what it ended with is seen after this.
  ///
  /// - Parameter asking: whether to ask, by system calls, if the holder is alive.
  package func standing(of claim: LeaseClaim, asking: Bool) -> LeaseState {
    let at = cellAt(claim.shard, claim.cell)
    let word = lock.load32(at + LeaseFields.claim.offset)
    fenceAcquire()
    guard word == claim.word else {
      // Of a later claim nothing is known of how this one ended.
      return word == claim.word(.unstorable) ? .unstorable : .over
    }
    guard isCurrent, storeTime() < claim.deadline else { return .over }
    guard asking else { return .held }
    // A closed descriptor must not be asked about a lock.
    guard pin() else { return .over }
    defer { unpin() }
    guard lock.load64(at + LeaseFields.owner.offset) == claim.owner else { return .over }
    return isDead(owner: claim.owner) ? .over : .held
  }

  /// Sleeps until a claim has ended, for so many nanoseconds or less.
  package func sleep(on claim: LeaseClaim, nanoseconds: Int64) {
    let word = cellAt(claim.shard, claim.cell) + LeaseFields.claim.offset
    lock.wait32(word, while: claim.word, nanoseconds: nanoseconds)
  }
}
