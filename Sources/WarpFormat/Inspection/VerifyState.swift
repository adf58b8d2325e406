// SPDX-License-Identifier: Apache-2.0
// Rules S01 to S05: the state block (SPEC.md §5.2 and "Verification").

extension Verifier {
  func checkState(_ report: (Finding) -> Void) throws(FormatError) {
    let page = try image.state()
    func add(_ rule: String, _ offset: Int, _ message: String) {
      report(Finding(rule: "WKV-" + rule, offset: Format.stateOffset + offset, message: message))
    }
    let superseded = page.integer(StateFields.superseded)
    if superseded > Format.supersededLockLost && superseded < Format.smallestStoreWord {
      add("S05", StateFields.superseded.offset, "superseded is \(superseded), which means nothing")
    }
    if let offset = Reserved(StateFields.structure).firstNonzero(in: page) {
      add("S01", offset, "a reserved byte of the state block is not zero")
    }
    var validClocks = 0
    for field in [StateFields.clockA, StateFields.clockB] {
      let bytes = page.slice(field)
      checkReserved(bytes, ClockFields.structure, field, add)
      if ClockRecord(bytes, at: 0) != nil {
        validClocks += 1
      } else if !StateRecord.isZero(bytes, ClockFields.checksum) {
        add("S03", field.offset, "\(field.name) is neither valid nor zero: generation or checksum is wrong")
      }
    }
    if validClocks == 0 { add("S02", StateFields.clockA.offset, "neither clock record is valid") }
    let detach = page.slice(StateFields.detach)
    checkReserved(detach, DetachFields.structure, StateFields.detach, add)
    if !StateRecord.isValidDetach(detach) && !StateRecord.isZero(detach, DetachFields.checksum) {
      add("S04", StateFields.detach.offset, "the clean-detach record is neither valid nor zero")
    }
  }

  private func checkReserved(
    _ bytes: [UInt8], _ structure: Structure, _ field: Field, _ add: (String, Int, String) -> Void
  ) {
    if let offset = Reserved(structure).firstNonzero(in: bytes) {
      add("S01", field.offset + offset, "a reserved byte of \(field.name) is not zero")
    }
  }
}

extension FileImage {
  /// Whether the last to leave wrote everything to the device, so that the store survives a reboot.
  package func isLeftClean() throws(FormatError) -> Bool {
    let page = try state()
    let detach = page.slice(StateFields.detach)
    return StateRecord.isValidDetach(detach)
      && detach.slice(DetachFields.bootID) == ClockRecord.current(page)?.bootID
  }
}

/// Validity of the records in the state block. Each covers what stands before its checksum.
enum StateRecord {
  static func isValidDetach(_ bytes: [UInt8]) -> Bool {
    let checksum = DetachFields.checksum
    return XXH3.hash64([UInt8](bytes.prefix(checksum.offset)), seed: 0) == bytes.integer(checksum)
  }

  /// Whether all fields are zero; reserved bytes have a rule of their own.
  static func isZero(_ bytes: [UInt8], _ checksum: Field) -> Bool {
    bytes.firstNonzero(in: 0..<(checksum.offset + checksum.size)) == nil
  }
}
