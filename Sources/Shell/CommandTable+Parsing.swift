import Base

extension CommandTable {
  /// Finds the statement's command and checks its words against the declaration.
  ///
  /// Throws for an unknown command or option, a word too few or too many, a value that is not of its kind,
  /// and what `Statement.words` throws for.
  public func parse(
    _ statement: Statement, allowAbbreviation: Bool = false
  ) throws(LocatedDiagnostic) -> (command: Command<Session>, invocation: Invocation) {
    var words = WordReader(statement)
    let name = try words.next()
    let command: Command<Session>
    do {
      command = try lookup(name?.text ?? "", allowAbbreviation: allowAbbreviation)
    } catch {
      throw words.located(error, at: name)
    }
    var parser = InvocationParser(
      declaration: command.declaration, settings: settings, synonyms: synonyms)
    if command.declaration.takesRawText {
      // A script's `prompt $TEXT` sets an empty text where a person at a terminal asks for the value.
      try parser.readRawText(&words, takesEmpty: !allowAbbreviation)
    } else {
      while let word = try words.next() { try parser.take(word, from: words) }
    }
    return (command, try parser.invocation(of: statement))
  }
}

/// Reads a statement's words and gives each fault its line.
private struct WordReader {
  let statement: Statement
  private var lexer: Lexer

  init(_ statement: Statement) {
    self.statement = statement
    lexer = Lexer(statement.text)
  }

  mutating func next() throws(LocatedDiagnostic) -> Word? {
    do { return try lexer.next() } catch { throw statement.located(error) }
  }

  /// The rest of the statement as it stands or, where it starts with a quote, as that one text; nil when
  /// there is none.
  mutating func rawText(
    isStatement: Bool
  ) throws(LocatedDiagnostic) -> (text: String?, location: Location) {
    lexer.skipBlanks()
    let location = statement.location(ofOffset: lexer.position)
    if isStatement || !lexer.isAtQuote { return (lexer.isAtEnd ? nil : lexer.rest(), location) }
    let word = try next()
    lexer.skipBlanks()
    if !lexer.isAtEnd {
      throw statement.located(
        Lexer.Fault(
          offset: lexer.position,
          message: "expected nothing after the closing quote, found \(ErrorText.shown(lexer.rest()))",
          hint: "a text that starts with a quote ends with it: put the whole text between quotes"))
    }
    return (word?.text, location)
  }

  /// The statement from a word on, cut when long.
  func rest(from word: Word) -> String {
    let bytes = statement.text.utf8.dropFirst(word.range.lowerBound)
    let line = String(decoding: bytes, as: UTF8.self).prefix { !$0.isNewline }
    return line.count <= 60 ? String(line) : line.prefix(59) + "…"
  }

  /// Whether the statement ends in a blank.
  var endsInBlank: Bool { statement.text.utf8.last.map { $0 == 0x20 || $0 == 0x09 } ?? false }

  func located(_ diagnostic: Diagnostic, at word: Word?) -> LocatedDiagnostic {
    LocatedDiagnostic(
      diagnostic, at: word.map { statement.location(ofOffset: $0.range.lowerBound) } ?? statement.location)
  }
}

/// Sorts a statement's words into arguments and options, and checks them.
private struct InvocationParser {
  let declaration: CommandDeclaration
  let settings: [OptionDeclaration]
  /// What other programs call options and commands.
  let synonyms: [String: String]
  private var arguments: [String] = []
  private var options: [Invocation.Option] = []
  private var rawText: String?

  init(declaration: CommandDeclaration, settings: [OptionDeclaration], synonyms: [String: String]) {
    self.declaration = declaration
    self.settings = settings
    self.synonyms = synonyms
  }

  private var accepted: [OptionDeclaration] {
    declaration.takesSettings ? declaration.options + settings : declaration.options
  }

  mutating func take(_ word: Word, from words: WordReader) throws(LocatedDiagnostic) {
    do {
      if let key = word.key, let value = word.value, !declaration.options.isEmpty || declaration.takesSettings
      {
        try takeOption(key, value)
      } else {
        try takeArgument(word.text, rest: words.rest(from: word))
      }
    } catch {
      throw words.located(error, at: word)
    }
  }

  /// - Parameter takesEmpty: whether blanks after the command are an empty text.
  mutating func readRawText(_ words: inout WordReader, takesEmpty: Bool) throws(LocatedDiagnostic) {
    guard let last = declaration.arguments.last else { return }
    for _ in declaration.arguments.dropLast() {
      guard let word = try words.next() else { return }
      do { try takeArgument(word.text, rest: "") } catch { throw words.located(error, at: word) }
    }
    let hasBlank = takesEmpty && last.kind == .text && words.endsInBlank
    let (found, location) = try words.rawText(isStatement: last.kind == .statement)
    let text = found ?? (hasBlank ? "" : nil)
    guard let text = text.map(last.kind.value(of:)) else { return }
    do {
      try last.kind.check(text, label: last.checkLabel, command: declaration.name)
    } catch {
      throw LocatedDiagnostic(error, at: location)
    }
    rawText = text
  }

  func invocation(of statement: Statement) throws(LocatedDiagnostic) -> Invocation {
    let given = arguments.count + (rawText == nil ? 0 : 1)
    if given < declaration.arguments.count, !declaration.arguments[given].isOptional {
      throw LocatedDiagnostic(
        Diagnostic(
          .usage, at: declaration.name, "expected \(declaration.arguments[given].label), found nothing",
          hint: "usage: \(declaration.usage)"), at: statement.location)
    }
    return Invocation(
      declaration: declaration, arguments: arguments, options: options, rawText: rawText,
      location: statement.location)
  }

  private mutating func takeOption(_ key: String, _ value: String) throws(Diagnostic) {
    guard let option = accepted.first(where: { $0.key == key }) else {
      throw Diagnostic(
        .usage, at: declaration.name, "unknown option \(ErrorText.shown(key + "="))",
        hint: synonyms[key].map { "did you mean \($0)=?" }
          ?? NearestNames.hint(
            for: key, among: accepted.map(\.key), suffix: "=",
            fallback: "help \(declaration.name) lists the options"))
    }
    if options.contains(where: { $0.key == key }) {
      throw Diagnostic(.usage, at: declaration.name, "\(key)= is given twice", hint: "keep one of them")
    }
    let value = option.kind.value(of: value)
    try option.kind.check(value, label: "\(key)=", command: declaration.name)
    options.append(Invocation.Option(key: key, value: value))
  }

  /// - Parameter rest: the statement from the word on, which may have been meant as one text.
  private mutating func takeArgument(_ text: String, rest: String) throws(Diagnostic) {
    guard let argument = declaration.argument(at: arguments.count) else {
      let isKey = accepted.contains { $0.key == text }
      let hint =
        isKey
        ? "an option is written \(text)=VALUE, without blanks"
        : declaration.textCommand.map { "to set the text: \($0) \(rest)" } ?? "usage: \(declaration.usage)"
      throw Diagnostic(
        .usage, at: declaration.name, "unexpected word \(ErrorText.shown(text))", hint: hint)
    }
    let value = argument.kind.value(of: text)
    try argument.kind.check(value, label: argument.checkLabel, command: declaration.name)
    arguments.append(value)
  }
}
