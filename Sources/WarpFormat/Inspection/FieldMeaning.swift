// SPDX-License-Identifier: Apache-2.0
// What each field means and where SPEC.md says so, for those who show bytes to people.
//
// These are the words of the tables of SPEC.md §5, without their back quotes; a test compares them, so that a change
// there is made here too.

/// The meaning of a field, and the section that defines it.
package enum FieldMeaning {
  /// The section of SPEC.md that holds a structure's table; nil for what has no table.
  package static func section(of structure: Structure) -> String? { sections[structure.name] }

  /// What SPEC.md says of a field; empty for one that it does not name.
  package static func text(_ field: Field, of structure: Structure) -> String {
    meanings[structure.name]?[field.name] ?? ""
  }

  private static let sections: [String: String] = parsed.mapValues(\.section)
  private static let meanings: [String: [String: String]] = parsed.mapValues(\.meanings)

  /// "# section name" begins a structure; "name: meaning" is a field of it.
  private static let parsed: [String: (section: String, meanings: [String: String])] = {
    var result: [String: (section: String, meanings: [String: String])] = [:]
    var structure = ""
    for line in table.split(separator: "\n") {
      if line.hasPrefix("# ") {
        let words = line.dropFirst(2).split(separator: " ", maxSplits: 1)
        structure = String(words[1])
        result[structure] = (String(words[0]), [:])
      } else if let colon = line.firstIndex(of: ":") {
        let meaning = line[line.index(after: colon)...].drop { $0 == " " }
        result[structure]?.meanings[String(line[..<colon])] = String(meaning)
      }
    }
    return result
  }()

  private static let table = """
    # 5.1 Header
    magic: 89 57 4b 56 0d 0a 1a 0a
    majorVersion: 1
    minorVersion: 0; a reader ignores it
    headerSize: 4096
    incompatFeatures: feature bits, 13.2
    roCompatFeatures: feature bits, 13.2
    compatFeatures: feature bits, 13.2
    storeID: random; its first 8 bytes, taken as u64, are at least 16
    fileSize: bytes of the data file; derived
    capacity: maximum number of entries
    shardCount: number of shards, a power of two
    slotsPerShard: derived
    bucketsPerShard: a power of two; derived
    slotStride: bytes from one slot to the next; derived
    maxKeySize: maximum size of a key
    maxValueSize: maximum size of a stored value
    maxRawSize: maximum size of a value before compression
    probeLimit: 128
    stateOffset: offset of the state block in the file: 4096
    shardsOffset: offset of shard 0 in the file: 8192
    shardStride: bytes from one shard to the next; derived
    bucketsOffset: offset of the buckets in a shard: 256
    metadataOffset: offset of the metadata in a shard; derived
    slotsOffset: offset of slot 1 in a shard; derived
    hashID: hash function of the keys, 13.3
    checksumID: checksum function, 13.3
    hashSeed: random; seed of the hash of the keys
    evictionID: what happens when a shard is full, 13.3
    clockID: what store time is, 13.3
    defaultTimeToLive: information; 0: none; at most 2^62
    userTag: free for the application
    schemaFingerprint: free for the application: what keys and values mean
    created: real time of the creation, since 1970-01-01 UTC; information
    writerName: the software that created the file; information
    checksum: XXH3-64, seed 0, of bytes 0 to 4087
    # 5.2 State block
    superseded: 0: current; other values below
    clockA: a Clock record
    clockB: a Clock record
    detach: a Clean-detach record, or all zero
    # 5.2 Clock record
    generation: grows with each record written; 0: no record
    bootID: the boot in which base holds
    base: what is added to the boot clock, modulo 2^64
    checksum: XXH3-64, seed 0, of bytes 0 to 31
    # 5.2 Clean-detach record
    bootID: the boot in which the last handle left
    detached: store time at which it left
    checksum: XXH3-64, seed 0, of bytes 0 to 23
    # 5.3 Shard control
    usedSlots: slots 1 to usedSlots have been used; never goes down
    backedSlots: slots 1 to backedSlots have all their blocks; see 8.3
    count: entries
    freeHead: first slot of the free list; 0: empty
    oldest: oldest entry of the queue; 0: empty
    newest: newest entry of the queue; 0: empty
    hand: where SIEVE goes on; 0: at the oldest
    sweep: slot at which the next sweep begins; 0: no entry had a deadline (W5)
    writeCounter: number of slots filled so far; the last revision given
    lastStamp: the last stamp given
    storedBytes: sum of keySize + storedSize of all entries
    # 5.5 Metadata
    checksum: of the entry, 8.5
    stamp: order of insertion
    revision: order of writing
    written: store time of the write
    freshUntil: store time up to which the application calls the value fresh; 0: not used
    hash: hash of the key, all 64 bits
    newer: LIVE: next newer entry of the queue, 0 at its end. FREE: next slot of the free list, 0 at its end
    older: LIVE: next older entry of the queue, 0 at its end
    allocated: strides over 16,384: bytes from the slot's start that have blocks; otherwise 0
    # 5.6 Slot header
    control: sequence << 3, state in the low three bits; 8.1
    deadline: store time from which on the entry is expired; 0: never
    keySize: bytes of the key
    storedSize: bytes of the stored value
    rawSize: bytes of the value before compression
    codec: 0: raw, 1: zstd; 8.4
    flags: 0
    # 5.7 Lock header
    magic: 89 57 4b 4c 0d 0a 1a 0a
    majorVersion: 1
    minorVersion: 0
    headerSize: 4096
    storeID: of the data file
    bootID: the boot in which the file was made
    fileSize: bytes of the lock file
    dataDevice: st_dev of the data file; 0: not recorded
    dataInode: st_ino of the data file; 0: not recorded
    shardCount: of the data file
    slotsPerShard: of the data file
    registryEntries: 1024
    counterStripes: 256
    leaseCells: 64, per shard
    linesOffset: offset of the shard lines
    registryOffset: offset of the registry
    countersOffset: offset of the counter stripes
    leasesOffset: offset of the lease cells
    visitedOffset: offset of the visited bytes
    visitedStride: bytes from one shard's visited bytes to the next's
    compatFeatures: features of the lock file that may be ignored; 13.2
    recordOffset: offset of the record of requests; 0 without one, as are the next two
    recordCells: requests that it keeps: a power of two from 2^10 to 2^22
    recordShift: of 2^recordShift keys one is recorded; 0 to 24
    checksum: XXH3-64, seed 0, of bytes 0 to 4087
    # 5.7 Shard line
    sequence: odd while the shard's linked state changes
    owner: the owner word; 0: free
    recoveries: how often the shard was recovered; information
    leases: bit c is 1 whenever lease cell c of the shard is claimed; a hint
    # 5.7 Registry entry
    generation: grows by one with each claim, skipping 0; 0: never used
    pid: process id in its own PID namespace; 0: nobody
    startTime: start of the process in kernel ticks since the boot (field 22 of /proc/PID/stat); 0: unknown
    pidNamespace: inode of /proc/self/ns/pid; 0: unknown
    timeNamespace: inode of /proc/self/ns/time; 0: unknown
    attached: boot clock at the claim
    uid: effective user id
    # 5.7 Counter stripe
    hits: gets that found a value
    misses: gets that found that there was none
    busyMisses: gets that could not tell
    insertions: sets of a key that was absent or expired
    updates: sets of a key that was present
    evictions: unexpired entries that made room
    expirations: expired entries that were taken out or overwritten
    removals: unexpired entries taken out on request
    oversizeSkips: sets whose value did not fit
    corrupt: values that were found but could not be decoded or had a wrong checksum
    retries: repeated probes of gets
    recoveries: recoveries of a shard
    compressedFrom: sum of the raw sizes of values that were compressed
    compressedTo: sum of their stored sizes
    encodeFailures: keys or values of a typed program that had no encoding
    decodeFailures: stored values that were not of the type that a program asked for
    loads: computations of a missing or stale value that ended
    loadFailures: those of them that gave no value
    loadNanoseconds: the time that all of them took
    waits: callers that waited for another's computation
    staleHits: hits whose freshUntil was over
    busySets: sets and other writes that failed with busy
    noSpaceSets: those that failed with noSpace
    fullSets: those that failed with full
    # 5.7 Lease cell
    hash: hash of the key that is being computed
    owner: who computes it, in the form of an owner word; 0: the cell is free
    deadline: store time from which on the claim may be taken over
    claim: 4 * n + s: the cell was claimed n times; s is how the last claim stands: 1 held, 2 over, 3 \
    unstorable; 0: never claimed
    # 5.9 Request record
    position: how many requests were recorded: the number of the next
    # 5.9 Request cell
    hash: hash of the key (7.1); 0 in a remove all; in a tally the sum of all hits
    time: store time of the request
    size: bytes of the stored value in a hit or a set, otherwise 0
    lifetime: seconds from time to the deadline in a hit or a set, rounded up, at least 1; 0: no deadline
    kind: 1 get that hit, 2 get that missed, 3 set, 4 removal, 5 remove all, 6 tally
    check: the low 32 bits of the XXH3-64 of bytes 0 to 27, the request's number as seed
    # 5.4 Bucket
    slot: the slot that it names; 0: the bucket is empty
    fingerprint: the upper half of the hash of the key; gives the home bucket, 7.1
    """
}
