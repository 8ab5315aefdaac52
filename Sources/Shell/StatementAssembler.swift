import Base

/// Builds statements from lines: joins those that end in `\` and the lines of a `"""` text, and sets comments
/// apart.
///
/// A joined line counts as one blank together with the blanks around the join. An even number of `\` at a
/// line's end joins nothing, nor does a comment's.
public struct StatementAssembler: Sendable {
  /// What a line made of the statement so far.
  public enum Outcome: Sendable, Equatable {
    case complete(Statement)
    /// More lines belong to it: a shell shows its continuation prompt.
    case incomplete
    /// A blank line.
    case empty
    case comment(Comment)
  }

  /// The longest statement, in bytes.
  public static let limitBytes = 65_536

  /// A statement that more lines belong to.
  private struct Pending {
    var text: String
    var line: Int
    var joins: [Int] = []
    var openText: Int?
    var fault: LocatedDiagnostic?
    var isTooLong = false
  }

  private let source: String
  private let grammar: StatementGrammar
  private var pending: Pending?
  /// The number of lines appended so far.
  public private(set) var lineCount: Int

  /// `lineCount` is the number of lines that were read before.
  public init(source: String, grammar: StatementGrammar, lineCount: Int = 0) {
    self.source = source
    self.grammar = grammar
    self.lineCount = lineCount
  }

  /// Whether a statement has begun and waits for more lines.
  public var isIncomplete: Bool { pending != nil }

  /// Forgets a statement that has begun, as Ctrl-C does.
  public mutating func reset() { pending = nil }

  /// Takes one line without its line break.
  ///
  /// `fault` says that the line could not be read as it stands. It is thrown once the statement that the line
  /// belongs to is complete, so that the rest of a broken multi-line text is never taken for commands. Throws
  /// too for a statement longer than `limitBytes`.
  public mutating func append(
    _ line: String, fault: Diagnostic? = nil
  ) throws(LocatedDiagnostic) -> Outcome {
    lineCount += 1
    let here = Location(source: source, line: lineCount)
    let fault = fault.map { LocatedDiagnostic($0, at: here) }
    var statement: Pending
    if var begun = pending {
      begun.fault = begun.fault ?? fault
      extend(&begun, with: line)
      statement = begun
    } else {
      let trimmed = Self.withoutLeadingBlanks(line)
      if trimmed.isEmpty || trimmed.utf8.first == UInt8(ascii: "#") {
        if let fault { throw fault }
        return trimmed.isEmpty ? .empty : .comment(Comment(Self.withoutTrailingBlanks(trimmed), at: here))
      }
      statement = Pending(text: line, line: lineCount, fault: fault)
      if line.utf8.count > Self.limitBytes { refuseLength(of: &statement) }
    }
    if isComplete(&statement, after: line) {
      pending = nil
      if let fault = statement.fault { throw fault }
      return .complete(self.statement(statement))
    }
    pending = statement
    return .incomplete
  }

  /// Says that no line follows. Throws when a statement waits for one, and forgets it.
  public mutating func finish() throws(LocatedDiagnostic) {
    guard let statement = pending else { return }
    pending = nil
    if let fault = statement.fault { throw fault }
    if let offset = statement.openText {
      throw self.statement(statement).located(
        Lexer.Fault(
          offset: offset, message: "the \"\"\" that opens here is never closed",
          hint: "end the text with \"\"\""))
    }
    throw LocatedDiagnostic(
      Diagnostic(
        .usage, "the last line ends in \\ and there is no line to join",
        hint: "remove the \\, or quote a text that ends in one"),
      at: Location(source: source, line: lineCount))
  }

  private func extend(_ statement: inout Pending, with line: String) {
    guard statement.text.utf8.count + line.utf8.count < Self.limitBytes else {
      return refuseLength(of: &statement)
    }
    if statement.openText != nil {
      statement.text += "\n" + line
    } else {
      statement.joins.append(statement.text.utf8.count)
      statement.text += Self.withoutLeadingBlanks(line)
    }
  }

  /// Whether the statement ends with `line`; when it does not, notes what it waits for.
  private func isComplete(_ statement: inout Pending, after line: String) -> Bool {
    if statement.openText != nil {
      // Only a line with a closing in it can end the text.
      if !Self.holdsTripleQuote(line) { return false }
      if statement.isTooLong { return true }
    }
    if !statement.isTooLong {
      statement.openText = grammar.openText(in: statement.text)
      if statement.openText != nil { return false }
    }
    guard line.utf8.reversed().prefix(while: { $0 == UInt8(ascii: "\\") }).count % 2 == 1 else { return true }
    if !statement.isTooLong {
      statement.text = Self.withoutTrailingBlanks(Substring(statement.text.utf8.dropLast())) + " "
    }
    return false
  }

  private func refuseLength(of statement: inout Pending) {
    statement.isTooLong = true
    let diagnostic = Diagnostic(
      .usage, "a command of more than \(Self.limitBytes) bytes",
      hint: "check for a \"\"\" that is never closed, or that this is a script at all")
    let here = Location(source: source, line: statement.line)
    statement.fault = statement.fault ?? LocatedDiagnostic(diagnostic, at: here)
  }

  private func statement(_ pending: Pending) -> Statement {
    Statement(pending.text, at: Location(source: source, line: pending.line), joins: pending.joins)
  }

  // Bytes throughout: as characters, a quote or blank followed by a combining mark would be something else.
  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }

  private static func withoutLeadingBlanks(_ text: String) -> Substring {
    Substring(text.utf8.drop(while: isBlank))
  }

  private static func withoutTrailingBlanks(_ text: Substring) -> String {
    var bytes = text.utf8
    while let last = bytes.last, isBlank(last) { bytes.removeLast() }
    return String(Substring(bytes))
  }

  private static func holdsTripleQuote(_ line: String) -> Bool {
    var run = 0
    for byte in line.utf8 {
      run = byte == UInt8(ascii: "\"") ? run + 1 : 0
      if run == 3 { return true }
    }
    return false
  }
}
