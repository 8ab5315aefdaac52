import Foundation

/// The bytes of a pipe, terminal or file as they arrive. Waiting for them can be interrupted.
public final class ByteStream {
  private let descriptor: Int32
  private let path: String?
  private let isOwned: Bool

  /// Milliseconds after which an interruption that another thread received is noticed at the latest.
  private static let pollInterval: Int32 = 100

  /// Of an open descriptor, which stays the caller's.
  public init(descriptor: Int32) {
    (self.descriptor, path, isOwned) = (descriptor, nil, false)
  }

  /// Opens a file, device or pipe. Reading a pipe that has no writer yet waits for one.
  ///
  /// Throws a `Diagnostic` of kind `.file` when it is a folder or cannot be opened.
  public init(path: String) throws(Diagnostic) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw Self.failure(path, errno)
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      close(descriptor)
      throw Diagnostic(
        .file, at: path, "cannot be read: it is a folder, not a file", hint: "give a file's path")
    }
    (self.descriptor, self.path, isOwned) = (descriptor, path, true)
  }

  deinit { if isOwned { close(descriptor) } }

  /// Some more bytes as soon as there are any; none at the end.
  ///
  /// Throws a `Diagnostic` when they cannot be read, or `InterruptFlag` is raised.
  public func next() throws -> Data {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    while true {
      try InterruptFlag.check()
      // A regular file is always ready.
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&wait, 1, Self.pollInterval)
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      let count = read(descriptor, &bytes, bytes.count)
      if count >= 0 { return Data(bytes.prefix(count)) }
      if errno != EINTR, errno != EAGAIN { throw Self.failure(path, errno) }
    }
  }

  private static func failure(_ path: String?, _ code: Int32) -> Diagnostic {
    Diagnostic(
      .file, at: path, "cannot be read: \(String(cString: strerror(code)))",
      hint: path == nil ? nil : "check the path and that you may read it")
  }
}
