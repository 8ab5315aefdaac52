import Base

/// How a command's output is written.
public enum OutputForm: String, Sendable, CaseIterable { case text, csv, markdown, json }

/// What a command gives back: text for a person and the same as data.
public struct CommandOutput: Sendable, Equatable {
  public var text: String
  public var result: JSONValue
  /// A picture as the sequences that show it on a terminal; it is printed as it is, after the text.
  public var terminalText = ""
  /// What a user should know of how the result came about, a sentence each.
  public var notes: [String] = []
  /// The rows of a command that gives tables, whole, whatever the text leaves out.
  public var tables: [DataTable]
  /// How the user asked to see it.
  public var form = OutputForm.text
  /// The values that a recorded session keeps, of a command whose `EvidenceRule` is `own`.
  public var evidence: [Evidence] = []
  /// It follows from the last run: it can be recorded only with that, and be the same only where that is.
  public var isOfLastRun = false
  /// What a recorded session keeps in place of the result, where that depends on how it is shown.
  public var evidenceResult: JSONValue?
  /// The result is of the moment this time, so that no evidence is kept of it.
  public var isMomentary = false
  /// What a recorded session says beside, not to be compared: how long it took.
  public var information: [String] = []
  /// The command as a recorded session has it, where that is not what was entered: with the seed that was drawn.
  public var statement: String?
  /// The session is to end after this command, as `quit` asks.
  public var endsSession: Bool

  public init(
    _ text: String = "", result: JSONValue = .null, tables: [DataTable] = [], endsSession: Bool = false
  ) {
    self.text = text
    self.result = result
    self.tables = tables
    self.endsSession = endsSession
  }

  /// What follows from the last run.
  public static func ofLastRun(_ text: String, result: JSONValue, tables: [DataTable] = []) -> CommandOutput {
    var output = CommandOutput(text, result: result, tables: tables)
    output.isOfLastRun = true
    return output
  }

  /// The output in the form that was asked for.
  public var rendered: String {
    switch form {
    case .text: text
    case .csv: tables.map(\.csv).joined(separator: "\r\n")
    case .markdown: tables.map(\.markdown).joined(separator: "\n")
    case .json: result.text() + "\n"
    }
  }
}

/// A command failed and has something to show nevertheless, such as what a verification found.
public struct CommandFailure: Error, Sendable {
  public let output: CommandOutput
  public let diagnostic: Diagnostic

  public init(_ diagnostic: Diagnostic, output: CommandOutput) {
    self.diagnostic = diagnostic
    self.output = output
  }
}

/// A command: what it is called and takes, and what it does.
public struct Command<Session>: Sendable {
  public let declaration: CommandDeclaration
  public let run: @Sendable (Invocation, Session) throws -> CommandOutput

  public init(
    _ declaration: CommandDeclaration,
    run: @escaping @Sendable (Invocation, Session) throws -> CommandOutput
  ) {
    self.declaration = declaration
    guard declaration.givesTable else {
      self.run = run
      return
    }
    self.run = { invocation, session in
      do {
        var output = try run(invocation, session)
        output.form = invocation.outputForm
        return output
      } catch let failure as CommandFailure {
        var output = failure.output
        output.form = invocation.outputForm
        throw CommandFailure(failure.diagnostic, output: output)
      }
    }
  }
}
