import Base

/// What an argument or an option accepts: usage text, completion and checking follow from it.
public enum ValueKind: Sendable, Equatable {
  case text
  case integer(ClosedRange<Int>)
  /// A finite number.
  case number(ClosedRange<Double>)
  case choice([String])
  /// The path of a file.
  case file
  /// The path of a folder.
  case folder
  /// A name of some sort (`setting`, `path`), completed by the session and checked by the command.
  case named(String)
  /// A whole command, as `time` and `repeat` take it; only as the last argument of a command with raw text.
  case statement

  /// Any integer.
  public static var integer: ValueKind { .integer(Int.min...Int.max) }

  /// Any finite number.
  public static var number: ValueKind {
    .number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
  }

  /// What stands for a value in usage text, where the value has no name of its own.
  var placeholder: String {
    switch self {
    case .text: "TEXT"
    case .integer: "N"
    case .number: "X"
    case .choice(let names): names.joined(separator: "|")
    case .file: "FILE"
    case .folder: "FOLDER"
    case .named(let name): name.uppercased()
    case .statement: "COMMAND"
    }
  }

  /// The value that a text stands for: in a path, a leading `~` is a home folder.
  func value(of text: String) -> String {
    switch self {
    case .file, .folder: PathName.expandingTilde(text)
    // Names of layers and models have no tilde.
    case .named where text.hasPrefix("~"): PathName.expandingTilde(text)
    default: text
    }
  }

  /// What is accepted, as a message says it.
  var expectation: String {
    switch self {
    case .text: "a text"
    case .integer(let range):
      Self.expectation(
        of: "an integer", lower: range.lowerBound == .min ? nil : "\(range.lowerBound)",
        upper: range.upperBound == .max ? nil : "\(range.upperBound)")
    case .number(let range):
      Self.expectation(
        of: "a number",
        lower: range.lowerBound == -.greatestFiniteMagnitude ? nil : Self.short(range.lowerBound),
        upper: range.upperBound == .greatestFiniteMagnitude ? nil : Self.short(range.upperBound))
    case .choice(let names): NearestNames.list(names, "or")
    case .file: "a file's name"
    case .folder: "a folder's name"
    case .named(let name): "a \(name)"
    case .statement: "a command"
    }
  }

  /// Throws a `Diagnostic` that says what `label` (`steps=`, `FILE`; nil where the expectation says enough)
  /// expects when `text` is not it.
  func check(_ text: String, label: String?, command: String) throws(Diagnostic) {
    let isAccepted =
      switch self {
      case .text: true
      case .integer(let range): Int(text).map(range.contains) ?? false
      case .number(let range): Self.double(text).map(range.contains) ?? false
      case .choice(let names): names.contains(text)
      case .file, .folder, .named, .statement: !text.isEmpty
      }
    if isAccepted { return }
    var hint: String?
    if case .choice(let names) = self { hint = NearestNames.hint(for: text, among: names, fallback: nil) }
    throw Diagnostic(
      .usage, at: command,
      "\(label.map { "\($0) expects" } ?? "expected") \(expectation), found \(ErrorText.shown(text))",
      hint: hint)
  }

  /// A finite decimal number; Swift would also read hexadecimal ones, `inf` and `nan`.
  static func double(_ text: String) -> Double? {
    guard text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) else { return nil }
    return Double(text).flatMap { $0.isFinite ? $0 : nil }
  }

  private static func expectation(of noun: String, lower: String?, upper: String?) -> String {
    switch (lower, upper) {
    case (let lower?, let upper?): "\(noun) from \(lower) to \(upper)"
    case (let lower?, nil): "\(noun) of at least \(lower)"
    case (nil, let upper?): "\(noun) of at most \(upper)"
    case (nil, nil): noun
    }
  }

  private static func short(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
