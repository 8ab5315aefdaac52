import Foundation

/// Files that are whole or not there: written beside their place under another name, then renamed.
public enum AtomicFile {
  /// Writes a file by way of a temporary one in the same folder.
  ///
  /// `body` gets an open file handle. When it throws, or the disk is full, nothing is left behind and what stood at
  /// `path` before is untouched. Throws `Diagnostic` of kind `.file`.
  ///
  /// A link is followed, and a device or pipe written to as it is. Without `replacing`, a file that is there already is left
  /// as it is and `AlreadyThere` thrown.
  public static func write(
    to path: String, replacing: Bool = true, _ body: (FileHandle) throws -> Void
  ) throws {
    let path = target(of: path)
    if isSpecial(path) { return try writeThrough(path, body) }
    let folder = PathName(path).folder
    let temporary = "\(path).part-\(UInt32.random(in: 0...UInt32.max))"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw Diagnostic(
        .file, at: path, "cannot be written: \(String(cString: strerror(errno)))",
        hint: "check that the folder \(folder) exists and that you may write to it")
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
    do {
      try body(handle)
      try handle.synchronize()
      try handle.close()
    } catch {
      try? handle.close()
      unlink(temporary)
      if error is Diagnostic { throw error }
      throw Diagnostic(
        .file, at: path, "cannot be written: \(error.localizedDescription)",
        hint: "check the space left on the disk")
    }
    if !replacing {
      // A second name is refused where there is a file by it; renaming would replace that.
      if link(temporary, path) == 0 {
        unlink(temporary)
        return
      }
      // File systems without second names have the name taken first, by an empty file.
      let place = errno == EEXIST ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      guard place >= 0 else {
        unlink(temporary)
        throw AlreadyThere()
      }
      close(place)
    }
    guard rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw Diagnostic(.file, at: path, "cannot be written: \(reason)", hint: "choose another file name")
    }
  }

  /// A file of that name is there and was not to be replaced.
  public struct AlreadyThere: Error {}

  /// Writes `data` whole.
  public static func write(_ data: Data, to path: String, replacing: Bool = true) throws {
    try write(to: path, replacing: replacing) { try $0.write(contentsOf: data) }
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
    guard descriptor >= 0 else {
      throw Diagnostic(
        .file, at: path, "cannot be written: \(String(cString: strerror(errno)))",
        hint: "choose a file's name")
    }
    _ = fcntl(descriptor, F_SETFL, O_WRONLY)
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      try body(handle)
    } catch {
      if error is Diagnostic { throw error }
      throw Diagnostic(
        .file, at: path, "cannot be written: \(error.localizedDescription)", hint: "choose a file's name")
    }
  }

  /// The file that a link stands for.
  private static func target(of path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
    return String(cString: resolved)
  }
}
