// SPDX-License-Identifier: Apache-2.0
// `warp-inspect list`: every file of the directory gets a line, whatever it is.

import Foundation
import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@testable import warp_inspect

@Suite struct ListTests {
  private func list(_ directory: String, _ arguments: [String] = []) throws -> Inspection {
    try Inspection(["list", "--directory", directory + "/stores"] + arguments, in: directory)
  }

  @Test func nothing() throws {
    try withTemporaryDirectory { directory in
      let none = try list(directory)
      #expect(none.code == 0 && none.output.filter { $0 != "\n" } == "no stores in \(directory)/stores/v1")
      #expect(try !TestFiles.exists(directory + "/stores"))
      #expect(try list(directory, ["--json"]).output.contains(#""stores": []"#))
    }
  }

  @Test func storesAndWhatIsNone() throws {
    try withTemporaryDirectory { directory in
      let stores = directory + "/stores"
      let store = try SharedStore.open("sessions", .init(capacity: 10, shards: 1), directory: stores)
      for key in 0..<5 { try store.set("\(key)", to: [1]) }
      for key in 0..<10 { _ = try store.get("\(key)") }
      let typed = try Cache<String, Int>(
        "../é", in: .shared, capacity: 4, options: CacheOptions(directory: stores))
      try typed.set("a", to: 1)
      let bad = stores + "/v1/bad.warp"
      try TestFiles.write(bad, Array("no store".utf8))
      symlink(bad, stores + "/v1/link.warp")
      mkfifo(stores + "/v1/pipe.warp", 0o600)
      try System.makeDirectory(stores + "/v1/folder.warp")
      try System.makeDirectory(stores + "/v2")
      try TestFiles.write(stores + "/v1/lost.warp-lock", [1])
      try TestFiles.write(stores + "/v1/kept.warp-init", [])
      let text = try list(directory)
      #expect(text.code == 1 && text.errors == "")
      let lines = text.output.split(separator: "\n").map(String.init)
      #expect(lines.allSatisfy { $0.unicodeScalars.count <= 80 })
      let sessions = try #require(lines.first { $0.hasPrefix("sessions ") })
      #expect(sessions.contains(#/ 5 +10 +50\.0 % +[\d.]+ [KMi]*B +50\.0 % +1 +\d+\.\d s$/#), "\(sessions)")
      for name in ["bad", "link", "pipe", "folder"] {
        let index = try #require(lines.firstIndex(of: name))
        #expect(lines[index + 1].hasPrefix("  not a sound store: "))
      }
      #expect(lines.contains(#"  typed, named "../\u00e9""#))
      #expect(!text.output.contains("lost") && !text.output.contains("v2"))
      let all = try list(directory, ["--all"]).output
      #expect(all.contains("no store: \(stores)/v1/lost.warp-lock") && all.contains("no store: \(stores)/v2"))
      #expect(!all.contains("kept"))

      let json = try JSONSerialization.jsonObject(with: Data(try list(directory, ["--json"]).output.utf8))
      let entries = try #require((json as? [String: Any])?["stores"] as? [[String: Any]])
      #expect(entries.count == 6)
      let first = try #require(entries.first { $0["name"] as? String == "sessions" })
      #expect(first["entries"] as? Int == 5)
      #expect(first["hitRatio"] as? Double == 0.5)
      #expect(first["attached"] as? Int == 1)
      #expect(first["health"] as? String == "sound")
      #expect(first["error"] is NSNull)
      #expect(entries.first { $0["name"] as? String == "bad" }?["rule"] as? String == "WKV-H02")
      #expect(entries.contains { $0["typedName"] as? String == "../é" })
      store.close()
    }
  }

  /// Anybody who could reach into the directory could have put anything there.
  @Test func aDirectoryOfOthers() throws {
    try withTemporaryDirectory { directory in
      try System.makeDirectory(directory + "/stores")
      chmod(directory + "/stores", 0o755)
      let refused = try list(directory)
      #expect(refused.code == 2 && refused.output == "" && refused.errors.contains("insecureDirectory"))
    }
  }

  @Test func namesOfTypedStores() {
    let long = String(repeating: "é", count: 30)
    let escaped = String(repeating: "%C3%A9", count: 30)
    #expect(StoreListing.typed("forecast-d7abb79f42b76d6b")?.name == "forecast")
    #expect(StoreListing.typed("forecast-d7abb79f42b76d6b")?.hash == "d7abb79f42b76d6b")
    #expect(StoreListing.typed("%2E.%2FGr%C3%B6%C3%9Fe%20von%20A-7cfb0e347dec6b5a")?.name == "../Größe von A")
    #expect(StoreListing.typed("\(escaped)-fe70249d515893cf")?.name == long)
    for name in ["sessions", "-d7abb79f42b76d6b", "a-D7ABB79F42B76D6B", "a-d7abb79f42b76d6", ""] {
      #expect(StoreListing.typed(name) == nil, "\(name)")
    }
    #expect(StoreListing.typed("a%zz%-0123456789abcdef")?.name == "a%zz%")
  }
}
