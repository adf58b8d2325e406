// SPDX-License-Identifier: Apache-2.0
// Which lists of arguments are hashed by their bytes in memory: those of integers, if there is no padding between them. The
// others go through Hasher.

extension Int: ByteKey {}
extension Int8: ByteKey {}
extension Int16: ByteKey {}
extension Int32: ByteKey {}
extension Int64: ByteKey {}
extension Int128: ByteKey {}
extension UInt: ByteKey {}
extension UInt8: ByteKey {}
extension UInt16: ByteKey {}
extension UInt32: ByteKey {}
extension UInt64: ByteKey {}
extension UInt128: ByteKey {}

extension Arguments2: ByteKey where First: ByteKey, Second: ByteKey {
  package static var isDense: Bool {
    First.isDense && Second.isDense
      && MemoryLayout<Self>.size == MemoryLayout<First>.size + MemoryLayout<Second>.size
  }
}

extension Arguments3: ByteKey where First: ByteKey, Second: ByteKey, Third: ByteKey {
  package static var isDense: Bool {
    First.isDense && Second.isDense && Third.isDense
      && MemoryLayout<Self>.size
        == MemoryLayout<First>.size + MemoryLayout<Second>.size + MemoryLayout<Third>.size
  }
}

extension ArgumentPack: ByteKey where repeat each Argument: ByteKey {
  package static var isDense: Bool {
    var size = 0
    for type in repeat (each Argument).self {
      guard type.isDense else { return false }
      size += sizeOf(type)
    }
    return MemoryLayout<Self>.size == size
  }
}

private func sizeOf<Type>(_ type: Type.Type) -> Int { MemoryLayout<Type>.size }
