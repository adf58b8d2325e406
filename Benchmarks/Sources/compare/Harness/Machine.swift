// SPDX-License-Identifier: Apache-2.0
// What the figures were measured on, as far as the system tells.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

struct Machine {
  let processor: String
  let cores: Int
  let caches: [String]
  let kernel: String
  let governor: String
  let load: String
  let hugePages: String
  let memory: Int

  init() {
    let information = Files.text("/proc/cpuinfo") ?? ""
    processor = Machine.field("model name", of: information) ?? "unknown"
    cores = Machine.cores
    kernel = Files.line("/proc/sys/kernel/osrelease") ?? "unknown"
    governor = Files.line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") ?? "not told"
    load = (Files.line("/proc/loadavg") ?? "").split(separator: " ").prefix(3).joined(separator: " ")
    hugePages = Files.line("/sys/kernel/mm/transparent_hugepage/shmem_enabled") ?? "not told"
    memory = Machine.kibibytes("MemTotal") << 10
    caches = (0..<8).compactMap { index in
      let base = "/sys/devices/system/cpu/cpu0/cache/index\(index)/"
      guard let level = Files.line(base + "level"), let size = Files.line(base + "size"),
        let kind = Files.line(base + "type")
      else { return nil }
      return "L\(level)\(kind == "Data" ? "d" : kind == "Instruction" ? "i" : "") \(size)"
    }
  }

  /// Whether others want the cores: then no figure is worth anything.
  var isBusy: Bool { (Double(load.split(separator: " ").first ?? "0") ?? 0) > 0.5 * Double(cores) }

  static var cores: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Bytes that can be allocated without swapping; where the system does not tell, what it has.
  static var availableMemory: Int {
    let available = kibibytes("MemAvailable")
    return available > 0 ? available << 10 : Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func kibibytes(_ name: String) -> Int {
    guard let text = field(name, of: Files.text("/proc/meminfo") ?? "") else { return 0 }
    return Int(text.split(separator: " ").first ?? "") ?? 0
  }

  private static func field(_ name: String, of text: String) -> String? {
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      return String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    return nil
  }
}
