/// A token that is found in the raw text before anything else happens to it.
struct AddedToken: Sendable {
  var spelling: String
  var id: Int
  /// Takes the blanks before it, or after it.
  var stripsLeft = false
  var stripsRight = false
  /// Counts only between blanks or the text's ends.
  var isSingleWord = false
  /// Is found after the text was normalized, by its own normalized spelling; of a `tokenizer.json` alone.
  var isNormalized = false
}

/// The tokens that a text is cut at, compared code point by code point and with regard to case.
struct AddedTokens: Sendable {
  /// A part of a text: an added token, or text between such.
  enum Part: Sendable {
    case token(id: Int)
    case text([Unicode.Scalar])
  }

  private let tokens: [[Unicode.Scalar]: AddedToken]
  /// By first character, the longest first.
  private let spellings: [Unicode.Scalar: [[Unicode.Scalar]]]

  init(_ tokens: [AddedToken]) {
    let named = tokens.map { (Array($0.spelling.unicodeScalars), $0) }.filter { !$0.0.isEmpty }
    self.tokens = Dictionary(named) { first, _ in first }
    spellings = Dictionary(grouping: self.tokens.keys) { $0[0] }
      .mapValues { $0.sorted { $0.count > $1.count } }
  }

  /// Cuts a text at its added tokens, taking the leftmost and there the longest one.
  ///
  /// Follows `PreTrainedTokenizer.tokenize` of transformers, stripping and single words included.
  func parts(of text: [Unicode.Scalar]) -> [Part] {
    var parts = cut(text)
    for (index, part) in parts.enumerated() {
      guard let token = tokens[part] else { continue }
      let left = index > 0 ? parts[index - 1] : []
      let right = index + 1 < parts.count ? parts[index + 1] : []
      if token.stripsRight, !right.isEmpty {
        parts[index + 1] = Array(right.drop(while: Self.isBlank))
      }
      if token.stripsLeft, !left.isEmpty {
        parts[index - 1] = left.reversed().drop(while: Self.isBlank).reversed()
      }
      guard token.isSingleWord else { continue }
      if let neighbour = left.last, neighbour != " " {
        parts[index - 1] += part
        parts[index] = []
      } else if let neighbour = right.first, neighbour != " " {
        parts[index + 1] = part + parts[index + 1]
        parts[index] = []
      }
    }
    return parts.filter { !$0.isEmpty }.map { part in tokens[part].map { .token(id: $0.id) } ?? .text(part) }
  }

  private func cut(_ text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
    var parts: [[Unicode.Scalar]] = []
    var start = 0
    var position = 0
    while position < text.count {
      guard let spelling = spellings[text[position]]?.first(where: { text[position...].starts(with: $0) })
      else {
        position += 1
        continue
      }
      if start < position { parts.append(Array(text[start..<position])) }
      parts.append(spelling)
      position += spelling.count
      start = position
    }
    if start < text.count { parts.append(Array(text[start...])) }
    return parts
  }

  /// Python's `str.isspace`: White_Space, and the four separators of ASCII.
  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }
}
