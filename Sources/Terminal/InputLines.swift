import Glibc

/// The lines of a pipe, a file or a terminal without editing, each as soon as it is there.
///
/// Unlike the standard library's `readLine`, which goes on waiting through every signal, it ends when
/// `InterruptFlag` is raised.
public struct InputLines: Sequence, IteratorProtocol {
  /// How long, in milliseconds, an interruption may go unnoticed that another thread caught.
  private static let pollInterval: Int32 = 100

  private let descriptor: Int32
  private var pending: [UInt8] = []
  private var start = 0
  private var isAtEnd = false

  /// The lines of an open `descriptor`, which stays the caller's.
  public init(descriptor: Int32 = 0) { self.descriptor = descriptor }

  /// The next line without its newline, bytes that are no UTF-8 as U+FFFD; nil at the end, on a read error,
  /// or when interrupted. A last line needs no newline.
  public mutating func next() -> String? {
    var searched = start
    while true {
      if let newline = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = newline + 1 }
        return String(decoding: pending[start..<newline], as: UTF8.self)
      }
      searched = pending.count
      if isAtEnd {
        defer { start = pending.count }
        return start < pending.count ? String(decoding: pending[start...], as: UTF8.self) : nil
      }
      pending.removeFirst(start)
      searched -= start
      start = 0
      guard let bytes = read() else { return nil }
      isAtEnd = bytes.isEmpty
      pending += bytes
    }
  }

  /// Some bytes, none at the end of input, nil when interrupted.
  private func read() -> [UInt8]? {
    var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      if InterruptFlag.isRaised { return nil }
      let ready = poll(&wait, 1, Self.pollInterval)
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
        count = Swift.max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
      }
      return bytes
    }
  }
}
