import Base

/// How a cleaned text is cut into the words that byte-pair encoding sees.
indirect enum PreTokenizer: Sendable {
  case split(Expression, SplitBehavior, isInverted: Bool)
  /// Words in the alphabet of bytes.
  case bytes(addsBlank: Bool, splits: Bool)
  case sequence([PreTokenizer])

  /// What becomes of what an expression finds.
  enum SplitBehavior: String {
    case removed = "Removed"
    case isolated = "Isolated"
    case contiguous = "Contiguous"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
  }

  init?(_ json: JSONValue?) throws(TokenizerFault) {
    guard let part = try TokenizerPart(json, named: "pre_tokenizer") else { return nil }
    switch try part.string("type") {
    case "Split":
      guard let behavior = SplitBehavior(rawValue: try part.string("behavior")) else {
        throw part.fault(
          "behavior", "one of Removed, Isolated, Contiguous, MergedWithPrevious, MergedWithNext")
      }
      self = .split(try Expression(part.fields["pattern"]), behavior, isInverted: try part.boolean("invert"))
    case "ByteLevel":
      self = .bytes(
        addsBlank: try part.boolean("add_prefix_space"), splits: try part.boolean("use_regex", default: true))
    case "Sequence":
      var steps: [PreTokenizer] = []
      for item in try part.list("pretokenizers") {
        if let step = try PreTokenizer(item) { steps.append(step) }
      }
      self = .sequence(steps)
    case let type: throw part.unsupported(type)
    }
  }

  func words(of text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
    switch self {
    case .split(let expression, let behavior, let isInverted):
      let parts = expression.parts(of: text[...]).map { (text: $0.text, isMatch: $0.isMatch != isInverted) }
      return behavior.pieces(parts).filter { !$0.isEmpty }.map { Array($0) }
    case .bytes(let addsBlank, let splits):
      let text = addsBlank && text.first != " " ? [" "] + text : text
      let parts = splits ? Expression.gpt2.parts(of: text[...]).map(\.text) : [text[...]]
      return parts.filter { !$0.isEmpty }.map { part in
        String(String.UnicodeScalarView(part)).utf8.map { ByteAlphabet.letters[Int($0)] }
      }
    case .sequence(let steps):
      return steps.reduce([text]) { parts, step in parts.flatMap { step.words(of: $0) } }
    }
  }
}

extension PreTokenizer.SplitBehavior {
  typealias Part = (text: ArraySlice<Unicode.Scalar>, isMatch: Bool)

  /// The pieces of a text that falls into `parts`, in its order.
  func pieces(_ parts: [Part]) -> [ArraySlice<Unicode.Scalar>] {
    switch self {
    case .removed: return parts.filter { !$0.isMatch }.map(\.text)
    case .isolated: return parts.map(\.text)
    case .contiguous: return joined(parts) { $0.isMatch == $1.isMatch }
    case .mergedWithPrevious: return joined(parts) { !$0.isMatch && $1.isMatch }
    case .mergedWithNext: return joined(parts) { $0.isMatch && !$1.isMatch }
    }
  }

  /// Parts joined with the one before where `belong` says so of the two.
  private func joined(_ parts: [Part], _ belong: (Part, Part) -> Bool) -> [ArraySlice<Unicode.Scalar>] {
    var pieces: [ArraySlice<Unicode.Scalar>] = []
    for (index, part) in parts.enumerated() {
      if index > 0, belong(parts[index - 1], part) {
        pieces[pieces.count - 1] += part.text
      } else {
        pieces.append(part.text)
      }
    }
    return pieces
  }
}

/// The regular expressions that tokenizers of CLIP's kind cut texts by, each in time linear in the text.
enum Expression: Sendable {
  case clip(hasSpecialTokens: Bool)
  case gpt2
  case blanks
  case literal([Unicode.Scalar])

  private static let clipText = #"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"#
  private static let specialText = #"<\|startoftext\|>|<\|endoftext\|>|"#
  private static let gpt2Text =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  init(_ pattern: JSONValue?) throws(TokenizerFault) {
    guard case .object(let fields)? = pattern else {
      throw TokenizerFault(text: "pre_tokenizer.pattern must be an object")
    }
    if case .string(let text)? = fields["String"], !text.isEmpty {
      self = .literal(Array(text.unicodeScalars))
      return
    }
    guard case .string(let text)? = fields["Regex"] else {
      throw TokenizerFault(text: "pre_tokenizer.pattern must have a Regex or a String")
    }
    switch text {
    case Self.clipText: self = .clip(hasSpecialTokens: false)
    case Self.specialText + Self.clipText: self = .clip(hasSpecialTokens: true)
    case Self.gpt2Text: self = .gpt2
    case #"\s+"#: self = .blanks
    default:
      throw TokenizerFault(
        text: "pre_tokenizer has the expression \(text.prefix(80)), which is neither CLIP's nor GPT-2's")
    }
  }

  /// A text's matches and what lies between them, in its order; the empty text is one part.
  func parts(of text: ArraySlice<Unicode.Scalar>) -> [PreTokenizer.SplitBehavior.Part] {
    guard !text.isEmpty else { return [(text, false)] }
    var parts: [PreTokenizer.SplitBehavior.Part] = []
    var (start, position) = (text.startIndex, text.startIndex)
    while position < text.endIndex {
      let count = matchLength(text[position...])
      guard count > 0 else {
        position += 1
        continue
      }
      if start < position { parts.append((text[start..<position], false)) }
      parts.append((text[position..<(position + count)], true))
      position += count
      start = position
    }
    if start < text.endIndex { parts.append((text[start...], false)) }
    return parts
  }

  /// How many characters match at the beginning; 0 for none.
  private func matchLength(_ text: ArraySlice<Unicode.Scalar>) -> Int {
    guard let first = text.first else { return 0 }
    switch self {
    case .literal(let literal): return text.starts(with: literal) ? literal.count : 0
    case .blanks: return text.prefix { $0.properties.isWhitespace }.count
    case .clip(let hasSpecialTokens):
      if hasSpecialTokens, let token = Self.specialTokens.first(where: { text.starts(with: $0) }) {
        return token.count
      }
      if let literal = Self.contractions.first(where: { text.starts(with: $0) }) { return literal.count }
      switch Kind(first) {
      case .blank: return 0
      case .number: return 1
      case let kind: return text.prefix { Kind($0) == kind }.count
      }
    case .gpt2:
      if let literal = Self.contractions.first(where: { text.starts(with: $0) }) { return literal.count }
      let rest = first == " " ? text.dropFirst() : text
      if let kind = rest.first.map(Kind.init), kind != .blank {
        return text.count - rest.count + rest.prefix { Kind($0) == kind }.count
      }
      // All blanks, but before something else all but one.
      let blanks = text.prefix { Kind($0) == .blank }.count
      return blanks == text.count || blanks == 1 ? blanks : blanks - 1
    }
  }

  private enum Kind {
    case blank, letter, number, other

    init(_ scalar: Unicode.Scalar) {
      if scalar.properties.isWhitespace {
        self = .blank
        return
      }
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
      case .decimalNumber, .letterNumber, .otherNumber: self = .number
      default: self = .other
      }
    }
  }

  private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map {
    Array($0.unicodeScalars)
  }
  private static let specialTokens = ["<|startoftext|>", "<|endoftext|>"].map { Array($0.unicodeScalars) }
}
