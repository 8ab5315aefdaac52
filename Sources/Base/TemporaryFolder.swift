import Foundation

/// A folder below `$TMPDIR` that only this user may look into, taken away with this object.
///
/// A file in it is locked for as long as the process lives, so that another can tell folders of killed processes.
public final class TemporaryFolder {
  private static let prefix = "ssd1b-tmp-"
  private static let lockName = ".lock"
  public let path: String
  private let lock: FileLock

  /// Throws a `Diagnostic` of kind `.file` when it cannot be made.
  public init() throws {
    Self.removeDead()
    while true {
      var template = Array("\(Self.parent)/\(Self.prefix)XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { throw Self.failure(errno) }
      let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      let descriptor = open("\(path)/\(Self.lockName)", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor < 0, errno == ENOENT { continue }
      guard descriptor >= 0 else {
        let code = errno
        rmdir(path)
        throw Self.failure(code)
      }
      // Before it is locked another process may take it for a dead one's.
      guard let lock = FileLock(ofOpen: descriptor), FileStamp(path: "\(path)/\(Self.lockName)") != nil
      else { continue }
      (self.path, self.lock) = (path, lock)
      return
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  private static var parent: String {
    let folder = ProcessInfo.processInfo.environment["TMPDIR"] ?? ""
    return folder.isEmpty ? "/tmp" : folder
  }

  private static func failure(_ code: Int32) -> Diagnostic {
    Diagnostic(
      .file, at: parent, "no temporary folder can be made: \(String(cString: strerror(code)))",
      hint: "set TMPDIR to a folder that you may write to")
  }

  /// Removes the folders that killed processes left.
  public static func removeDead() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    where name.hasPrefix(prefix) {
      let path = "\(parent)/\(name)"
      var status = stat()
      // Leave folders of other users, and those without our lock file.
      guard lstat(path, &status) == 0, status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFDIR,
        let lock = FileLock(ofFile: "\(path)/\(lockName)")
      else { continue }
      try? FileManager.default.removeItem(atPath: path)
      withExtendedLifetime(lock) {}
    }
  }
}
