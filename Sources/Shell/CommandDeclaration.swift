import Base

/// A word that a command takes by its place.
public struct ArgumentDeclaration: Sendable, Equatable {
  /// Lower case; usage text shows it in capitals.
  public let name: String
  public let kind: ValueKind
  public let isOptional: Bool
  /// Takes all words from here on; only the last argument may.
  public let isRepeated: Bool
  /// Words that have a meaning of their own here, offered by completion too.
  public let words: [String]
  /// One line.
  public let summary: String

  public init(
    _ name: String, _ kind: ValueKind = .text, isOptional: Bool = false, isRepeated: Bool = false,
    words: [String] = [], summary: String
  ) {
    self.name = name
    self.kind = kind
    self.isOptional = isOptional
    self.isRepeated = isRepeated
    self.words = words
    self.summary = summary
  }

  /// The argument in usage text, without brackets.
  var label: String {
    if case .choice = kind, kind.placeholder.utf8.count <= 40 { return kind.placeholder }
    // A list of what it may be says itself.
    return name.contains("|") ? name : name.uppercased()
  }

  /// The argument in the message that a value is not of its kind; the names of a choice say enough.
  var checkLabel: String? {
    if case .choice = kind { return nil }
    return label
  }

  var usage: String {
    let text = isRepeated ? label + "…" : label
    return isOptional ? "[\(text)]" : text
  }
}

/// A `key=value` word that a command takes in any place.
public struct OptionDeclaration: Sendable, Equatable {
  public let key: String
  public let kind: ValueKind
  /// One line.
  public let summary: String

  public init(_ key: String, _ kind: ValueKind = .text, summary: String) {
    self.key = key
    self.kind = kind
    self.summary = summary
  }

  /// `key=VALUE`.
  var label: String { kind.placeholder.utf8.count <= 40 ? "\(key)=\(kind.placeholder)" : "\(key)=NAME" }
}

extension OptionDeclaration {
  /// What every command that gives a table takes.
  static let form = OptionDeclaration(
    "as", .choice(OutputForm.allCases.map(\.rawValue)),
    summary: "how to write the table; csv, markdown and json have every row whole")
}

/// All that is to be known of a command but what it does; parsing, help, completion, `apropos` and
/// abbreviation follow from it.
public struct CommandDeclaration: Sendable {
  public typealias Example = (line: String, note: String)

  public let name: String
  /// Short names that scripts may use too.
  public let aliases: [String]
  /// The heading under which `help` lists the command.
  public let group: String
  /// One line.
  public let summary: String
  /// Paragraphs, parted by blank lines.
  public let discussion: String
  public let arguments: [ArgumentDeclaration]
  public let options: [OptionDeclaration]
  /// Takes the session's settings as options too.
  public let takesSettings: Bool
  /// The last argument is the rest of the line as it stands, unless that starts with a quote; such a command
  /// has no options.
  public let takesRawText: Bool
  /// Gives a table, which `as=` writes as text, csv, markdown or json.
  public let givesTable: Bool
  /// The command that sets a text, where stray words after this one were probably meant for that.
  public let textCommand: String?
  /// What a recorded session keeps of its result.
  public let evidence: EvidenceRule
  public let examples: [Example]

  /// Required arguments come first, and names are unique; anything else is a bug in the declaration.
  public init(
    _ name: String, aliases: [String] = [], group: String, summary: String, discussion: String = "",
    arguments: [ArgumentDeclaration] = [], options: [OptionDeclaration] = [], takesSettings: Bool = false,
    takesRawText: Bool = false, givesTable: Bool = false, textCommand: String? = nil,
    evidence: EvidenceRule = .result(),
    examples: [Example] = []
  ) {
    let options = options + (givesTable ? [OptionDeclaration.form] : [])
    precondition(!name.isEmpty, "a command has a name")
    precondition(
      arguments.dropLast().allSatisfy { !$0.isRepeated && $0.kind != .statement },
      "\(name): only the last argument is repeated or a statement")
    precondition(
      zip(arguments, arguments.dropFirst()).allSatisfy { !$0.isOptional || $1.isOptional },
      "\(name): required arguments come first")
    let names = arguments.map(\.name) + options.map(\.key)
    precondition(Set(names).count == names.count, "\(name): an argument or option is declared twice")
    precondition(
      !takesRawText || (options.isEmpty && !takesSettings && arguments.last?.isRepeated == false),
      "\(name): raw text is the last argument, with no options")
    precondition(
      takesRawText || arguments.last?.kind != .statement, "\(name): a statement is raw text")
    self.name = name
    self.aliases = aliases
    self.group = group
    self.summary = summary
    self.discussion = discussion
    self.arguments = arguments
    self.options = options
    self.takesSettings = takesSettings
    self.takesRawText = takesRawText
    self.givesTable = givesTable
    self.textCommand = textCommand
    self.evidence = evidence
    self.examples = examples
  }

  /// The command's form: `dump WHAT FOLDER [steps=TEXT]`.
  public var usage: String { usageParts.joined(separator: " ") }

  var usageParts: [String] {
    [name] + arguments.map(\.usage) + options.map { "[\($0.label)]" }
      + (takesSettings ? ["[SETTING=VALUE…]"] : [])
  }

  var tail: StatementGrammar.Tail {
    guard takesRawText else { return .words }
    let leading = arguments.count - 1
    return arguments.last?.kind == .statement ? .statement(after: leading) : .text(after: leading)
  }

  /// The argument that the word at a position (from 0) belongs to.
  func argument(at position: Int) -> ArgumentDeclaration? {
    if position < arguments.count { return arguments[position] }
    return arguments.last.flatMap { $0.isRepeated ? $0 : nil }
  }

  /// The declaration as data, for `help` with JSON output.
  public var json: JSONValue {
    .object([
      "name": .string(name), "aliases": .array(aliases.map(JSONValue.string)), "group": .string(group),
      "summary": .string(summary), "discussion": .string(discussion), "usage": .string(usage),
      "arguments": .array(
        arguments.map {
          .object([
            "name": .string($0.name), "expects": .string($0.kind.expectation), "summary": .string($0.summary),
            "optional": .bool($0.isOptional), "repeated": .bool($0.isRepeated),
          ])
        }),
      "options": .array(
        options.map {
          .object([
            "key": .string($0.key), "expects": .string($0.kind.expectation), "summary": .string($0.summary),
          ])
        }),
      "takesSettings": .bool(takesSettings), "takesRawText": .bool(takesRawText),
      "examples": .array(examples.map { .object(["line": .string($0.line), "note": .string($0.note)]) }),
    ])
  }
}
