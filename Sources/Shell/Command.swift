import Base

/// What a command gives back: text for a person and the same as data.
public struct CommandOutput: Sendable, Equatable {
  public var text: String
  public var result: JSONValue
  /// The session is to end after this command, as `quit` asks.
  public var endsSession: Bool

  public init(_ text: String = "", result: JSONValue = .null, endsSession: Bool = false) {
    self.text = text
    self.result = result
    self.endsSession = endsSession
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
    self.run = run
  }
}
