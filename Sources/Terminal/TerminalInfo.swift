import CLibEdit
import Glibc

/// Facts about the terminal behind a file descriptor.
public enum TerminalInfo {
  /// Whether `descriptor` is a terminal.
  public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Columns: what the terminal says, else `COLUMNS` of the environment, else 80.
  public static func columns(_ descriptor: Int32, environment: [String: String]) -> Int {
    let reported = Int(clibedit_columns(descriptor))
    if reported > 0 { return reported }
    guard let text = environment["COLUMNS"], let columns = Int(text), columns > 0 else { return 80 }
    return columns
  }

  /// Rows: what the terminal says, else 24.
  public static func rows(_ descriptor: Int32) -> Int {
    let reported = Int(clibedit_rows(descriptor))
    return reported > 0 ? reported : 24
  }

  /// Whether the environment's text is UTF-8: `LC_ALL`, else `LC_CTYPE`, else `LANG`, the first that is not
  /// empty.
  public static func isUTF8(environment: [String: String]) -> Bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"]
    let locale = names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let codeset = locale.lowercased().filter { $0.isLetter || $0.isNumber || $0 == "." }
    return codeset.hasSuffix(".utf8")
  }
}
