import Base

/// Runs statements one after another: parses, runs, and hands on what comes of it.
public struct ScriptRunner<Session> {
  /// A statement that failed.
  public struct Failure: Sendable, Equatable {
    /// Nil when no statement could be read.
    public let statement: Statement?
    /// The command's full name; nil when none was recognised.
    public let command: String?
    public let error: LocatedDiagnostic
    /// The error was reported by a script that the command ran: a person has seen it, a record has still to
    /// be made.
    public let isReported: Bool
    /// What there is to show nevertheless.
    public var output: CommandOutput?

    init(
      statement: Statement?, command: String?, error: LocatedDiagnostic, isReported: Bool,
      output: CommandOutput? = nil
    ) {
      self.statement = statement
      self.command = command
      self.error = error
      self.isReported = isReported
      self.output = output
    }
  }

  /// What became of one statement.
  public enum Step: Sendable, Equatable {
    case succeeded(CommandOutput)
    /// With the failures of a script that the command ran; that script may have ended the session too.
    case failed([LocatedDiagnostic], endsSession: Bool)
  }

  public let table: CommandTable<Session>
  /// Goes on after an error; a stop by the user ends the script nevertheless.
  public let keepsGoing: Bool
  /// Set on a terminal only: a script with abbreviations would break with each new command.
  public let allowsAbbreviation: Bool
  /// Whether the user has asked to stop, looked at before each statement of a script.
  private let shouldStop: () -> Bool
  /// Throws when what a command has just computed must not be used.
  private let check: () throws -> Void
  private let output: (Statement, Invocation, CommandOutput) -> Void
  private let failure: (Failure) -> Void

  /// `output` and `failure` get what each statement gave, in order; `check` may turn the former into the latter.
  public init(
    _ table: CommandTable<Session>, keepsGoing: Bool = false, allowsAbbreviation: Bool = false,
    shouldStop: @escaping () -> Bool = { false }, check: @escaping () throws -> Void = {},
    output: @escaping (Statement, Invocation, CommandOutput) -> Void,
    failure: @escaping (Failure) -> Void
  ) {
    self.table = table
    self.keepsGoing = keepsGoing
    self.allowsAbbreviation = allowsAbbreviation
    self.shouldStop = shouldStop
    self.check = check
    self.output = output
    self.failure = failure
  }

  /// Runs a script up to its end, its first error unless `keepsGoing`, or the command that ends the session.
  public func run(_ reader: ScriptReader, in session: Session) -> ScriptOutcome {
    var outcome = ScriptOutcome()
    while true {
      let step: Step
      do {
        guard let statement = try reader.next() else { return outcome }
        step =
          shouldStop()
          ? failed(
            statement, nil,
            LocatedDiagnostic(Diagnostic(.interrupted, "interrupted"), at: statement.location))
          : run(statement, in: session)
      } catch {
        failure(Failure(statement: nil, command: nil, error: error, isReported: false))
        step = .failed([error], endsSession: false)
      }
      switch step {
      case .succeeded(let output):
        outcome.succeeded += 1
        outcome.endsSession = output.endsSession
      case .failed(let errors, let endsSession):
        outcome.failures += errors
        outcome.endsSession = endsSession
        if !keepsGoing || errors.contains(where: { $0.diagnostic.kind == .interrupted }) { return outcome }
      }
      if outcome.endsSession { return outcome }
    }
  }

  /// Runs one statement.
  public func run(_ statement: Statement, in session: Session) -> Step {
    let command: Command<Session>
    let invocation: Invocation
    do {
      (command, invocation) = try table.parse(statement, allowAbbreviation: allowsAbbreviation)
    } catch {
      return failed(statement, nil, error)
    }
    do {
      let result = try command.run(invocation, session)
      try check()
      output(statement, invocation, result)
      return .succeeded(result)
    } catch let error as ScriptFailure {
      let command = invocation.command
      failure(Failure(statement: statement, command: command, error: error.worst, isReported: true))
      return .failed(error.outcome.failures, endsSession: error.outcome.endsSession)
    } catch let error as CommandFailure {
      let located = located(error.diagnostic, statement)
      failure(
        Failure(
          statement: statement, command: invocation.command, error: located, isReported: false,
          output: error.output))
      return .failed([located], endsSession: false)
    } catch {
      return failed(statement, invocation.command, located(error, statement))
    }
  }

  private func failed(_ statement: Statement, _ command: String?, _ error: LocatedDiagnostic) -> Step {
    failure(Failure(statement: statement, command: command, error: error, isReported: false))
    return .failed([error], endsSession: false)
  }

  private func located(_ error: any Error, _ statement: Statement) -> LocatedDiagnostic {
    switch error {
    case let error as LocatedDiagnostic: error
    case let error as Diagnostic: LocatedDiagnostic(error, at: statement.location)
    case is CancellationError:
      LocatedDiagnostic(Diagnostic(.interrupted, "interrupted"), at: statement.location)
    default: LocatedDiagnostic(Diagnostic(.file, "\(error)"), at: statement.location)
    }
  }
}
