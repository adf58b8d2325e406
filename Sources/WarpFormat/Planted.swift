// SPDX-License-Identifier: Apache-2.0
// Faults on purpose: what a checker must find is planted here, so that each checker is seen to fail when it should.
//
// - A build with `-Xswiftc -DWARP_PLANTED` commits the one fault that the environment variable WARP_PLANTED names. In
//   every other build `planted` is the constant false, and nothing of this is left in the machine code.
// - Scripts/mutants says which check must catch which fault, and fails if one does not.

/// A fault that a planted build can commit, or another version that it can claim to be.
package enum Fault: String, CaseIterable, Sendable {
  // MARK: Other versions of this software

  /// It writes and reads files of the next minor version.
  case nextMinor
  /// It writes and reads files of the next major version.
  case nextMajor

  // MARK: Reading

  /// R01, R03: an index in a bucket is followed wherever it leads.
  case slotIndexUnchecked
  /// R03: another key counts as the right one if its bits happen to fit.
  case keyComparedLoosely
  /// R03, X03: the sizes in a slot are believed.
  case sizesUnchecked
  /// R04: a copy counts whatever happened to its slot meanwhile.
  case copyNotValidated
  /// R05: a miss counts although the shard was being changed.
  case missNotValidated
  /// F01: a hit stores to the data file.
  case hitStoresToData
  /// R02: a value may have any size once it is decoded.
  case rawSizeUnchecked
  /// E04: an uncompressed value may have one size in the slot and another by what is said of it.
  case rawSizesUncompared
  /// R01, R05: a batch takes the slot that it asked for as the only one that the key may be in.
  case batchSlotTrusted

  // MARK: Owners and leases

  /// O03: every owner counts as dead.
  case theLivingAreDead
  /// O02: no owner ever counts as dead.
  case theDeadLive
  /// O06: the registry entry of a living process is claimed once its byte is free.
  case livingEntryClaimed
  /// W14: a writer does not take the owner word.
  case ownerNotTaken
  /// O15: a result is stored although its lease was lost.
  case lostLeaseStores
  /// O16: a write leaves the lease of its key.
  case writeKeepsLease
  /// O17: a lease is taken from a living holder before its time.
  case leaseStolen
  /// O16: the end of a lease wakes nobody.
  case waitersSleepOn
  /// O08, R07: a handle whose files were left goes on; a child of a fork uses its parent's handle.
  case gateIgnored
  /// O08: what a handle gives back is given back once somebody saw nobody inside, whoever came in since.
  case pinsTrusted
  /// O12: a descriptor counts as the store's, whatever file has its number.
  case descriptorTrusted

  // MARK: Files

  /// F04.
  case insecureFileTaken
  /// F08.
  case insecureDirectoryTaken
  /// F07.
  case anyNameTaken
  /// F03.
  case fileForAll
  /// F05.
  case creationLockUnlinked
  /// F02: a lock file that was made for another data file is used.
  case foreignLockUsed
  /// O01, O13: whoever asks counts as alone.
  case aloneUnproven
  /// O02: a store of another boot is used as it is.
  case otherBootUsed
  /// O11: an opening replaces the store as long as its parameters differ.
  case replacesAgain
  /// O09: those who are attached are not told of a replacement.
  case replacedUnmarked
  /// O13: the record of a clean leave stays valid while the store is used.
  case cleanRecordStays
  /// O02: after a reboot an entry is not held against its checksum.
  case damagedEntryKept
  /// A data file is made under its final name.
  case madeInPlace
  /// What a creation that failed has made stays.
  case halfMadeFilesStay
  /// A file descriptor is not given back when what follows its opening fails.
  case descriptorLeaks
  /// O13: what could not be written to the disk counts as written.
  case syncFailureIgnored
  /// V01.
  case newerMinorRefused
  /// V02.
  case unknownFeaturesWritten

  // MARK: Writing

  /// W06.
  case blocksNotAllocated
  /// W07.
  case allocatedGoesDown
  /// W05.
  case usedSlotsGoDown
  /// W09: SIEVE's newcomers count as visited.
  case newcomerVisited
  /// W12: the old value is gone before it is sure that the new one has room.
  case failedSetRemoves
  /// W15: bytes that contradict their checksum are written again.
  case damagedEntryRewritten
  /// U01.
  case resetLowersStripes
  /// W08.
  case flagsWritten
  /// X05.
  case reservedBytesWritten
  /// W13: bytes of something else stand behind a value.
  case rubbishBehindValue

  // MARK: Checks of files

  /// X04: a store on a network file system is opened.
  case anyFileSystemTaken
  /// X06: a check of the header is left out.
  case reservedHeaderBytesTaken
  /// X07: a list with a cycle is followed for ever.
  case walkUnbounded

  // MARK: Typed encoding

  /// T01.
  case bigEndian
  /// T02.
  case trailingBytesTaken
  /// T03.
  case reservedTagWritten
  /// T04.
  case unknownTagTaken
  /// T05.
  case widerTagThanNeeded
  /// T06.
  case textUnchecked
  /// T08, T21.
  case mapUnsorted
  /// T09.
  case depthUnlimited
  /// T10.
  case bytesAsArray
  /// T11.
  case someLeftOut
  /// T12.
  case keyKeepsBits
  /// T13.
  case valueLosesBits
  /// T14.
  case duplicatesWritten
  /// T15.
  case errorElsewhere
  /// T07.
  case textNormalised
  /// T16: a count has its memory before it is checked.
  case countBelieved
  /// T18.
  case sizeCut
  /// K01.
  case anotherHash
  /// T17.
  case emptyInputTraps
  /// T19.
  case memberNumbersWritten
  /// T20.
  case missingMemberRefused
  /// T22.
  case absentMemberWritten
  /// F09.
  case emptyNameTaken
  /// F10: another version of a function has the same store.
  case versionNotInName

  // MARK: A writer's order of stores (SPEC.md §10.3, §7.4, §10.5)

  /// A filled slot is LIVE before its bucket names it; nothing is ever COMMITTED (W2.7).
  case skipsCommitted
  /// An update frees the old slot before the bucket names the new one (W3.7).
  case freesOldFirst
  /// W01: a backward shift clears the hole before it copies (U3, U4).
  case shiftClearsFirst
  /// A removal of all clears the buckets before the slots are FREE (X3, X4).
  case clearsTableFirst
  /// W02: a slot is filled under the sequence that it had (W2.3).
  case keepsSlotSequence
  /// The revision is stored when the entry is LIVE already (W2.6).
  case revisionLate
  /// A slot that is given back is on no list (W3.7).
  case losesSlot
  /// W11: the sequence is odd when the owner word is given back (W3.9).
  case staysOdd
  /// W10: a removed entry's slot is FREE only when the sequence is even again (W4.4).
  case freesLate
  /// W04: `usedSlots` is raised only when the slot is being filled (F2).
  case usedSlotsLate
  /// An update does not take the old slot's place in the queue (Q2).
  case losesPlace

  // MARK: Recovery (SPEC.md §23.2)

  /// O04: lIVE is stored before the buckets are (T4, T5).
  case recoveryLivesFirst
  /// O04: fREE is stored before the buckets are (T4, T6).
  case recoveryFreesFirst
  /// Of two entries of one key the older one stays (T2).
  case recoveryKeepsOlder
  /// The sequence stays even (T1).
  case recoveryStaysEven
  /// The table is cleared before it is filled (T4).
  case recoveryClearsTable
  /// O05: the sequence of a slot that is freed begins anew (T6).
  case recoveryForgetsSequence
  /// The newest entry may be the one that makes room (T8).
  case recoveryEvictsNewest

  // MARK: Leases (SPEC.md §23.8)

  /// A cell has its owner before it says what is claimed (Y4, Y5).
  case leaseOwnedFirst

  // MARK: Faults that bytes of a file or a peer reveal

  /// A slot index from the map is believed.
  case uncheckedSlot
  /// The walk along the queue of an image goes on where it has been before.
  case endlessQueue
  /// A reader waits for an even sequence as long as it takes.
  case endlessWait
  /// The size that a typed value declares is believed.
  case uncheckedSize
  /// Memory is allocated for what a zstd frame declares, before that is compared with what its slot says.
  case uncheckedFrame

  // MARK: Exports and copies

  /// I07: time stands still for an entry in a file.
  case lifetimeBeginsAnew
  /// I08: what fails its checksum is exported.
  case unsoundExported
  /// I09: a new store has its name before it is filled.
  case namedBeforeFilled

  // MARK: Power loss

  /// O13: the last to leave says that everything is on the disk without having written it there.
  case recordsBeforeSync
  /// O13: a store that is deleted keeps the record that it was left clean.
  case deletesWithRecord

  // MARK: Use for a long time

  /// Whoever leaves a store's files keeps them open.
  case keepsDescriptors
  /// Removing all entries spares the last shard.
  case sparesLastShard
}

#if WARP_PLANTED
  /// What this process was told to do wrong.
  private let activeFault: Fault? = {
    guard let name = System.environment("WARP_PLANTED"), !name.isEmpty else { return nil }
    guard let fault = Fault(rawValue: name) else { preconditionFailure("WARP_PLANTED names no fault: \(name)") }
    return fault
  }()

  /// Whether this process commits that fault.
  package func planted(_ fault: Fault) -> Bool { activeFault == fault }
#else
  @inline(__always)
  package func planted(_ fault: Fault) -> Bool { false }
#endif
