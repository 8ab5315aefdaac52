import CLibEdit

/// What Ctrl-C (SIGINT) and SIGTERM leave behind for a long run to notice.
///
/// The handlers only set flags. A process has one set of signal handlers, hence static members. While
/// `LineEditor.readLine` waits, SIGINT is the editor's and does not come here; SIGTERM does once the prompt
/// is gone.
public enum InterruptFlag {
  /// Begins to catch both signals; again is no harm. A signal that the process was started with ignored stays
  /// so.
  ///
  /// A read from a pipe or terminal that waits is woken with `EINTR`, so that a batch can end.
  public static func install() { clibedit_install_signal_flags() }

  /// Puts back the handlers that `install` found.
  public static func restore() { clibedit_restore_signals() }

  /// Whether a run should stop: SIGINT or SIGTERM has arrived since the last `clear`.
  public static var isRaised: Bool { clibedit_is_interrupted() }

  /// How many of the two signals have arrived since the last `clear`.
  public static var count: Int { Int(clibedit_interrupt_count()) }

  /// Whether SIGTERM has arrived: the process should end with 143.
  public static var isTerminated: Bool { clibedit_is_terminated() }

  /// The exit code that the signals ask for: 143 after SIGTERM, 130 after SIGINT, nil after none.
  public static var exitCode: Int32? { isTerminated ? 143 : isRaised ? 130 : nil }

  /// Raises the flag without a signal.
  public static func raise() { clibedit_raise_interrupt() }

  /// Forgets an interruption, before a new run. A termination is kept unless `includingTermination`.
  public static func clear(includingTermination: Bool = false) {
    clibedit_clear_interrupt(includingTermination)
  }

  /// The flag for C code on any thread, to be read by a relaxed atomic load: not 0 when a run should stop.
  public static var pointer: UnsafePointer<Int32> { clibedit_interrupt_flag() }
}
