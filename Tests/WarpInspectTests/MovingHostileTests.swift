// SPDX-License-Identifier: Apache-2.0
// Commands that write, where something is in their way: a name that is taken, no space, a kill. There is never a half-made file of
// the final name, and nothing of the sort is left behind for long.

import Glibc
import Testing
import WarpKV
import WarpTestSupport

@testable import WarpFormat

@Suite struct MovingHostileTests {
  /// The commands that make a store, each as arguments with its target last.
  static let makers = ["copy a.warp TARGET", "import a.jsonl TARGET --create", "repair a.warp TARGET"]

  /// A directory with a store and an export of it.
  private func withStore(_ numbered: Int = 40, _ body: (_ directory: String) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      try MovingScene.make(directory + "/a.warp", capacity: 4 * numbered, numbered: numbered)
      let done = try Inspection(["export", directory + "/a.warp", "-o", directory + "/a.jsonl"], in: directory)
      #expect(done.code == 0)
      try body(directory)
    }
  }

  private func command(_ maker: String, _ target: String, _ directory: String) -> String {
    "cd \(directory) && \"$0\" " + maker.replacing("TARGET", with: target).replacing("a.warp", with: "./a.warp")
  }

  /// Neither a store nor anything else is overwritten unasked, nor in place.
  @Test(arguments: makers)
  func namesThatAreTaken(_ maker: String) throws {
    try withStore { directory in
      try MovingScene.make(directory + "/b.warp", numbered: 3)
      try TestFiles.write(directory + "/c.warp", Array("a letter".utf8))
      try System.makeDirectory(directory + "/d.warp")
      let before = try TestFiles.snapshot(directory).filter { $0.contains(".warp") }
      for target in ["./a.warp", "./b.warp", "./c.warp", "./d.warp"] {
        let done = try Inspection(script: command(maker, target, directory), in: directory)
        #expect(done.code == 2 && done.errors.contains("warp-inspect: "), "\(maker) \(target): \(done)")
      }
      #expect(try TestFiles.snapshot(directory).filter { $0.contains(".warp") } == before)
    }
  }

  /// --force replaces a store, and never what is none.
  @Test(arguments: ["copy a.warp TARGET --force", "repair a.warp TARGET --force"])
  func force(_ maker: String) throws {
    try withStore { directory in
      let target = directory + "/b.warp"
      try TestFiles.write(directory + "/c.warp", [UInt8](repeating: 7, count: 10_000))
      let letter = try Inspection(script: command(maker, "./c.warp", directory), in: directory)
      #expect(letter.code == 2 && letter.errors.contains("WKV-H02"), "\(letter)")
      #expect(try TestFiles.read(directory + "/c.warp").count == 10_000)
      let itself = try Inspection(script: command(maker, "./a.warp", directory), in: directory)
      #expect(itself.code == 2, "\(itself)")
      let store = try SharedStore.open(path: target, .init(capacity: 8))
      defer { store.close() }
      try store.set("here", to: [1])
      let done = try Inspection(script: command(maker, "./b.warp", directory), in: directory)
      #expect(done.code == 0, "\(done)")
      // Whoever has it open goes on with the new one.
      #expect(try store.get("here") == nil && store.get("key7") == Array("value 7".utf8))
      #expect(try MovingScene.findings(target) == [])
    }
  }

  /// A limit on the size of files is met at any point: a sentence, and no file.
  @Test(arguments: makers, [8, 64, 100, 200, 600])
  func noSpace(_ maker: String, _ blocks: Int) throws {
    try withStore(400) { directory in
      let before = try MovingScene.names(directory)
      let done = try Inspection(
        script: "ulimit -f \(blocks) && " + command(maker, "./b.warp", directory), in: directory)
      #expect(done.code == 2 && done.errors.contains("fileSizeLimit"), "\(done)")
      #expect(try MovingScene.names(directory) == before)
    }
  }

  /// A file system that is full before the files are made, in the middle of them, while they are filled.
  @Test(arguments: makers, [64, 400, 1000])
  func aFullDisk(_ maker: String, _ kibibytes: Int) throws {
    try withStore(2000) { directory in
      let disk = directory + "/disk"
      try System.makeDirectory(disk)
      guard mount("warpkv-test", disk, "tmpfs", 0, "size=\(kibibytes)k,mode=0700") == 0 else {
        print("full disks are tested as root only (errno \(errno))")
        return
      }
      defer { umount2(disk, Int32(MNT_DETACH)) }
      let done = try Inspection(script: command(maker, "./disk/b.warp", directory), in: directory)
      #expect(done.code == 2 && done.errors.contains("noSpace"), "\(done)")
      #expect(try MovingScene.names(disk) == [])
      let export = try Inspection(script: "cd \(directory) && \"$0\" export ./a.warp -o disk/x", in: directory)
      #expect(export.code == (kibibytes == 64 ? 2 : 0), "\(export)")
      #expect(try MovingScene.names(disk) == (export.code == 2 ? [] : ["x"]))
    }
  }

  @Test func anExportThatDoesNotFit() throws {
    try withStore(400) { directory in
      let before = try MovingScene.names(directory)
      let done = try Inspection(
        script: "cd \(directory) && ulimit -f 8 && \"$0\" export ./a.warp -o b.jsonl", in: directory)
      #expect(done.code == 2 && done.errors.contains("fileSizeLimit"), "\(done)")
      #expect(try MovingScene.names(directory) == before)
    }
  }

  /// A mistaken word does not cost a store; another file is replaced.
  @Test func targetsOfAnExport() throws {
    try withStore { directory in
      let before = try TestFiles.snapshot(directory).filter { $0.contains(".warp") }
      for target in ["a.warp", "a.warp-lock", "."] {
        let done = try Inspection(script: "cd \(directory) && \"$0\" export ./a.warp -o \(target)", in: directory)
        #expect(done.code == 2, "\(target): \(done)")
      }
      #expect(try TestFiles.snapshot(directory).filter { $0.contains(".warp") } == before)
      try TestFiles.write(directory + "/x", Array("old".utf8))
      #expect(try Inspection(["export", directory + "/a.warp", "-o", directory + "/x"], in: directory).code == 0)
      #expect(try TestFiles.read(directory + "/x").count > 1000)
    }
  }

  /// Killed while it waits for the rest of its input: no store, and the next one gets the name.
  @Test func killedInTheMiddle() throws {
    try withStore { directory in
      let script = """
        cd \(directory) && mkfifo pipe && ("$0" import - ./b.warp --create < pipe & echo $! > pid; exec 3> pipe; \
        head -20 a.jsonl >&3; for i in $(seq 600); do [ -e b.warp-new ] && break; sleep 0.2; done; \
        ls b.warp-new; kill -9 $(cat pid); wait; rm pipe pid)
        """
      let killed = try Inspection(script: script, in: directory)
      #expect(killed.output == "b.warp-new\n", "\(killed)")
      #expect(try !TestFiles.exists(directory + "/b.warp") && !TestFiles.exists(directory + "/b.warp-lock"))
      let done = try Inspection(
        ["import", directory + "/a.jsonl", directory + "/b.warp", "--create"], in: directory)
      #expect(done.code == 0, "\(done)")
      #expect(try MovingScene.findings(directory + "/b.warp") == [])
      #expect(try !MovingScene.names(directory).contains { $0.hasSuffix("-new") })
    }
  }

  /// An export that is killed leaves no file of the name.
  @Test func anExportThatIsKilled() throws {
    try withStore(4000) { directory in
      let script = """
        cd \(directory) && for i in 1 2 3 4 5; do "$0" export ./a.warp -o x.jsonl & sleep 0.0$i; kill -9 $!; wait $!; \
        [ -e x.jsonl ] && tail -c 200 x.jsonl | grep -q checksum || [ ! -e x.jsonl ] || echo half; rm -f x.jsonl; done
        """
      let done = try Inspection(script: script, in: directory)
      #expect(!done.output.contains("half"), "\(done)")
    }
  }

  /// What is no export, no store, or not there: a sentence and status 2.
  @Test func wordsThatAreWrong() throws {
    try withStore { directory in
      for words in [
        "import ./a.warp ./b.warp --create", "import ./nothing ./b.warp --create", "import . ./b.warp --create",
        "import a.jsonl ./nothing.warp", "import a.jsonl ./a.jsonl.warp", "export ./nothing.warp",
        "copy . ./b.warp",
        "copy ./a.jsonl ./b.warp", "copy ./a.warp ./no/where.warp", "repair ./a.jsonl ./b.warp",
        "repair . ./b.warp",
        "copy ./a.warp ./b.warp --shards 3", "import a.jsonl ./b.warp --create --capacity 0",
        "repair ./a.warp ./b.warp --like ./nothing.warp",
      ] {
        let done = try Inspection(script: "cd \(directory) && \"$0\" \(words)", in: directory)
        #expect(done.code == 2 && done.errors.hasPrefix("warp-inspect: "), "\(words): \(done)")
        #expect(try !TestFiles.exists(directory + "/b.warp"), "\(words)")
      }
      for words in [
        "import a.jsonl ./b.warp --capacity 3", "import a.jsonl ./b.warp --if-absent --replace", "copy ./a.warp",
        "repair ./a.warp ./b.warp --shards 2", "export ./a.warp --json --format binary",
      ] {
        #expect(
          try Inspection(script: "cd \(directory) && \"$0\" \(words)", in: directory).code == 64, "\(words)")
      }
    }
  }
}
