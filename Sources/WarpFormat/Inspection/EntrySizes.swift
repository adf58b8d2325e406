// SPDX-License-Identifier: Apache-2.0
// How large the live entries of a shard are, from the slot headers alone. The sizes are bytes of the file, cut to what
// a slot can hold and otherwise not judged.

extension ShardImage {
  /// Calls `body` with the key size and the stored size of each live entry, in the order of the slots.
  public func forEachSize(_ body: (_ key: Int, _ stored: Int) -> Void) {
    for (first, chunk) in usedHeaders() {
      for index in 0..<(chunk.count / SlotFields.structure.size) where first + index <= usedSlots {
        let start = index * SlotFields.structure.size
        guard Control(raw: chunk.integer(SlotFields.control, at: start)).state == .live else { continue }
        body(
          min(Int(clamping: chunk.integer(SlotFields.keySize, at: start)), geometry.maxKeySize),
          min(Int(clamping: chunk.integer(SlotFields.storedSize, at: start)), geometry.maxValueSize))
      }
    }
  }
}
