/// When output carries colour: the `--color` argument.
public enum ColorChoice: String, CaseIterable, Sendable {
  case auto, always, never

  /// Whether to write colour codes to an output.
  ///
  /// `always` and `never` are obeyed. `auto` means a terminal that is not `TERM=dumb`, unless `NO_COLOR` is
  /// set to anything but the empty text (https://no-color.org).
  public func isEnabled(environment: [String: String], isTerminal: Bool) -> Bool {
    switch self {
    case .always: true
    case .never: false
    case .auto:
      isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }
  }
}
