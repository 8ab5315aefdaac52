import Foundation

/// Files that are whole or not there: written beside their place under another name, then renamed.
public enum AtomicFile {
  /// Writes a file by way of a temporary one in the same folder.
  ///
  /// `body` gets an open file handle. When it throws, or the disk is full, nothing is left behind and what stood at
  /// `path` before is untouched. Throws `Diagnostic` of kind `.file`.
  public static func write(to path: String, _ body: (FileHandle) throws -> Void) throws {
    let folder = (path as NSString).deletingLastPathComponent
    let temporary = path + ".part-\(ProcessInfo.processInfo.processIdentifier)"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw Diagnostic(
        .file, at: path, "cannot be written: \(String(cString: strerror(errno)))",
        hint: "check that the folder \(folder.isEmpty ? "." : folder) exists and that you may write to it")
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
    guard rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw Diagnostic(.file, at: path, "cannot be written: \(reason)", hint: "choose another file name")
    }
  }

  /// Writes `data` whole.
  public static func write(_ data: Data, to path: String) throws {
    try write(to: path) { try $0.write(contentsOf: data) }
  }
}
