// SPDX-License-Identifier: Apache-2.0
// `warp-inspect info` about who is attached: each state of a handle, and what happens to the shards that it holds.

import Glibc
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

@Suite struct AttachedTests {
  /// The state of the only handle, and whether its name is shown.
  private func expect(
    _ scene: Scene, _ state: String, name: String?, owned: [Int] = [], _ location: SourceLocation = #_sourceLocation
  ) throws {
    let lock = try scene.lockReport()
    #expect(lock.attached.map(\.state) == [state], sourceLocation: location)
    #expect(lock.attached.map(\.name) == [name], sourceLocation: location)
    #expect(lock.attached.map(\.holds) == [owned], sourceLocation: location)
    #expect(lock.owners.map(\.state) == owned.map { _ in state }, sourceLocation: location)
    #expect(lock.owners.map(\.shard) == owned, sourceLocation: location)
  }

  @Test func aLivingHandleOfTheLibrary() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let store = try SharedStore.open(path: scene.path, .init(access: .readWrite, ifDifferent: .useExisting))
      let files = try TestFiles.snapshot(directory)
      let lock = try scene.lockReport()
      let handle = try #require(lock.attached.first)
      #expect(lock.attached.count == 1 && lock.owners.isEmpty)
      #expect(handle.pid == UInt32(getpid()) && handle.state == "alive" && handle.holds == [])
      #expect(handle.name == ProcessImage.name(of: getpid()) && handle.name != nil)
      #expect(handle.pidNamespace == System.process().pidNamespace && handle.generation > 0)
      let seconds = try #require(handle.attachedSeconds)
      #expect(seconds > 0 && seconds < 600)
      // Looking changes nothing, so the handle works on.
      #expect(try TestFiles.snapshot(directory).filter { $0.contains("a.warp") } == files)
      try store.set("k", to: [1])
      store.close()
      #expect(try scene.lockReport().attached == [])
      #expect(try scene.text(from: "lock file") == "lock file     this boot; 0 recoveries\nattached      none")
    }
  }

  @Test func aStoppedOwner() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 3)
      try scene.own(5, entry: 3, sequence: 9)
      try expect(scene, "alive", name: "sleep", owned: [5])
      #expect(try scene.text(from: "attached").split(separator: "\n").count == 2)
      sleeper.stop()
      try expect(scene, "stopped", name: "sleep", owned: [5])
      #expect(
        try scene.lockReport().owners
          == [.init(shard: 5, entry: 3, pid: UInt32(sleeper.id), state: "stopped", odd: true)])
      #expect(
        try scene.text(from: "attached") == """
          attached      1
            pid N  sleep  stopped  for 5.0 d  holds shard 5
          shard 5: owner (pid N) is stopped; sets there throw busy until it goes on
          """)
    }
  }

  /// Needs the right to make a control group.
  @Test(.enabled(if: Deep.isOn && Freezer.isAllowed)) func aFrozenOwner() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 3)
      let freezer = try #require(Freezer())
      try freezer.freeze(sleeper.id)
      try expect(scene, "stopped", name: "sleep")
      try freezer.thaw()
      try expect(scene, "alive", name: "sleep")
    }
  }

  /// A zombie is judged by its lock, and what was reaped is dead whatever its lock says.
  @Test func aKilledOwner() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 0)
      try scene.own(1, entry: 0)
      try scene.own(2, entry: 0, sequence: 4)
      sleeper.end()
      try expect(scene, "alive", name: "sleep", owned: [1, 2])
      try scene.unlock(0)
      try expect(scene, "dead", name: "sleep", owned: [1, 2])
      sleeper.reap()
      try expect(scene, "dead", name: nil, owned: [1, 2])
      try scene.lock(0)
      try expect(scene, "dead", name: nil, owned: [1, 2])
      #expect(
        try scene.text(from: "attached") == """
          attached      1
            pid N  ?  dead  5.0 d ago  holds shards 1, 2
          shards 1, 2: owner (pid N) is dead; the next writer recovers them
          """)
      // The library comes to the same verdict.
      let store = try SharedStore.open(path: scene.path, .init(access: .readWrite, ifDifferent: .useExisting))
      // So many that no shard stays without one.
      for key in 0..<1000 { try store.set("\(key)", to: [1]) }
      #expect(try scene.lockReport().owners == [])
      #expect(try scene.lockReport().recoveries == 2)
    }
  }

  @Test func aNumberThatIsAnotherProcessNow() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 1)
      try scene.patch(1, RegistryFields.startTime, try #require(System.startTime(of: sleeper.id)) + 1)
      try expect(scene, "dead", name: nil)
    }
  }

  /// It has the file mapped, so it may yet store to it: this process, for want of a daemon.
  @Test func aDaemonThatClosedItsFiles() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let file = try System.open(scene.path, .readOnly)
      let mapping = mmap(nil, 4096, PROT_READ, MAP_SHARED, file, 0)
      System.close(file)
      try #require(mapping != MAP_FAILED)
      try scene.attach(getpid(), entry: 1023, locked: false)
      try scene.own(0, entry: 1023)
      let name = ProcessImage.name(of: getpid())
      try expect(scene, "unlocked", name: name, owned: [0])
      munmap(mapping, 4096)
      try expect(scene, "dead", name: name, owned: [0])
    }
  }

  /// The process is there, but it runs another program.
  @Test func exec() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 1023, locked: false)
      try scene.own(0, entry: 1023)
      try expect(scene, "dead", name: "sleep", owned: [0])
    }
  }

  @Test func anotherNamespaceIsJudgedByTheLock() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      try scene.attach(getpid(), entry: 2)
      try scene.patch(2, RegistryFields.pidNamespace, UInt64(1))
      try scene.patch(2, RegistryFields.timeNamespace, UInt64(1))
      try expect(scene, "elsewhere", name: nil)
      #expect(try scene.lockReport().attached.first?.attachedSeconds == nil)
      try scene.unlock(2)
      try expect(scene, "dead", name: nil)
    }
  }

  /// No lock outlives a boot; a number and a start time may come again.
  @Test func anotherBoot() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 2, locked: false)
      try TestFiles.patchHeader(scene.lockPath, at: LockHeaderFields.bootID.offset, [UInt8](1...16))
      try expect(scene, "dead", name: nil)
      #expect(try scene.lockReport().attached.first?.attachedSeconds == nil)
    }
  }

  /// A word of another generation, and one that names no entry.
  @Test func anOwnerThatNobodyIs() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 4)
      try scene.own(3, entry: 4, generation: Scene.generation - 1)
      try scene.own(6, entry: Format.registryEntries)
      let lock = try scene.lockReport()
      #expect(lock.attached.map(\.holds) == [[]] && lock.attached.map(\.state) == ["alive"])
      #expect(
        lock.owners == [
          .init(shard: 3, entry: 4, pid: nil, state: "dead", odd: false),
          .init(shard: 6, entry: nil, pid: nil, state: "dead", odd: false),
        ])
      #expect(try scene.text(from: "shard").hasSuffix("shards 3, 6: owner is dead; the next writer recovers them"))
    }
  }

  @Test func manyHandlesAreSummedUp() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let (idle, owner, halted, gone) = (try Sleeper(), try Sleeper(), try Sleeper(), try Sleeper())
      gone.reap()
      for entry in 0..<9 { try scene.attach(idle.id, entry: entry) }
      for entry in 10..<20 { try scene.attach(gone.id, entry: entry, locked: false) }
      try scene.attach(owner.id, entry: 30)
      try scene.attach(halted.id, entry: 40)
      halted.stop()
      try scene.patch(30, RegistryFields.uid, UInt32(4_000_000_000))
      for shard in 0..<8 { try scene.own(shard, entry: 30) }
      owner.stop()
      let text = try scene.text(from: "attached").split(separator: "\n")
      // Two lines for the handle that holds so much, and two about what will happen.
      #expect(text.count == 13, "\(text)")
      #expect(text[0] == "attached      21")
      #expect(text[1].hasPrefix("  pid N  sleep  stopped  for 5.0 d  uid 4000000000, holds shards 0,"))
      #expect(text[3] == "  pid N  sleep  stopped  for 5.0 d")
      #expect(text.filter { $0 == "  pid N  sleep  alive    for 5.0 d" }.count == 6)
      #expect(text.contains("  and 13 more: 3 alive, 10 dead"))
      #expect(try scene.lockReport().attached.count == 21)
    }
  }

  /// One line for each owner, as long as they fit.
  @Test func manyDeadOwnersAreSummedUp() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let gone = try Sleeper()
      gone.reap()
      for entry in 0..<10 {
        try scene.attach(gone.id, entry: entry, locked: false)
        try scene.own(15 - entry, entry: entry)
      }
      let text = try scene.text(from: "attached").split(separator: "\n")
      #expect(text.count == 1 + 8 + 1 + 8 + 1)
      #expect(text[1] == "  pid N  ?  dead  5.0 d ago  holds shard 15")
      #expect(text[9] == "  and 2 more: 2 dead")
      #expect(text[10] == "shard 6: owner (pid N) is dead; the next writer recovers it")
      #expect(text.last == "and the shards of 2 more such owners")
    }
  }

  /// A name can't steer the terminal, nor break the JSON.
  @Test func aHostileName() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let name = "a\u{1B}[2J\"\\)\nZ"
      let sleeper = try Sleeper(as: directory + "/" + name)
      try scene.attach(sleeper.id, entry: 0)
      try expect(scene, "alive", name: name)
      #expect(try scene.text(from: "attached").hasSuffix("pid N  a?[2J\"\\)?Z  alive  for 5.0 d"))
    }
  }

  @Test func withoutALockFileOrWithADamagedOne() throws {
    try withTemporaryDirectory { directory in
      let scene = try Scene(directory)
      let sleeper = try Sleeper()
      try scene.attach(sleeper.id, entry: 0)
      var random = SeededGenerator(seed: 3)
      for at in scene.geometry.linesOffset..<(scene.geometry.registryOffset + 20 * RegistryFields.structure.size) {
        try TestFiles.patch(scene.lockPath, at: at, [UInt8(random.below(256))])
      }
      let lock = try scene.lockReport()
      #expect(lock.owners.count == 16 && lock.attached.count == 20)
      #expect(lock.owners.allSatisfy { $0.state == "dead" })
      #expect(try scene.text(from: "attached").hasPrefix("attached      20\n"))
      // The id is random, so a byte of it may be anything.
      let id = try TestFiles.read(scene.lockPath)[LockHeaderFields.storeID.offset]
      try TestFiles.patch(scene.lockPath, at: LockHeaderFields.storeID.offset, [id ^ 1])
      #expect(try scene.info() == InfoReport(lock: nil, lockProblem: "WKV-L01"))
      #expect(try !scene.text().contains("\nattached"))
      try System.remove(scene.lockPath)
      #expect(try scene.info() == InfoReport(lock: nil, lockProblem: nil))
      // Whoever holds the lock of an entry writes under a lock file that can't be seen.
      let text = try scene.text()
      #expect(text.contains("\nlock file     none"))
      #expect(text.contains("attention: the lock file is gone while somebody uses the store"))
    }
  }
}
