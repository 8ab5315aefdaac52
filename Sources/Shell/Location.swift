import Base

/// A line of a script, of standard input (`-`) or of a command given to the process (`-c`).
public struct Location: Sendable, Hashable, CustomStringConvertible {
  /// A file's path as it was given, `-` or `-c`.
  public var source: String
  /// Counted from 1.
  public var line: Int

  public init(source: String, line: Int) {
    self.source = source
    self.line = line
  }

  /// `source:line`.
  public var description: String { "\(source):\(line)" }
}

/// A diagnostic with the line of the script that caused it.
public struct LocatedDiagnostic: Error, Sendable, Equatable, CustomStringConvertible {
  public var diagnostic: Diagnostic
  public var location: Location

  public init(_ diagnostic: Diagnostic, at location: Location) {
    self.diagnostic = diagnostic
    self.location = location
  }

  /// `source:line: place: message`.
  public var description: String { "\(location): \(diagnostic)" }
}
