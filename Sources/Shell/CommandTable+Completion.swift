extension CommandTable {
  /// Gives the values of a kind that begin with a text; for a file's name those may be folders, ending in
  /// `/`.
  public typealias ValueSource = (_ kind: ValueKind, _ beginning: String) -> [String]

  /// The candidates for the word that ends at `cursor`, a UTF-8 offset in `line`; what follows the cursor is
  /// not looked at.
  ///
  /// `values` is asked for files, folders and named values; the rest follows from the declarations, as do the
  /// values named `command` and `setting`.
  public func complete(line: String, cursor: Int, values: ValueSource) -> Completion {
    let typed = String(decoding: line.utf8.prefix(max(0, cursor)), as: UTF8.self)
    var place = TypedStatement(typed, from: 0)
    // Each round is one statement: the line itself, then the one that `time` or `repeat` takes.
    while let name = place.words.first {
      guard let command = try? lookup(name.text, allowAbbreviation: true) else { return place.completion([]) }
      let declaration = command.declaration
      switch declaration.tail {
      case .words:
        return completeWord(place, of: declaration, values)
      case .statement(let leading) where place.words.count > leading:
        place = TypedStatement(typed, from: place.words[leading].range.upperBound)
      case .text(let leading) where place.words.count > leading:
        return completeRawText(
          TypedStatement(typed, from: place.words[leading].range.upperBound), declaration, values)
      case .statement, .text:
        let argument = declaration.argument(at: place.words.count - 1)
        return place.completion(candidates(for: argument?.kind, place.beginning, values, quote: Quoting.word))
      }
    }
    return place.completion(commandCandidates(place.beginning))
  }

  private func completeWord(
    _ place: TypedStatement, of declaration: CommandDeclaration, _ values: ValueSource
  ) -> Completion {
    let options = declaration.takesSettings ? declaration.options + settings : declaration.options
    if let current = place.current, let key = current.key, let value = current.value, !options.isEmpty {
      let kind = options.first { $0.key == key }?.kind
      return Completion(
        replaceFrom: current.valueStart,
        candidates: candidates(for: kind, value, values, quote: Quoting.value))
    }
    let isOption = { (word: Word) in word.key != nil && !options.isEmpty }
    let given = place.words.dropFirst()
    let argument = declaration.argument(at: given.count { !isOption($0) })
    var found = (argument?.words ?? []).filter { $0.utf8.starts(with: place.beginning.utf8) }
      .map { Completion.Candidate($0, suffix: " ") }
    found += candidates(for: argument?.kind, place.beginning, values, quote: Quoting.word)
    if place.current.map({ $0.valueStart == $0.range.lowerBound && !$0.isQuoted }) ?? true {
      let used = given.filter(isOption).compactMap(\.key)
      found += options.filter { $0.key.utf8.starts(with: place.beginning.utf8) && !used.contains($0.key) }
        .map { Completion.Candidate($0.key, suffix: "=", summary: $0.summary) }
    }
    return place.completion(found)
  }

  private func completeRawText(
    _ rest: TypedStatement, _ declaration: CommandDeclaration, _ values: ValueSource
  ) -> Completion {
    let kind = declaration.arguments.last?.kind
    return Completion(
      replaceFrom: rest.rawStart,
      candidates: candidates(for: kind, rest.rawBeginning, values, quote: Quoting.rawText))
  }

  private func commandCandidates(_ beginning: String) -> [Completion.Candidate] {
    declarations.filter { $0.name.utf8.starts(with: beginning.utf8) }
      .map { Completion.Candidate($0.name, suffix: " ", summary: $0.summary) }
  }

  private func candidates(
    for kind: ValueKind?, _ beginning: String, _ values: ValueSource, quote: (String) -> String
  ) -> [Completion.Candidate] {
    switch kind {
    case nil, .text, .integer, .number, .statement: return []
    case .named("command"): return commandCandidates(beginning)
    case .named("setting") where !settings.isEmpty:
      return settings.filter { $0.key.utf8.starts(with: beginning.utf8) }
        .map { Completion.Candidate($0.key, suffix: " ", summary: $0.summary) }
    case .choice(let names):
      return names.filter { $0.utf8.starts(with: beginning.utf8) }
        .map { Completion.Candidate(quote($0), suffix: " ") }
    case let kind?:
      return values(kind, beginning).filter { $0.utf8.starts(with: beginning.utf8) }.map { value in
        // A folder's name goes on, and so does a layer's path at a dot.
        let goesOn =
          value.utf8.last == UInt8(ascii: "/")
          || ((kind == .named("path") || kind == .named("layer")) && value.utf8.last == UInt8(ascii: "."))
        guard goesOn else {
          return Completion.Candidate(quote(value), suffix: " ")
        }
        // A quote that it needs stays open.
        let text = quote(value)
        return Completion.Candidate(text == value ? text : String(text.dropLast()), suffix: "")
      }
    }
  }
}

/// What was typed of a statement up to the cursor.
private struct TypedStatement {
  /// The finished words.
  let words: [Word]
  /// The word that the cursor touches.
  let current: Word?
  /// Where the word at the cursor starts.
  let start: Int
  /// The whole as raw text, and where that starts.
  let rawBeginning: String
  let rawStart: Int

  var beginning: String { current?.text ?? "" }

  init(_ typed: String, from offset: Int) {
    var lexer = Lexer(typed, from: offset, isTolerant: true)
    lexer.skipBlanks()
    rawStart = lexer.position
    let isQuoted = lexer.isAtQuote
    let raw = String(decoding: typed.utf8.dropFirst(rawStart), as: UTF8.self)
    var words: [Word] = []
    while let word = (try? lexer.next()) ?? nil { words.append(word) }
    let end = typed.utf8.count
    current = words.last?.range.upperBound == end ? words.removeLast() : nil
    rawBeginning = isQuoted ? (words.first ?? current)?.text ?? "" : raw
    self.words = words
    start = current?.range.lowerBound ?? end
  }

  func completion(_ candidates: [Completion.Candidate]) -> Completion {
    Completion(replaceFrom: start, candidates: candidates)
  }
}
