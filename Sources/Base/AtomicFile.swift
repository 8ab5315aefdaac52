import Foundation
import Synchronization

/// Files that are whole or not there: written beside their place under another name, then renamed.
///
/// The part is locked while it is written (flock), so that the next write in its folder can tell those of processes that
/// were killed and remove them.
public enum AtomicFile {
  /// Writes a file by way of a temporary one in the same folder.
  ///
  /// `body` gets an open file handle. When it throws, or the disk is full, nothing is left behind and what stood at
  /// `path` before is untouched. Throws `Diagnostic` of kind `.file`.
  ///
  /// A link is followed, and a device or pipe written to as it is. A file that is there keeps its mode.
  /// - Parameters:
  ///   - replacing: if false, a file that is there already is left as it is and `AlreadyThere` thrown.
  ///   - mode: of a new file, less the process's umask.
  ///   - isDurable: whether it must survive a power failure, which may take a moment.
  /// - Returns: a lock on the new file, which holds for as long as the object lives; nil for a device or pipe.
  @discardableResult
  public static func write(
    to path: String, replacing: Bool = true, mode: mode_t = 0o666, isDurable: Bool = true,
    _ body: (FileHandle) throws -> Void
  ) throws -> FileLock? {
    if isSpecial(path) {
      try writeThrough(path, body)
      return nil
    }
    return try commit(to: path, replacing: replacing, mode: mode, isDurable: isDurable, body)
  }

  /// Writes `data` whole.
  @discardableResult
  public static func write(
    _ data: Data, to path: String, replacing: Bool = true, mode: mode_t = 0o666, isDurable: Bool = true
  ) throws -> FileLock? {
    try write(to: path, replacing: replacing, mode: mode, isDurable: isDurable) {
      try $0.write(contentsOf: data)
    }
  }

  /// A file of that name is there and was not to be replaced.
  public struct AlreadyThere: Error {}

  private static func commit(
    to path: String, replacing: Bool, mode: mode_t, isDurable: Bool, _ body: (FileHandle) throws -> Void
  ) throws -> FileLock {
    let path = target(of: path)
    let folder = PathName(path).folder
    if remember(folder) { removeDeadParts(in: folder) }
    var status = stat()
    let old = stat(path, &status) == 0 ? status : nil
    let part = try FilePart(in: folder, for: path, mode: old == nil ? mode : 0o600)
    let handle = FileHandle(fileDescriptor: part.lock.descriptor, closeOnDealloc: false)
    do {
      try body(handle)
      if let old { part.takeOver(old) }
      if isDurable { try handle.synchronize() }
    } catch let error as Diagnostic {
      throw error
    } catch {
      throw failure(path, error)
    }
    if replacing { try part.rename(to: path) } else { try part.link(to: path) }
    return part.lock
  }

  /// The reason the system gave, in its own words.
  private static func failure(_ path: String, _ error: any Error) -> Diagnostic {
    var cause = error as NSError
    while cause.domain != NSPOSIXErrorDomain, let deeper = cause.userInfo[NSUnderlyingErrorKey] as? NSError {
      cause = deeper
    }
    let code = cause.domain == NSPOSIXErrorDomain ? Int32(cause.code) : errno
    return failure(path, code)
  }

  fileprivate static func failure(_ path: String, _ code: Int32) -> Diagnostic {
    let hint =
      switch code {
      case ENOSPC, EDQUOT: "make room on the disk, or choose another folder"
      case EFBIG: "the limit on the size of files (ulimit -f) is too low for it"
      case EPIPE: "the program that was reading has closed it"
      default: "check that the folder \(PathName(path).folder) exists and that you may write to it"
      }
    return Diagnostic(.file, at: path, "cannot be written: \(String(cString: strerror(code)))", hint: hint)
  }

