import Base

/// Diagnostics as a person reads them.
public enum ErrorText {
  /// `source:line: error: message` and, where there is a hint, a second line `hint: …`; no final line break.
  ///
  /// A message of several lines, which lists faults, keeps them.
  /// Control and other invisible characters are escaped, so that a text from a file cannot act on the
  /// terminal.
  public static func render(_ diagnostic: Diagnostic, at location: Location? = nil) -> String {
    let place = location.map { "\(escaped("\($0)")): " } ?? ""
    // A message may list several faults, a line each; a name never goes over several lines.
    let lines = diagnostic.message.split(separator: "\n", omittingEmptySubsequences: false)
    let error =
      "\(place)error: \(diagnostic.place.map { escaped($0) + ": " } ?? "")"
      + lines.map { escaped(String($0)) }.joined(separator: "\n")
    return diagnostic.hint.map { "\(error)\nhint: \(escaped($0))" } ?? error
  }

  /// The same, with the location that the diagnostic brings.
  public static func render(_ error: LocatedDiagnostic) -> String {
    render(error.diagnostic, at: error.location)
  }

  /// `text` with its invisible characters written as escapes.
  public static func escaped(_ text: String) -> String { text.escapingInvisibles }

  /// What a user wrote, as a message quotes it: between double quotes, and cut when long.
  static func shown(_ text: String) -> String {
    let limit = 60
    // Characters can be of any length, scalars cannot.
    let scalars = text.unicodeScalars.prefix(limit)
    let isCut = scalars.endIndex < text.unicodeScalars.endIndex
    return "\"\(String(String.UnicodeScalarView(scalars)))\(isCut ? "…" : "")\""
  }
}
