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
    // A message may list several faults, a line each.
    let lines = diagnostic.description.split(separator: "\n", omittingEmptySubsequences: false)
    let error = "\(place)error: \(lines.map { escaped(String($0)) }.joined(separator: "\n"))"
    return diagnostic.hint.map { "\(error)\nhint: \(escaped($0))" } ?? error
  }

  /// The same, with the location that the diagnostic brings.
  public static func render(_ error: LocatedDiagnostic) -> String {
    render(error.diagnostic, at: error.location)
  }

  /// `text` with its invisible characters written as escapes.
  public static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isInvisible) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isInvisible(scalar) {
        result.append(contentsOf: escape(scalar).unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  /// What a user wrote, as a message quotes it: between double quotes, and cut when long.
  static func shown(_ text: String) -> String {
    let limit = 60
    // Characters can be of any length, scalars cannot.
    let scalars = text.unicodeScalars.prefix(limit)
    let isCut = scalars.endIndex < text.unicodeScalars.endIndex
    return "\"\(String(String.UnicodeScalarView(scalars)))\(isCut ? "…" : "")\""
  }

  /// Whether a scalar is a control, a line separator or a format character other than the joiners of scripts
  /// and emoji.
  static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: return true
    case .format: return scalar.value != 0x200C && scalar.value != 0x200D
    default: return false
    }
  }

  /// The escape that the shell's double quotes read back as `scalar`.
  static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\t": "\\t"
    default: "\\u{\(String(scalar.value, radix: 16))}"
    }
  }
}
