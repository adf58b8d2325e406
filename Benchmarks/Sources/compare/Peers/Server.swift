// SPDX-License-Identifier: Apache-2.0
// A server that the benchmark starts for itself, on a socket in its own directory, and ends again.

import CPeers

final class Server {
  let kind: Int32
  let link: OpaquePointer
  private let process: ChildProcess

  /// Starts it and connects.
  ///
  /// - Throws: ``BenchError`` if it is not installed or does not answer within 5 s.
  init(_ scratch: Scratch, kind: Int32) throws {
    self.kind = kind
    let name = kind == SERVER_REDIS ? "redis-server" : "memcached"
    let package = kind == SERVER_REDIS ? "redis-server" : "memcached"
    guard let program = ChildProcess.find(name) else {
      throw BenchError("\(name) is not installed: apt-get install \(package)")
    }
    let socket = scratch.file(name + ".sock")
    let arguments =
      kind == SERVER_REDIS
      ? [
        "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", scratch.path,
        "--logfile", scratch.file("redis.log"),
      ] : ["-s", socket, "-m", "1024", "-u", ChildProcess.userName, "-t", "2"]
    process = try ChildProcess(program, arguments)
    var trouble: UnsafePointer<CChar>?
    for _ in 0..<100 {
      if let link = server_connect(kind, socket, &trouble) {
        self.link = link
        return
      }
      guard process.isRunning, !Interrupt.isRaised else { break }
      Clocks.sleep(milliseconds: 50)
    }
    process.end()
    throw BenchError("\(name) does not answer: \(BenchGroup.reason(trouble))")
  }

  deinit {
    server_close(link)
    process.end()
  }

  func fill(_ entries: Int, valueSize: Int) throws {
    for entry in 0..<entries {
      if entry & 0xFFF == 0, Interrupt.isRaised { throw BenchError("interrupted") }
      let (key, value) = (Content.key(entry), Content.value(entry, size: valueSize))
      guard server_put(link, key, key.count, value, value.count) == 0 else {
        throw BenchError("the server did not store an entry")
      }
    }
  }
}
