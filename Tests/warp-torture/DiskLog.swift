// SPDX-License-Identifier: Apache-2.0
// What the files of a directory held at each moment, and what of it a disk may hold after a loss of power.
//
//   file | page 0: version at moment 0, version at moment 7, … | page 1: … | synced at moments 3, 9, …
//
// - A file is known by its inode, whatever names it has and had.
// - At the end of an fsync the disk has what the file held at its beginning. From then on each page, and if it is torn
//   each sector of it, may be any version since. What was never written to the disk reads as zeros, and the file may be
//   shorter.
// - Names are on the disk at the next fsync of any file, as ext4, XFS and Btrfs do it. Until then each name may be as it
//   was at any moment since.

import CTorture
import Glibc
import WarpFormat
import WarpTestSupport

final class DiskLog {
  static let page = 4096
  static let sector = 512
  /// What a processor stores at once: the page of the state block is torn at these.
  static let word = 8

  private struct Version {
    let moment: Int
    let bytes: [UInt8]
  }

  private struct File {
    let descriptor: Int32
    var sizes: [(moment: Int, size: Int)] = []
    var pages: [[Version]] = []
    var syncs: [Int] = []
  }

  private let directory: String
  private var files: [UInt64: File] = [:]
  private var names: [[String: UInt64]] = []
  /// Moments at which an fsync began.
  private(set) var syncs: [Int] = []
  /// What the owner of the log says of each moment.
  private var marks: [Int] = []
  var mark = 0
  private var failure: (any Error)?

  var moments: Int { names.count }
  func mark(at moment: Int) -> Int { marks[moment] }
  /// The file that had a name at a moment.
  func file(_ name: String, at moment: Int) -> UInt64? { names[moment][name] }

