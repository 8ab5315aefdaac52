import Base
import Foundation

/// A `tokenizer.json`: everything from a text to its ids, as the tokenizers library runs it.
///
/// It gives the ids of that library's `Tokenizer.from_file(path).encode(text)` (versions 0.15 to 0.23), for the parts that
/// CLIP's tokenizers are made of; a file with others is refused by their names. Unlike the tokenizer of vocab.json and
/// merges.txt it repairs no text.
public struct TokenizerFile: Sendable {
  /// How long an encoding may get, and which end of the text is cut off then.
  struct Truncation: Equatable, Sendable {
    var maximumLength: Int
    var cutsLeft = false
  }

  private let added: AddedTokenSearch
  private let normalizer: TextNormalizer?
  private let preTokenizer: PreTokenizer?
  private let model: BytePairModel
  private let postProcessor: PostProcessor?
  let truncation: Truncation?
  let padding: TokenizerPadding?
  /// By id; the vocabulary and the added tokens.
  let spellings: [Int: String]

  /// Throws a `Diagnostic` of kind `.model` at `place` that lists what cannot be read.
  public init(_ file: Data, at place: String) throws {
    let document = try TokenizerDocument(file, at: place)
    var faults: [String] = []
    func read<T>(_ body: () throws(TokenizerFault) -> T?) -> T? {
      do {
        return try body()
      } catch {
        faults.append(error.text)
        return nil
      }
    }
    let normalizer = read { () throws(TokenizerFault) in try TextNormalizer(document.normalizer) }
    self.normalizer = normalizer
    preTokenizer = read { () throws(TokenizerFault) in try PreTokenizer(document.preTokenizer) }
    postProcessor = read { () throws(TokenizerFault) in try PostProcessor(document.postProcessor) }
    truncation = read { () throws(TokenizerFault) in try Truncation(document.truncation) }
    padding = read { () throws(TokenizerFault) in try TokenizerPadding(document.padding) }
    let model = read { () throws(TokenizerFault) in try BytePairModel(document.model) }
    let tokens = read { () throws(TokenizerFault) in
      try AddedTokenSearch.tokens(document.addedTokens, vocabulary: document.model.vocab)
    }
    guard let model, let tokens, faults.isEmpty else {
      throw Diagnostic(
        .model, at: place, faults: faults,
        hint: "fetch vocab.json and merges.txt of the same tokenizer, or the file again")
    }
    self.model = model
    added = AddedTokenSearch(tokens, normalizer: normalizer)
    var spellings = Dictionary(document.model.vocab.map { ($1, $0) }) { first, _ in first }
    for token in tokens { spellings[token.id] = token.spelling }
    self.spellings = spellings
  }

  /// The id of a spelling; nil for no token's.
  func id(of spelling: String) -> Int? { added.id(of: spelling) ?? model.id(of: spelling) }

  /// The ids that stand before a text, and after it.
  var surroundings: (before: [Int], after: [Int]) {
    let marker = Int.min
    let ids = postProcessor?.ids(around: [marker]) ?? [marker]
    guard let index = ids.firstIndex(of: marker) else { return (ids, []) }
    return (Array(ids[..<index]), Array(ids[(index + 1)...]))
  }

  /// The ids of a text as the file says it: cut and padded where it has a truncation and a padding.
  public func ids(of text: String) -> [Int] {
    let ids = ids(of: text, truncation: truncation).ids
    return padding?.padded(ids) ?? ids
  }

  /// The ids of a text, begin and end included, cut before those where they are too many; and their number uncut.
  func ids(of text: String, truncation: Truncation?) -> (ids: [Int], count: Int) {
    var ids = ids(within: text)
    let surrounding = postProcessor?.ids(around: []).count ?? 0
    let count = ids.count + surrounding
    if let truncation {
      let room = truncation.maximumLength - surrounding
      if room >= 0, ids.count > room {
        ids = Array(truncation.cutsLeft ? ids.suffix(room) : ids.prefix(room))
      }
    }
    return (postProcessor?.ids(around: ids) ?? ids, count)
  }

  /// The ids of a text alone.
  private func ids(within text: String) -> [Int] {
    var ids: [Int] = []
    for part in added.rawParts(of: Array(text.unicodeScalars)) {
      guard case .text(let raw) = part else {
        ids += part.ids
        continue
      }
      let normalized = normalizer?.normalized(raw) ?? raw
      for part in added.normalizedParts(of: normalized) {
        guard case .text(let scalars) = part else {
          ids += part.ids
          continue
        }
        for word in preTokenizer?.words(of: scalars) ?? [scalars] where !word.isEmpty {
          ids += model.ids(of: word)
        }
      }
    }
    return ids
  }
}

extension TokenizerFile.Truncation {
  init?(_ json: JSONValue?) throws(TokenizerFault) {
    guard let part = try TokenizerPart(json, named: "truncation") else { return nil }
    let strategy = try part.string("strategy")
    // Of a pair of texts, of which there is one alone.
    guard ["LongestFirst", "OnlyFirst"].contains(strategy) else { throw part.unsupported(strategy) }
    maximumLength = try part.integer("max_length")
    cutsLeft = part.fields["direction"] == "Left"
  }
}

/// What fills an encoding up.
struct TokenizerPadding: Sendable {
  /// nil: to no fixed length.
  let length: Int?
  let multiple: Int?
  let padsLeft: Bool
  let id: Int

  init?(_ json: JSONValue?) throws(TokenizerFault) {
    guard let part = try TokenizerPart(json, named: "padding") else { return nil }
    if case .object(let fixed)? = part.fields["strategy"] {
      length = fixed["Fixed"]?.wholeNumber
    } else {
      length = nil
    }
    multiple = part.fields["pad_to_multiple_of"]?.wholeNumber
    padsLeft = part.fields["direction"] == "Left"
    id = try part.integer("pad_id")
    guard (length ?? 0) <= 65536, (1...65536).contains(multiple ?? 1) else {
      throw part.fault("strategy", "a length up to 65536")
    }
  }

  func padded(_ ids: [Int]) -> [Int] {
    var length = length ?? ids.count
    if let multiple { length = (length + multiple - 1) / multiple * multiple }
    let fill = Array(repeating: id, count: max(0, length - ids.count))
    return padsLeft ? fill + ids : ids + fill
  }
}
