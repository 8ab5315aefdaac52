/// What must be known of the commands to tell where a statement ends: which of them take raw text.
public struct StatementGrammar: Sendable {
  /// What follows a command's name.
  public enum Tail: Sendable, Equatable {
    /// Words and options to the end.
    case words
    /// Some words, then the rest of the line as one raw text.
    case text(after: Int)
    /// Some words, then another statement.
    case statement(after: Int)

    var leadingWordCount: Int {
      switch self {
      case .words: 0
      case .text(let count), .statement(let count): count
      }
    }
  }

  private let tail: @Sendable (String) -> Tail

  /// `tail` gets a command's name as written and answers `.words` for one that it does not know.
  public init(tail: @escaping @Sendable (String) -> Tail) { self.tail = tail }

  /// The UTF-8 offset of a `"""` that `text` opens and does not close.
  func openText(in text: String) -> Int? {
    var lexer = Lexer(text, isTolerant: true)
    // A tolerant lexer does not throw; if it did, the statement would end here and parsing would say why.
    func next() -> Word? { (try? lexer.next()) ?? nil }
    func open(_ word: Word?) -> Int? { word?.openQuote == .triple ? word?.valueStart : nil }

    while let name = next() {
      if let offset = open(name) { return offset }
      let tail = tail(name.text)
      if tail == .words {
        while let word = next() {
          if let offset = open(word) { return offset }
        }
        return nil
      }
      for _ in 0..<tail.leadingWordCount {
        if let offset = open(next()) { return offset }
      }
      if case .text = tail {
        lexer.skipBlanks()
        return lexer.isAtQuote ? open(next()) : nil
      }
    }
    return nil
  }
}
