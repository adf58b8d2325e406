// SPDX-License-Identifier: Apache-2.0
// The record of requests as seen from outside (SPEC.md §5.9 and §12.1): what of it is whole, in order.
//
// Requests are being recorded meanwhile. A cell that does not hold what its number says is left out and counted; where it
// is in the ring, not what it says, decides which number it must have.

/// The last requests of a store.
public struct RequestLog: Sendable {
  public let record: RequestRecord
  /// Requests recorded since the lock file was made.
  public let position: UInt64
  /// From the oldest that is kept to the newest.
  public let requests: [RecordedRequest]
  /// Cells that hold no whole request of those that should be there.
  public let lost: Int
}

extension LockImage {
  private var recordControl: [UInt8] {
    get throws(FormatError) {
      try file.read(at: geometry.recordOffset, count: RecordFields.structure.size)
    }
  }

  private func cellOffset(_ cell: Int) -> Int {
    geometry.recordOffset + RecordFields.structure.size + cell * RequestFields.structure.size
  }

  /// Requests recorded since the lock file was made; nil without a record.
  public func recordedCount() throws(FormatError) -> UInt64? {
    geometry.record == nil ? nil : try recordControl.integer(RecordFields.position)
  }

  /// nil without a record. O(cells).
  public func requestLog() throws(FormatError) -> RequestLog? {
    guard let record = geometry.record else { return nil }
    let position = try recordControl.integer(RecordFields.position)
    let kept = Int(min(position, UInt64(record.cells)))
    let oldest = position - UInt64(kept)
    var requests: [RecordedRequest] = []
    var bytes: [UInt8] = []
    var read = 0..<0
    for index in 0..<kept {
      let number = oldest + UInt64(index)
      let cell = Int(number & UInt64(record.cells - 1))
      if !read.contains(cell) {
        read = cell..<min(record.cells, cell + LockImage.cellsAtATime)
        bytes = try file.read(at: cellOffset(cell), count: read.count * RequestFields.structure.size)
      }
      let place = (cell - read.lowerBound) * RequestFields.structure.size
      if let request = RecordedRequest(bytes, at: place, number: number) { requests.append(request) }
    }
    return RequestLog(record: record, position: position, requests: requests, lost: kept - requests.count)
  }

  private static let cellsAtATime = 4096

  /// The number of the request that a cell should hold and does; nil if it holds none, or not that one.
  public func number(of cell: Record, position: UInt64) -> UInt64? {
    guard let record = geometry.record, cell.index < record.cells else { return nil }
    // The last number before the position that leads to this cell.
    let back = (position &- 1 &- UInt64(cell.index)) & UInt64(record.cells - 1)
    guard position > back else { return nil }
    let number = position - 1 - back
    return RecordedRequest(cell.bytes, at: 0, number: number) == nil ? nil : number
  }

  /// The head of the record and its cells that are not zero throughout; nil without a record.
  public func requestRecords() throws(FormatError) -> (control: Record, cells: [Record])? {
    guard let record = geometry.record else { return nil }
    let control = Record(index: 0, offset: geometry.recordOffset, bytes: try recordControl)
    return (control, try nonzero(RequestFields.structure, at: cellOffset(0), count: record.cells))
  }
}
