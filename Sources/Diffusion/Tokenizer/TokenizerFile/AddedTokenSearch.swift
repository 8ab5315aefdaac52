import Base

/// The tokens of a `tokenizer.json` that are found in a text before it is cut into words.
struct AddedTokenSearch: Sendable {
  /// A part of a text: an added token, or text between such.
  enum Part: Sendable {
    case token(id: Int)
    case text([Unicode.Scalar])

    var ids: [Int] { if case .token(let id) = self { [id] } else { [] } }
  }

  /// A token with the text that it is found by.
  private struct Entry: Sendable {
    var token: AddedToken
    var text: [Unicode.Scalar]
  }

  /// By first character, the longest first: those found in the text as it is, and in the normalized text.
  private let raw: [Unicode.Scalar: [Entry]]
  private let normalized: [Unicode.Scalar: [Entry]]
  private let identifiers: [String: Int]

  init(_ tokens: [AddedToken], normalizer: TextNormalizer?) {
    func table(_ entries: [Entry]) -> [Unicode.Scalar: [Entry]] {
      Dictionary(grouping: entries.filter { !$0.text.isEmpty }) { $0.text[0] }
        .mapValues { $0.sorted { $0.text.count > $1.text.count } }
    }
    raw = table(
      tokens.filter { !$0.isNormalized }.map { Entry(token: $0, text: Array($0.spelling.unicodeScalars)) })
    normalized = table(
      tokens.filter(\.isNormalized).map { token in
        let text = Array(token.spelling.unicodeScalars)
        return Entry(token: token, text: normalizer?.normalized(text) ?? text)
      })
    identifiers = Dictionary(tokens.map { ($0.spelling, $0.id) }) { first, _ in first }
  }

  func id(of spelling: String) -> Int? { identifiers[spelling] }

  /// The tokens of the file's list, with the ids that the library gives them whatever the list says.
  static func tokens(_ json: JSONValue?, vocabulary: [String: Int]) throws(TokenizerFault) -> [AddedToken] {
    guard let json else { return [] }
    guard case .array(let items) = json else {
      throw TokenizerFault(text: "added_tokens must be a list, not \(json.kindName)")
    }
    var tokens: [Int: AddedToken] = [:]
    var known: [String: Int] = [:]
    var next = vocabulary.count
    for item in items {
      guard let part = try TokenizerPart(item, named: "added_tokens") else { continue }
      let spelling = try part.string("content")
      guard !spelling.isEmpty else { continue }
      let id = known[spelling] ?? vocabulary[spelling] ?? next
      known[spelling] = id
      next = max(next, id + 1)
      let token = AddedToken(
        spelling: spelling, id: id, stripsLeft: try part.boolean("lstrip"),
        stripsRight: try part.boolean("rstrip"),
        isSingleWord: try part.boolean("single_word"), isNormalized: try part.boolean("normalized"))
      tokens[id] = token
    }
    return tokens.values.sorted { $0.id < $1.id }
  }

  /// A text cut at the tokens that are found in it as it is.
  func rawParts(of text: [Unicode.Scalar]) -> [Part] { Self.parts(of: text, at: raw) }

  /// A normalized text cut at the tokens that are found in such.
  func normalizedParts(of text: [Unicode.Scalar]) -> [Part] { Self.parts(of: text, at: normalized) }

  /// The leftmost token counts, and there the longest; one that fails to stand alone is skipped whole.
  private static func parts(of text: [Unicode.Scalar], at table: [Unicode.Scalar: [Entry]]) -> [Part] {
    var parts: [Part] = []
    var (done, position) = (0, 0)
    while position < text.count {
      guard let entry = table[text[position]]?.first(where: { text[position...].starts(with: $0.text) })
      else {
        position += 1
        continue
      }
      var (start, end) = (position, position + entry.text.count)
      position = end
      let isWithinWord = (start > 0 && isWord(text[start - 1])) || (end < text.count && isWord(text[end]))
      if entry.token.isSingleWord, isWithinWord { continue }
      if entry.token.stripsLeft { while start > done, text[start - 1].properties.isWhitespace { start -= 1 } }
      if entry.token.stripsRight { while end < text.count, text[end].properties.isWhitespace { end += 1 } }
      if done < start { parts.append(.text(Array(text[done..<start]))) }
      parts.append(.token(id: entry.token.id))
      done = end
    }
    if done < text.count { parts.append(.text(Array(text[done...]))) }
    return parts
  }

  /// `\w` of the library's expressions.
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: scalar.properties.isAlphabetic || scalar == "\u{200C}" || scalar == "\u{200D}"
    }
  }
}
