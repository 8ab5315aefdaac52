import Base

/// What became of a script.
public struct ScriptOutcome: Sendable, Equatable {
  /// How many statements ran without an error.
  public var succeeded = 0
  /// In the order in which they happened, those of scripts inside it included.
  public var failures: [LocatedDiagnostic] = []
  /// A command ended the session.
  public var endsSession = false

  /// Of a script that has not begun.
  public init() {}

  /// Adds what became of a script that ran after this one.
  public mutating func append(_ next: ScriptOutcome) {
    succeeded += next.succeeded
    failures += next.failures
    endsSession = endsSession || next.endsSession
  }

  /// The first of the gravest failures: a stop by the user, then the model's, another model,
  /// differences, numeric and memory, files', values', usage.
  public var worst: LocatedDiagnostic? {
    failures.reduce(nil) { worst, failure in
      guard let worst, failure.diagnostic.kind.gravity <= worst.diagnostic.kind.gravity else {
        return failure
      }
      return worst
    }
  }

  /// Throws `ScriptFailure` when something failed: for a command that ran a script and reported its failures.
  public func throwIfFailed() throws(ScriptFailure) {
    if let worst { throw ScriptFailure(outcome: self, worst: worst) }
  }
}

/// A command failed because the script that it ran did, and that was reported.
public struct ScriptFailure: Error, Sendable, Equatable {
  public let outcome: ScriptOutcome
  public let worst: LocatedDiagnostic
}

extension Diagnostic.Kind {
  /// Which of several failures an exit code tells of: the greatest.
  public var gravity: Int {
    switch self {
    case .usage: 0
    case .value: 1
    case .file: 2
    case .inspectionOnly, .memory, .numeric: 3
    case .difference: 4
    case .otherModel: 5
    case .model: 6
    case .interrupted: 7
    }
  }
}
