// SPDX-License-Identifier: Apache-2.0
// One invalid fixture: which valid one it starts from, which rule it breaks, how, and where the finding must point.
// Whatever checksum would otherwise be broken too is repaired.

import WarpFormat
import WarpTestSupport

struct Damage {
  /// The rule's id without its prefix, then a word: "B04-fingerprint".
  let name: String
  let base: String
  let edit: (inout StoreImage) -> Int

  /// - Parameter edit: breaks the rule and returns the offset of the finding.
  init(_ name: String, _ base: String = "update-and-remove", _ edit: @escaping (inout StoreImage) -> Int) {
    self.name = name
    self.base = base
    self.edit = edit
  }

  var rule: String { "WKV-" + name.prefix { $0 != "-" } }

  /// Header fields set to values, the header's checksum repaired; the finding is at the first field unless said.
  static func inHeader(_ name: String, _ values: (Field, UInt64)..., at place: Field? = nil) -> Damage {
    Damage(name, "one-entry") { image in
      for (field, value) in values { image.set(field.offset, field.size, value) }
      image.sealHeader()
      return (place ?? values[0].0).offset
    }
  }

  /// A byte of the file set to 1; that is where the finding is.
  static func byte(_ name: String, _ base: String, _ place: @escaping (StoreImage) -> Int) -> Damage {
    Damage(name, base) { image in
      image.data[place(image)] = 1
      return place(image)
    }
  }

  static func inState(_ name: String, _ offset: Int) -> Damage {
    byte(name, "empty") { _ in Format.stateOffset + offset }
  }

  static func inControl(
    _ name: String, _ field: Field, _ value: UInt64, of base: String = "update-and-remove"
  ) -> Damage {
    Damage(name, base) { image in
      image.setControl(field, value)
      return image.controlOffset(field)
    }
  }

  /// A field of the header of slot 1, the entry's checksum repaired.
  static func inSlot(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    Damage(name, "one-entry") { image in
      image.setSlot(1, field, value)
      if image.slot(1, SlotFields.storedSize) <= 32 { image.seal(1) }
      return image.slotOffset(1, field)
    }
  }

  /// A field of the metadata of slot 1, the entry's checksum repaired.
  static func inMetadata(_ name: String, _ field: Field, _ value: UInt64) -> Damage {
    Damage(name, "one-entry") { image in
      image.setMetadata(1, field, value)
      image.seal(1)
      return image.metadataOffset(1, field)
    }
  }
}

extension StoreImage {
  var free: Int { Int(control(ControlFields.freeHead)) }
  var oldest: Int { Int(control(ControlFields.oldest)) }
  var newest: Int { Int(control(ControlFields.newest)) }

  /// The offset of an entry's bucket, or of one some places further.
  func bucketOffset(ofSlot slot: Int, plus distance: Int = 0) -> Int {
    bucketOffset((bucket(of: slot)! + distance) % geometry.bucketsPerShard)
  }

  /// The offset of the first empty bucket.
  var emptyBucket: Int {
    bucketOffset((0..<geometry.bucketsPerShard).first { get(bucketOffset($0), 8) == 0 }!)
  }

  /// The offset of the stored value.
  func valueOffset(_ slot: Int) -> Int {
    slotOffset(slot) + 32 + (Int(self.slot(slot, SlotFields.keySize)) + 7) / 8 * 8
  }
}
