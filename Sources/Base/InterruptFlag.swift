import CProcess

/// What Ctrl-C (SIGINT) and the signals that ask the process to end (SIGTERM, SIGHUP, SIGQUIT) leave behind for
/// whatever is running to notice.
///
/// The handlers only set flags. A process has one set of signal handlers, hence static members. While a line editor
/// waits for a line, the signals are the editor's; those that end the process are passed on here once the line is given up.
public enum InterruptFlag {
  /// Begins to catch the signals; calling it again does no harm. A signal the process was started with ignored stays
  /// ignored.
  ///
  /// A read from a pipe or terminal that waits is woken with `EINTR`, so that a batch can end. SIGXFSZ and SIGPIPE are
  /// ignored from here on: the write fails with an error instead. A second SIGTERM or SIGQUIT ends the process within
  /// half a second, whatever it is doing.
  public static func install() { cprocess_install_signals() }

  /// Puts back the handlers that `install` found.
  public static func restore() { cprocess_restore_signals() }

  /// Whether the running command should stop.
  public static var isRaised: Bool { cprocess_should_stop() }

  /// How many times SIGINT has arrived since the last `clear`.
  public static var count: Int { Int(cprocess_interrupt_count()) }

  /// Whether a signal asks the process to end.
  public static var isTerminated: Bool { cprocess_termination() != 0 }

  /// The exit code the signals ask for: 128 and the signal's number, 130 after SIGINT, nil after none.
  public static var exitCode: Int32? {
    let signal = Int32(cprocess_termination())
    return signal != 0 ? 128 + signal : count > 0 ? 130 : nil
  }

  /// Raises the flag without a signal.
  public static func raise() { cprocess_raise_interrupt() }

  /// Forgets an interruption, before a new command. A termination is kept unless `includingTermination`.
  public static func clear(includingTermination: Bool = false) {
    cprocess_clear_interrupt(includingTermination)
  }

  /// The flag for C code on any thread, to be read by a relaxed atomic load: not 0 when a run should stop.
  public static var pointer: UnsafePointer<Int32> { cprocess_stop_flag() }

  /// Throws when the running command should stop. Call it in loops that may take longer than a moment.
  public static func check() throws {
    if isRaised { throw takeReason() }
  }

  /// Why the flag is raised: a mapped file that was truncated, or the user.
  ///
  /// A lost mapping is reported once, and no longer raises the flag afterwards.
  public static func takeReason() -> Diagnostic {
    MappedBytes.takeLoss() ?? Diagnostic(.interrupted, "interrupted")
  }
}
