import Base
import Foundation

/// The lines entered so far, kept in a file that several sessions may share.
///
/// The file is plain text, one entry a line, newline written as `\n` and backslash as `\\`. Each entry is
/// appended at once by one write to a file opened for appending, so that a crash loses nothing and sessions
/// do not mix lines.
public struct History {
  /// The most entries that are loaded, the newest ones.
  public static let capacity = 10_000
  /// The most bytes of the file that are looked at, from its end.
  private static let readLimit = 16 << 20

  /// The loaded entries and this session's, oldest first.
  public private(set) var entries: [String] = []
  /// What went wrong with the file, in one sentence, or nil. The shell works without it.
  public private(set) var warning: String?

  private let path: String?
  private var endsInsideLine = false

  /// Loads what the file at `path` holds; nil keeps entries in memory only. A fault becomes `warning`.
  public init(path: String?) {
    self.path = path
    guard let path else { return }
    do {
      try load(path)
    } catch {
      warning = "\(error)"
    }
  }

  /// Adds an entry and appends it to the file.
  ///
  /// Empty lines, lines with a leading blank, and one equal to the newest are left out. Returns whether it
  /// was added.
  @discardableResult
  public mutating func add(_ entry: String) -> Bool {
    guard let first = entry.unicodeScalars.first, !first.properties.isWhitespace, entry != entries.last else {
      return false
    }
    entries.append(entry)
    guard let path else { return true }
    do {
      try append(entry, to: path)
    } catch {
      warning = "\(error)"
    }
    return true
  }

  /// An entry as a line of the file, without the newline.
  public static func encoded(_ entry: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in entry.unicodeScalars {
      switch scalar {
      case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  /// The entry of a line of the file; a backslash before anything else stands for itself.
  public static func decoded(_ line: String) -> String {
    var result = String.UnicodeScalarView()
    var isEscaped = false
    for scalar in line.unicodeScalars {
      if isEscaped {
        if scalar != "\\" && scalar != "n" { result.append("\\") }
        result.append(scalar == "n" ? "\n" : scalar)
        isEscaped = false
      } else if scalar == "\\" {
        isEscaped = true
      } else {
        result.append(scalar)
      }
    }
    if isEscaped { result.append("\\") }
    return String(result)
  }

  private func failure(_ path: String, _ what: String, _ code: Int32) -> Diagnostic {
    Diagnostic(
      .file, at: path, "the history \(what): \(String(cString: strerror(code)))",
      hint: "this session's lines are kept in memory only")
  }

  private mutating func load(_ path: String) throws {
    // Not blocking: the path may be a pipe that nobody writes to.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 && errno == ENOENT { return }
    guard descriptor >= 0 else { throw failure(path, "cannot be read", errno) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw failure(path, "cannot be read", errno) }
    if facts.st_mode & S_IFMT == S_IFCHR { return }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      throw failure(path, "cannot be read", facts.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
    }
    let skipped = max(0, Int(facts.st_size) - Self.readLimit)
    let data: Data
    do {
      try handle.seek(toOffset: UInt64(skipped))
      data = try handle.read(upToCount: Self.readLimit) ?? Data()
    } catch {
      throw failure(path, "cannot be read", EIO)
    }
    endsInsideLine = data.last.map { $0 != UInt8(ascii: "\n") } ?? false
    var lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
    if skipped > 0 && !lines.isEmpty { lines.removeFirst() }

    var broken = 0
    for line in lines.suffix(Self.capacity) {
      guard !line.contains(0), let text = String(validating: line, as: UTF8.self) else {
        broken += 1
        continue
      }
      let entry = Self.decoded(text)
      if entry != entries.last { entries.append(entry) }
    }
    if broken > 0 {
      warning = "\(path): \(broken) \(broken == 1 ? "line" : "lines") of the history left out: no UTF-8 text"
    }
  }

  private mutating func append(_ entry: String, to path: String) throws {
    let folder = PathName(path).folder
    if !FileManager.default.fileExists(atPath: folder) {
      try? FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK
    let descriptor = open(path, flags, 0o600)
    guard descriptor >= 0 else { throw failure(path, "cannot be written", errno) }
    defer { close(descriptor) }
    var facts = stat()
    if fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_mode & 0o777 != 0o600 {
      // Prompts are private. Where the file is another user's this fails, and it is theirs to decide.
      fchmod(descriptor, 0o600)
    }
    // A line that a crash or a full disk cut off must not swallow this one.
    let line = Array(((endsInsideLine ? "\n" : "") + Self.encoded(entry) + "\n").utf8)
    let written = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    endsInsideLine = written > 0 && written < line.count
    guard written == line.count else {
      throw failure(path, "cannot be written", written < 0 ? errno : ENOSPC)
    }
  }
}