  /// Until `stop`, each fsync of this program is a moment.
  init(_ directory: String) {
    self.directory = directory
    torture_on_sync(
      { descriptor, context in
        let log = Unmanaged<DiskLog>.fromOpaque(context!).takeUnretainedValue()
        do { try log.note(syncing: descriptor) } catch { log.failure = error }
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  func stop() throws {
    torture_on_sync(nil, nil)
    if let failure { throw failure }
  }

  deinit { for file in files.values { System.close(file.descriptor) } }

  // MARK: Moments

  /// Looks at all files, and keeps what has changed. An open descriptor keeps each inode from being used again.
  func note(syncing descriptor: Int32? = nil) throws {
    var now: [String: UInt64] = [:]
    for name in try System.list(directory) {
      guard let status = try System.status(path: directory + "/" + name) else { continue }
      now[name] = status.inode
      if files[status.inode] == nil {
        files[status.inode] = File(descriptor: try System.open(directory + "/" + name, .readOnly))
      }
    }
    let moment = names.count
    for inode in files.keys { try look(&files[inode]!, moment) }
    names.append(now)
    marks.append(mark)
    guard let descriptor else { return }
    syncs.append(moment)
    files[try System.status(descriptor, directory).inode]?.syncs.append(moment)
  }

  private func look(_ file: inout File, _ moment: Int) throws {
    let size = try System.status(file.descriptor, directory).size
    if file.sizes.last?.size != size { file.sizes.append((moment, size)) }
    let bytes = try System.read(file.descriptor, at: 0, count: size, directory)
    let zeros = [UInt8](repeating: 0, count: DiskLog.page)
    for start in stride(from: 0, to: bytes.count, by: DiskLog.page) {
      let number = start / DiskLog.page
      if file.pages.count == number { file.pages.append([]) }
      let length = min(DiskLog.page, bytes.count - start)
      let isSame = bytes.withUnsafeBytes { all in
        (file.pages[number].last?.bytes ?? zeros).withUnsafeBytes { last in
          memcmp(all.baseAddress! + start, last.baseAddress!, length) == 0
        }
      }
      if isSame { continue }
      let page = Array(bytes[start..<(start + length)]) + zeros.prefix(DiskLog.page - length)
      file.pages[number].append(Version(moment: moment, bytes: page))
    }
  }

  // MARK: Images

  /// When the power goes.
  struct Crash {
    let moment: Int
    /// The fsync that began then has ended.
    let isSynced: Bool
  }

  /// How pages get to the disk.
  enum Order: CaseIterable {
    /// Nothing since the last fsync.
    case none
    /// Everything.
    case all
    /// Some pages as they are now, the others as they were synced.
    case some
    /// Any version of each page.
    case any
    /// Any version of each sector.
    case torn
  }

  /// The pages of a file on the disk.
  struct Content {
    let inode: UInt64
    var size: Int
    var pages: [[UInt8]]
  }

  /// What the disk may hold, by name.
  func image(after crash: Crash, _ random: inout SeededGenerator) -> [String: Content] {
    let done = crash.isSynced ? crash.moment : crash.moment - 1
    let first = syncs.last { $0 <= done } ?? 0
    var all: Set<String> = []
    for moment in first...crash.moment { all.formUnion(names[moment].keys) }
    let isOrdered = random.below(2) == 0
    var image: [String: Content] = [:]
    for name in all.sorted() {
      let moment = isOrdered ? crash.moment : first + random.below(crash.moment - first + 1)
      guard let inode = names[moment][name] else { continue }
      image[name] = content(inode, crash, done, &random)
    }
    return image
  }

  private func content(
    _ inode: UInt64, _ crash: Crash, _ done: Int, _ random: inout SeededGenerator
  ) -> Content {
    let file = files[inode]!
    let synced = file.syncs.last { $0 <= done }
    let sizes = file.sizes.filter { $0.moment <= crash.moment }.map(\.size)
    let (order, share) = (Order.allCases[random.below(Order.allCases.count)], 1 + random.below(9))
    var size = sizes.last ?? 0
    if synced == nil, order != .all {
      size = [0, size, size / DiskLog.page / 2 * DiskLog.page][random.below(3)]
    }
    let zeros = [UInt8](repeating: 0, count: DiskLog.page)
    var pages: [[UInt8]] = []
    for number in 0..<((size + DiskLog.page - 1) / DiskLog.page) {
      let versions = file.pages[number].filter { $0.moment <= crash.moment }
      let old = synced.flatMap { moment in versions.last { $0.moment <= moment } }?.bytes ?? zeros
      let candidates = [old] + versions.filter { $0.moment > synced ?? -1 }.map(\.bytes)
      switch order {
      case .none: pages.append(old)
      case .all: pages.append(candidates.last!)
      case .some: pages.append(random.below(10) < share ? candidates.last! : old)
      case .any: pages.append(candidates[random.below(candidates.count)])
      case .torn:
        let grain = number * DiskLog.page == Format.stateOffset ? DiskLog.word : DiskLog.sector
        pages.append(DiskLog.torn(candidates, grain, &random))
      }
    }
    return Content(inode: inode, size: size, pages: pages)
  }

  private static func torn(_ candidates: [[UInt8]], _ grain: Int, _ random: inout SeededGenerator) -> [UInt8] {
    guard candidates.count > 1 else { return candidates[0] }
    var page = candidates[0]
    for start in stride(from: 0, to: DiskLog.page, by: grain) {
      let other = candidates[random.below(candidates.count)]
      page.replaceSubrange(start..<(start + grain), with: other[start..<(start + grain)])
    }
    return page
  }

  fileprivate static func isZero(_ page: [UInt8]) -> Bool {
    page.withUnsafeBytes { all in
      all.count >= word && all.loadUnaligned(as: UInt64.self) == 0
        && memcmp(all.baseAddress!, all.baseAddress! + word, all.count - word) == 0
    }
  }

  /// Any page that a file has, or once had; nil if it had none.
  func anyPage(_ inode: UInt64, _ number: Int, _ random: inout SeededGenerator) -> [UInt8]? {
    guard let versions = files[inode]?.pages[number], !versions.isEmpty else { return nil }
    return versions[random.below(versions.count)].bytes
  }
}

extension [String: DiskLog.Content] {
  /// Makes the files. Pages of zeros become holes.
  func write(to directory: String) throws {
    for (name, content) in self {
      let path = directory + "/" + name
      let file = try System.open(path, .createExclusive)
      defer { System.close(file) }
      try System.setSize(file, content.size, path)
      for (number, page) in content.pages.enumerated() where !DiskLog.isZero(page) {
        let start = number * DiskLog.page
        try System.write(file, at: start, Array(page.prefix(content.size - start)), path)
      }
    }
  }
}
