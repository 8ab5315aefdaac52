import Foundation

/// The parts of a file's path, by its slashes and dots alone.
///
/// In place of Foundation's, whose `deletingLastPathComponent` stops the program for a path of one character
/// (swift-corelibs-foundation of Swift 6.3).
public struct PathName: Sendable {
  private let path: Substring

  public init(_ path: String) {
    var path = path[...]
    while path.count > 1, path.last == "/" { path.removeLast() }
    self.path = path
  }

  /// What holds the file: `a/b` of `a/b/c.png`, `.` of `c.png`, `/` of `/c.png`.
  public var folder: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// `c.png` of `a/b/c.png`.
  public var last: String {
    guard let slash = path.lastIndex(of: "/"), path.count > 1 else { return String(path) }
    return String(path[path.index(after: slash)...])
  }

  /// `png` of `a/b/c.png`; empty where there is none, as of `.editrc`.
  public var ending: String { dot.map { String(path[path.index(after: $0)...]) } ?? "" }

  /// `a/b/c` of `a/b/c.png`.
  public var withoutEnding: String { String(path[..<(dot ?? path.endIndex)]) }

  /// The path with a leading `~` or `~user` replaced by that home folder, as a shell does it; as it is for no such user.
  public static func expandingTilde(_ path: String) -> String {
    guard path.hasPrefix("~") else { return path }
    let name = path.dropFirst().prefix { $0 != "/" }
    let rest = path.dropFirst(1 + name.count)
    if name.isEmpty {
      let home = ProcessInfo.processInfo.environment["HOME"] ?? ""
      return home.isEmpty ? path : (home == "/" ? "" : home) + rest
    }
    guard let entry = getpwnam(String(name)), let home = entry.pointee.pw_dir else { return path }
    return String(cString: home) + rest
  }

  /// The dot before the ending.
  private var dot: Substring.Index? {
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let dot = path[start...].lastIndex(of: "."), dot > start else { return nil }
    return dot
  }
}
