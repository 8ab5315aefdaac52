import Base

/// The commands of a shell, and all that follows from their declarations.
public struct CommandTable<Session>: Sendable {
  /// In the order in which help lists them.
  public let commands: [Command<Session>]
  /// The session's settings, as the options that a command with `takesSettings` accepts.
  public let settings: [OptionDeclaration]
  /// What other programs call commands and settings, for hints.
  public let synonyms: [String: String]
  private let index: [String: Int]

  /// Names and aliases are unique; anything else is a bug in the declarations.
  public init(
    _ commands: [Command<Session>], settings: [OptionDeclaration] = [], synonyms: [String: String] = [:]
  ) {
    self.commands = commands
    self.settings = settings
    self.synonyms = synonyms
    var index: [String: Int] = [:]
    for (position, command) in commands.enumerated() {
      for name in [command.declaration.name] + command.declaration.aliases {
        precondition(index.updateValue(position, forKey: name) == nil, "two commands are called \(name)")
      }
    }
    self.index = index
  }

  var declarations: [CommandDeclaration] { commands.map(\.declaration) }

  /// The command of a name or alias and, with `allowAbbreviation`, of a name's unique beginning.
  ///
  /// Throws a `Diagnostic` that lists the candidates of an ambiguous beginning, and suggests the nearest
  /// names for a word that is none.
  public func lookup(_ word: String, allowAbbreviation: Bool = false) throws(Diagnostic) -> Command<Session> {
    if let position = index[word] { return commands[position] }
    if word.isEmpty {
      throw Diagnostic(.usage, "expected a command, found an empty word", hint: "help lists the commands")
    }
    let candidates = commands.filter { $0.declaration.name.utf8.starts(with: word.utf8) }
    let names = candidates.map(\.declaration.name)
    guard allowAbbreviation, let first = candidates.first else {
      if let hint = otherSpelling(of: word) {
        throw Diagnostic(.usage, "unknown command \(ErrorText.shown(word))", hint: hint)
      }
      let near = NearestNames.suggest(word, among: declarations.map(\.name))
      let hint =
        near.count == 1 && near == names
        ? "did you mean \(near[0])? Only a terminal takes abbreviations"
        : NearestNames.hint(for: word, among: declarations.map(\.name), fallback: "help lists the commands")
      throw Diagnostic(.usage, "unknown command \(ErrorText.shown(word))", hint: hint)
    }
    if candidates.count == 1 { return first }
    throw Diagnostic(
      .usage, "\(ErrorText.shown(word)) may be \(NearestNames.list(names, "or"))",
      hint: "type more of the name")
  }

  /// A hint for a word that another program would understand: `steps=5`, or its own name of a command.
  private func otherSpelling(of word: String) -> String? {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let name = synonyms[parts[0].lowercased()] ?? parts[0]
    guard index[name] != nil, name != word else { return nil }
    return parts.count == 2 ? "did you mean: \(name) \(parts[1])" : "did you mean \(name)?"
  }

  /// What tells where a statement of these commands ends.
  public func grammar(allowAbbreviation: Bool = false) -> StatementGrammar {
    StatementGrammar { word in
      (try? lookup(word, allowAbbreviation: allowAbbreviation))?.declaration.tail ?? .words
    }
  }
}
