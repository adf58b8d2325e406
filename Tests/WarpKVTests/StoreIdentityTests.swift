// SPDX-License-Identifier: Apache-2.0
// The names of typed stores: those of the specification, valid whatever the name is, and different for different stores.

import Testing
import WarpFormat
import WarpKV
import WarpTestSupport

@Suite struct StoreIdentityTests {
  /// WKV-F10. The independent reader makes the same names of the same file.
  @Test func theNamesOfTheSpecification() throws {
    let lines = String(decoding: try TestFiles.read("\(Fixtures.directory)/../typed/identities.tsv"), as: UTF8.self)
      .split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    #expect(lines.count == 3)
    for line in lines {
      let identity = try StoreIdentity(
        line[1], namespace: line[0], version: try #require(Int(line[2])), keyDescriptor: hexadecimal(line[3]),
        valueDescriptor: hexadecimal(line[4]))
      #expect(try identity.storeName == line[5])
    }
  }

  @Test func whateverTheNameItIsOneOfAStore() throws {
    var generator = SampleGenerator(seed: TestPlan.seed(46))
    var names = [
      ".", "..", ".hidden", "a/b", "../../etc/passwd", "\0", "-", "%41", "A", String(repeating: "😀", count: 99),
    ]
    names += (0..<200).map { _ in generator.text() + generator.text() }
    try withTemporaryDirectory { directory in
      var made: [String: StoreIdentity] = [:]
      for name in names where !name.isEmpty {
        let identity = try StoreIdentity(name, keyDescriptor: [0x10], valueDescriptor: [0x20])
        let storeName = try identity.storeName
        #expect(storeName.utf8.count <= Format.maximumNameSize)
        let other = made.updateValue(identity, forKey: storeName)
        #expect(other == nil || other == identity, "\(name)")
        _ = try StoreFiles(name: storeName, directory: directory)
      }
      // One of the worst is really opened.
      let worst = try StoreIdentity("../../a\0b", keyDescriptor: [], valueDescriptor: [])
      try SharedStore.open(try worst.storeName, directory: directory).set("k", to: [1])
      #expect(try SharedStore.list(directory: directory) == [try worst.storeName])
    }
  }

  @Test func eachPartTellsStoresApart() throws {
    func name(_ change: (inout (name: String, space: String, version: Int, key: [UInt8], value: [UInt8])) -> Void)
      throws
      -> String
    {
      var parts = (name: "n", space: "s", version: 0, key: [0x10] as [UInt8], value: [0x20] as [UInt8])
      change(&parts)
      return try StoreIdentity(
        parts.name, namespace: parts.space, version: parts.version, keyDescriptor: parts.key,
        valueDescriptor: parts.value
      ).storeName
    }
    let all = [
      try name { _ in }, try name { $0.name = "N" }, try name { $0.space = "" }, try name { $0.version = 1 },
      try name { $0.version = -1 }, try name { $0.key = [0x20] }, try name { $0.value = [0x10] },
      try name {
        $0.key = []
        $0.value = [0x10, 0x20]
      },
    ]
    #expect(Set(all).count == all.count)
  }

  /// WKV-F09.
  @Test func theNamespaceIsTheModuleAndNoNameIsRefused() throws {
    let identity = try StoreIdentity("n", keyDescriptor: [], valueDescriptor: [])
    #expect(identity.namespace == "WarpKVTests")
    #expect(identity.version == 0)
    expectCode(.invalidName) { _ = try StoreIdentity("", keyDescriptor: [], valueDescriptor: []) }
  }
}

/// The bytes that a text in base 16 gives.
func hexadecimal(_ text: String) -> [UInt8] {
  let digits = text.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