  /// Whether a device or pipe stands there, which is written to as it is: renaming would put a file in its place.
  private static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    return ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
  }

  private static func writeThrough(_ path: String, _ body: (FileHandle) throws -> Void) throws {
    // Not blocking: nobody may be reading from a pipe.
    let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path, errno) }
    _ = fcntl(descriptor, F_SETFL, O_WRONLY)
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      try body(handle)
    } catch let error as Diagnostic {
      throw error
    } catch {
      throw failure(path, error)
    }
  }

  /// The path that a symbolic link leads to, whether or not a file exists there.
  private static func target(of path: String) -> String {
    var path = path
    // As many as the system follows.
    for _ in 0..<40 {
      var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = bytes.withUnsafeMutableBytes { buffer in
        buffer.withMemoryRebound(to: CChar.self) { readlink(path, $0.baseAddress!, $0.count) }
      }
      guard count > 0 else { return path }
      let next = String(decoding: bytes.prefix(count), as: UTF8.self)
      path = next.hasPrefix("/") ? next : "\(PathName(path).folder)/\(next)"
    }
    return path
  }

  /// Where the folders are listed that were written to, so that the next start finds what a killed process left in them.
  private static let list = Mutex<(path: String?, seen: Set<String>)>((nil, []))
  /// More folders than this are not looked into.
  private static let mostFolders = 200

  /// Removes what killed processes left in the folders listed in a file, and lists those that are written to from here on.
  public static func clean(listing path: String) {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    let lines = text.split(separator: "\n").map(String.init)
    var seen: Set<String> = []
    let newest = lines.reversed().filter { seen.insert($0).inserted }.prefix(mostFolders)
    for folder in newest { removeDeadParts(in: folder) }
    if lines.count > 2 * mostFolders {
      try? write(
        Data(newest.reversed().map { $0 + "\n" }.joined().utf8), to: path, mode: 0o600, isDurable: false)
    }
    list.withLock { $0 = (path, $0.seen) }
  }

  /// Lists a folder that is about to be written to. False when this process has done so before.
  private static func remember(_ folder: String) -> Bool {
    guard let resolved = realpath(folder, nil) else { return false }
    defer { free(resolved) }
    let folder = String(cString: resolved)
    return list.withLock { list in
      guard list.seen.insert(folder).inserted else { return false }
      if let path = list.path, !folder.contains("\n") { append(folder, to: path) }
      return true
    }
  }

  private static func append(_ folder: String, to path: String) {
    let parent = PathName(path).folder
    if access(parent, F_OK) != 0 {
      try? FileManager.default.createDirectory(
        atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let line = folder + "\n"
    _ = line.withCString { Foundation.write(descriptor, $0, strlen($0)) }
  }

  /// Removes the parts in a folder that killed processes left there.
  public static func removeDeadParts(in folder: String) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
    for name in names where FilePart.isName(name) {
      // Whoever writes it has it locked.
      guard let lock = FileLock(ofFile: "\(folder)/\(name)") else { continue }
      unlink("\(folder)/\(name)")
      withExtendedLifetime(lock) {}
    }
  }
}

/// A file in the making, gone with this object unless it was given its name.
private final class FilePart {
  private static let prefix = ".ssd1b-part-"
  /// Where it will be.
  private let place: String
  private let path: String
  let lock: FileLock
  private var isNamed = false

  static func isName(_ name: String) -> Bool { name.hasPrefix(prefix) }

  init(in folder: String, for place: String, mode: mode_t) throws {
    self.place = place
    while true {
      let path = "\(folder)/\(Self.prefix)\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
      let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
      if descriptor < 0, errno == EEXIST { continue }
      guard descriptor >= 0 else { throw AtomicFile.failure(place, errno) }
      // Before it is locked another process may take it for a dead one's.
      guard let lock = FileLock(ofOpen: descriptor), FileStamp(path: path) != nil else { continue }
      (self.path, self.lock) = (path, lock)
      return
    }
  }

  deinit { if !isNamed { unlink(path) } }

  /// Takes over mode and owner of the file that it replaces, as far as this process may.
  func takeOver(_ old: stat) {
    if old.st_uid != geteuid() || old.st_gid != getegid() {
      _ = fchown(lock.descriptor, old.st_uid, old.st_gid)
    }
    fchmod(lock.descriptor, old.st_mode & 0o7777)
  }

  func rename(to path: String) throws {
    guard Foundation.rename(self.path, path) == 0 else { throw AtomicFile.failure(path, errno) }
    isNamed = true
  }

  /// Gives it a name that no file has. Throws `AlreadyThere` when one has it.
  func link(to path: String) throws {
    // A second name is refused where there is a file by it; renaming would replace that.
    if Foundation.link(self.path, path) == 0 { return }
    guard errno != EEXIST else { throw AtomicFile.AlreadyThere() }
    // File systems without second names have the name taken first, by an empty file.
    let place = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard place >= 0 else {
      if errno == EEXIST { throw AtomicFile.AlreadyThere() }
      throw AtomicFile.failure(path, errno)
    }
    close(place)
    try rename(to: path)
  }
}

/// An advisory lock on an open file (flock(2)), held until this object is gone or its process has ended, however it does.
public final class FileLock {
  let descriptor: Int32

  /// Locks a file that is there; nil when another process holds it, or it cannot be opened or locked.
  public init?(ofFile path: String) {
    // NFS grants an exclusive lock only to a descriptor open for writing.
    let flags = O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW
    var descriptor = open(path, O_RDWR | flags)
    if descriptor < 0 { descriptor = open(path, O_RDONLY | flags) }
    guard descriptor >= 0 else { return nil }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
  }

  /// Locks an open file, which it closes in the end; nil when another process holds it. A file system without locks leaves it
  /// unlocked.
  init?(ofOpen descriptor: Int32) {
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Whether another process holds the file.
  public static func isHeld(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // A shared lock, so that two processes that ask at once do not mistake each other for the holder.
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
