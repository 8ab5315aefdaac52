import Foundation

/// A terminal for tests: what a program writes on it can be expected, and keys sent to it.
///
/// `spawn` runs a program with it as controlling terminal, so that Ctrl-C is SIGINT. `openDevice` gives the
/// device to this process instead. Use one object on one thread.
public final class PseudoTerminal {
  /// What was waited for and did not come.
  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  public let devicePath: String
  /// All that was written on the terminal so far.
  public private(set) var transcript = ""

  private let control: Int32
  private var unread: [UInt8] = []
  private var process: pid_t?
  private var exitCode: Int32?
  private var isAtEnd = false

  public init(columns: Int = 80, rows: Int = 24) throws {
    var (control, device): (Int32, Int32) = (-1, -1)
    var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    guard openpty(&control, &device, nil, nil, &size) == 0 else {
      throw Failure(description: "no pseudo-terminal: \(String(cString: strerror(errno)))")
    }
    defer { close(device) }
    // The programs of other terminals must not keep this one open.
    for descriptor in [control, device] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    self.control = control
    var name = [CChar](repeating: 0, count: 128)
    guard ttyname_r(device, &name, name.count) == 0 else {
      close(control)
      throw Failure(description: "a pseudo-terminal without a name")
    }
    devicePath = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    if let process, exitCode == nil {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
    }
    close(control)
  }

  /// The terminal's device, which does not become this process's controlling terminal. The caller closes it.
  public func openDevice() throws -> Int32 {
    let descriptor = open(devicePath, O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Failure(description: "\(devicePath): \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  /// Sets the window's size; a program on the terminal gets SIGWINCH.
  public func resize(columns: Int, rows: Int = 24) {
    var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(control, UInt(TIOCSWINSZ), &size)
  }

  /// Runs `program` (a path) in a session of its own, with `environment` alone.
  public func spawn(_ program: String, _ arguments: [String] = [], environment: [String: String]) throws {
    precondition(process == nil, "one program a terminal")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The first terminal that the leader of a new session opens becomes its controlling terminal.
    posix_spawn_file_actions_addopen(&actions, 0, devicePath, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID
    posix_spawnattr_setflags(&attributes, Int16(newSession | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    // A test runner in the background may ignore or block some of them.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP, SIGWINCH] {
      sigaddset(&signals, signal)
    }
    posix_spawnattr_setsigdefault(&attributes, &signals)

    let words = ([program] + arguments).map { strdup($0) }
    let variables = environment.map { strdup("\($0)=\($1)") }
    defer { for text in words + variables { free(text) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, program, &actions, &attributes, words + [nil], variables + [nil])
    guard status == 0 else { throw Failure(description: "\(program): \(String(cString: strerror(status)))") }
    process = child
  }

  /// Types `text`; "\r" is Return, "\u{3}" Ctrl-C, "\u{4}" Ctrl-D.
  public func send(_ text: String) throws { try send(bytes: Array(text.utf8)) }

  /// Types bytes that need not be text.
  public func send(bytes: [UInt8]) throws {
    var bytes = bytes[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { write(control, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Failure(description: "the terminal takes no input: \(tail)") }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Sends a signal to the program.
  public func signal(_ number: Int32) {
    if let process { kill(process, number) }
  }

  /// Waits for `text`; returns all that was written since the last expectation, up to and including it.
  @discardableResult
  public func expect(_ text: String, timeout: Duration = .seconds(20)) throws -> String {
    let wanted = Array(text.utf8)
    let deadline = ContinuousClock.now + timeout
    while true {
      if let end = unread.firstRange(of: wanted)?.upperBound {
        defer { unread.removeFirst(end) }
        return String(decoding: unread[..<end], as: UTF8.self)
      }
      guard !isAtEnd else {
        throw Failure(description: "expected \(text.debugDescription) before the end: \(tail)")
      }
      guard ContinuousClock.now < deadline else {
        throw Failure(description: "expected \(text.debugDescription) within \(timeout): \(tail)")
      }
      receive()
    }
  }

  /// Waits until the program has ended; returns its exit code, or 128 and the signal that ended it.
  public func wait(timeout: Duration = .seconds(20)) throws -> Int32 {
    guard let process else { throw Failure(description: "no program was spawned") }
    let deadline = ContinuousClock.now + timeout
    while exitCode == nil {
      // A program that writes must not wait for us while we wait for it.
      receive()
      var status: Int32 = 0
      if waitpid(process, &status, WNOHANG) == process {
        exitCode = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
      } else if ContinuousClock.now >= deadline {
        throw Failure(description: "the program still runs after \(timeout): \(tail)")
      }
    }
    while !isAtEnd && receive() {}
    return exitCode ?? -1
  }

  private var tail: String { String(decoding: unread.suffix(2000), as: UTF8.self).debugDescription }

  /// Takes what was written, after a short wait for it. False when there was nothing.
  @discardableResult
  private func receive() -> Bool {
    var wait = pollfd(fd: control, events: Int16(POLLIN), revents: 0)
    guard !isAtEnd, poll(&wait, 1, 20) > 0 else {
      if isAtEnd { usleep(5000) }
      return false
    }
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = read(control, &buffer, buffer.count)
    if count > 0 {
      unread += buffer[..<count]
      transcript += String(decoding: buffer[..<count], as: UTF8.self)
      return true
    }
    // EIO: no one has the device open any more. Before `spawn` or `openDevice` that would be so too.
    if count == 0 || (errno != EINTR && errno != EAGAIN) { isAtEnd = true }
    return false
  }
}
