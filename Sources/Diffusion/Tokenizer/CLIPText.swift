/// How CLIP's tokenizer cleans a text and cuts it into the pieces that byte-pair encoding sees.
///
/// What transformers does where ftfy is installed: ftfy's repairs, then lower case and CLIP's regular
/// expression.
enum CLIPText {
  /// The text's words: repaired, NFC, lower case.
  static func words(of text: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
    TextRepair.repaired(text)
      .split { $0.properties.isWhitespace }
      .map { lowercased(Array($0)) }
  }

  /// The parts of a word that are encoded on their own, as
  /// `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`
  /// finds them, letters of either case being equal.
  static func pieces(of word: [Unicode.Scalar]) -> [ArraySlice<Unicode.Scalar>] {
    var pieces: [ArraySlice<Unicode.Scalar>] = []
    var start = 0
    while start < word.count {
      let rest = word[start...]
      let kind = Kind(of: word[start])
      var end = start + 1
      if let literal = literals.first(where: { starts(rest, with: $0) }) {
        end = start + literal.count
      } else if kind == .letter || kind == .other {
        end = rest.firstIndex { Kind(of: $0) != kind } ?? word.count
      }
      if kind != .unmatched { pieces.append(word[start..<end]) }
      start = end
    }
    return pieces
  }

  /// Which part of the regular expression takes a character.
  private enum Kind {
    case letter, number, other, unmatched

    init(of scalar: Unicode.Scalar) {
      // The combining iota (a mark) is also a case form of the letter iota, so the expression, which ignores
      // case, sees it neither as a letter's class nor outside of it, and skips it.
      if scalar == "\u{345}" {
        self = .unmatched
        return
      }
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
      case .decimalNumber, .letterNumber, .otherNumber: self = .number
      default: self = .other
      }
    }
  }

  /// The expression's literal alternatives, in its order.
  private static let literals: [[Unicode.Scalar]] = [
    "<|startoftext|>", "<|endoftext|>", "'s", "'t", "'re", "'ve", "'m", "'ll", "'d",
  ].map { Array($0.unicodeScalars) }

  /// Whether a lower-case text begins with an ASCII literal. The long s is another case form of s, the only
  /// one among the literals' letters that lower case leaves.
  private static func starts(_ text: ArraySlice<Unicode.Scalar>, with literal: [Unicode.Scalar]) -> Bool {
    text.count >= literal.count
      && zip(text, literal).allSatisfy { $0 == $1 || ($0 == "\u{17F}" && $1 == "s") }
  }

  /// Unicode's full lower case without a language, with the final sigma (The Unicode Standard, section
  /// 3.13.2).
  private static func lowercased(_ word: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(word.count)
    for (index, scalar) in word.enumerated() {
      if scalar == "Σ" {
        result.append(isFinal(index, in: word) ? "ς" : "σ")
      } else {
        result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      }
    }
    return result
  }

  /// Whether a cased letter stands before, and none after, the case-ignorable characters around `index`.
  private static func isFinal(_ index: Int, in word: [Unicode.Scalar]) -> Bool {
    func isCased(_ neighbours: some Sequence<Unicode.Scalar>) -> Bool {
      neighbours.first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
    }
    return isCased(word[..<index].reversed()) && !isCased(word[(index + 1)...])
  }
}
