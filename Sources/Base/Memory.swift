import CProcess
import Foundation

/// How much memory the process may still take, asked before it is taken: neither the Swift runtime nor the libraries
/// that compute survive an allocation that fails.
public enum Memory {
  /// Bytes left free for all the small allocations that are not checked.
  public static let headroom = 32 << 20
  /// Allocations smaller than this many bytes are not checked.
  public static let smallBytes = 1 << 20

  /// Bytes the process may still take, `headroom` included: the least of its address space and data limits (`ulimit -v`,
  /// `-d`), its control group's limit, and what the system has available.
  public static var available: Int {
    let pages = numbers(in: contents("/proc/self/statm"))
    let page = Int(getpagesize())
    var least = Int.max
    func limit(_ resource: __rlimit_resource_t, used: Int) {
      var limits = rlimit()
      guard getrlimit(resource, &limits) == 0, limits.rlim_cur < rlim_t(Int.max) else { return }
      least = min(least, Int(limits.rlim_cur) - used)
    }
    if pages.count > 5 {
      limit(__rlimit_resource_t(RLIMIT_AS.rawValue), used: pages[0] * page)
      limit(__rlimit_resource_t(RLIMIT_DATA.rawValue), used: pages[5] * page)
    }
    if let system = systemBytes { least = min(least, system) }
    if let group = groupBytes { least = min(least, group) }
    return max(0, least)
  }

  /// Makes the most of a limited address space; for the start of the process.
  public static func saveAddressSpace() { cprocess_save_address_space() }

  /// Whether `bytes` more fit in the address space with `headroom` to spare. Quick: it reads no file.
  public static func canTake(_ bytes: Int) -> Bool {
    bytes < smallBytes || cprocess_can_map(bytes + headroom)
  }

  /// Throws a `Diagnostic` of kind `.memory` unless `bytes` more can be taken and `headroom` is left.
  public static func ensure(_ bytes: Int, for purpose: String) throws {
    guard bytes >= smallBytes else { return }
    let (wanted, overflow) = bytes.addingReportingOverflow(headroom)
    guard !overflow, cprocess_can_map(wanted), wanted <= available else {
      throw shortage(at: purpose, needed: bytes)
    }
  }

  /// That memory is short.
  public static func shortage(at purpose: String, needed: Int) -> Diagnostic {
    Diagnostic(
      .memory, at: purpose,
      "out of memory: needs \(text(needed)), \(text(max(0, available - headroom))) are available",
      hint: "choose a smaller size or fewer threads, or close other programs")
  }

  /// `123 MB`, `4.5 GB`.
  public static func text(_ bytes: Int) -> String {
    let megabytes = (Double(bytes) / 1e6).rounded(.up)
    return megabytes < 1000 ? "\(Int(megabytes)) MB" : String(format: "%.1f GB", Double(bytes) / 1e9)
  }

  /// Memory of this process that is in use; 0 where the system does not say.
  public static var resident: Int {
    let pages = numbers(in: contents("/proc/self/statm"))
    return pages.count > 1 ? pages[1] * Int(getpagesize()) : 0
  }

  /// What the system can give without killing anyone: free, reclaimable and swap.
  private static var systemBytes: Int? {
    let text = contents("/proc/meminfo")
    func kilobytes(_ name: String) -> Int? {
      text.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { numbers(in: String($0)).first }
    }
    return kilobytes("MemAvailable:").map { ($0 + (kilobytes("SwapFree:") ?? 0)) * 1024 }
  }

  /// What the process's control group and those around it leave, in version 2 and 1 of the interface. What they hold of
  /// files' contents can be given back.
  private static var groupBytes: Int? {
    var least: Int?
    for line in contents("/proc/self/cgroup").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3, parts[1].isEmpty || parts[1].split(separator: ",").contains("memory") else {
        continue
      }
      let isFirst = !parts[1].isEmpty
      let root = isFirst ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
      var path = parts[2] == "/" ? "" : parts[2]
      while true {
        if let left = groupBytes(root + path, isFirst: isFirst) { least = min(least ?? left, left) }
        guard let slash = path.lastIndex(of: "/") else { break }
        path = String(path[..<slash])
      }
    }
    return least
  }

  private static func groupBytes(_ folder: String, isFirst: Bool) -> Int? {
    let names =
      isFirst ? ("memory.limit_in_bytes", "memory.usage_in_bytes") : ("memory.max", "memory.current")
    guard let most = numbers(in: contents("\(folder)/\(names.0)")).first, most < Int.max / 2,
      let used = numbers(in: contents("\(folder)/\(names.1)")).first
    else { return nil }
    let prefix = isFirst ? "total_" : ""
    let files = contents("\(folder)/memory.stat").split(separator: "\n").filter { line in
      ["inactive_file ", "active_file "].contains { line.hasPrefix(prefix + $0) }
    }
    return most - used + files.reduce(0) { $0 + (numbers(in: String($1)).first ?? 0) }
  }

  private static func contents(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  private static func numbers(in text: String) -> [Int] {
    text.split { !$0.isASCII || !$0.isNumber }.compactMap { Int($0) }
  }
}
