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

/// Why a part of a `tokenizer.json` cannot be read.
struct TokenizerFault: Error { let text: String }

/// The file as JSON; vocabulary and merges, which are long, in their own types.
struct TokenizerDocument: Decodable {
  struct Model: Decodable {
    var type: String?
    var dropout: JSONValue?
    var unknownToken: String?
    var continuingSubwordPrefix: String?
    var endOfWordSuffix: String?
    var fuseUnknown: Bool?
    var byteFallback: Bool?
    var ignoreMerges: Bool?
    var vocab: [String: Int]
    var merges: Merges

    enum CodingKeys: String, CodingKey {
      case type, dropout, vocab, merges
      case unknownToken = "unk_token"
      case fuseUnknown = "fuse_unk"
      case continuingSubwordPrefix = "continuing_subword_prefix"
      case endOfWordSuffix = "end_of_word_suffix"
      case byteFallback = "byte_fallback"
      case ignoreMerges = "ignore_merges"
    }
  }

  /// Pairs of spellings, in the order of their ranks.
  struct Merges: Decodable {
    let pairs: [[String]]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let pairs = try? container.decode([[String]].self) {
        self.pairs = pairs
      } else {
        pairs = try container.decode([String].self).filter { !$0.hasPrefix("#version") }.map {
          $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        }
      }
    }
  }

  var truncation: JSONValue?
  var padding: JSONValue?
  var addedTokens: JSONValue?
  var normalizer: JSONValue?
  var preTokenizer: JSONValue?
  var postProcessor: JSONValue?
  var model: Model

  enum CodingKeys: String, CodingKey {
    case truncation, padding
    case addedTokens = "added_tokens"
    case normalizer
    case preTokenizer = "pre_tokenizer"
    case postProcessor = "post_processor"
    case model
  }

  init(_ file: Data, at place: String) throws {
    do {
      self = try JSONDecoder().decode(TokenizerDocument.self, from: file)
    } catch {
      // Says what it is if it is no JSON at all.
      _ = try JSONValue(parsingFile: file, at: place)
      throw Diagnostic(
        .model, at: place, "it is no tokenizer of byte pairs: \(Self.reason(error))",
        hint: "CLIP's tokenizer.json has a model of type BPE, with a vocab and merges")
    }
  }

  private static func reason(_ error: any Error) -> String {
    func name(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
      return "\(name(context.codingPath + [key])) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      return "\(name(context.codingPath)) is not what it should be"
    default: return "\(error)"
    }
  }
}

/// Fields of a part of a `tokenizer.json`.
struct TokenizerPart {
  let name: String
  let fields: [String: JSONValue]

  /// nil for null; throws for what is no object.
  init?(_ json: JSONValue?, named name: String) throws(TokenizerFault) {
    guard let json, json != .null else { return nil }
    guard case .object(let fields) = json else {
      throw TokenizerFault(text: "\(name) must be an object, not \(json.kindName)")
    }
    self.name = name
    self.fields = fields
  }

  func string(_ key: String) throws(TokenizerFault) -> String {
    guard case .string(let text)? = fields[key] else { throw fault(key, "a string") }
    return text
  }

  func boolean(_ key: String, default fallback: Bool? = nil) throws(TokenizerFault) -> Bool {
    if case .bool(let value)? = fields[key] { return value }
    guard let fallback, fields[key] == nil else { throw fault(key, "true or false") }
    return fallback
  }

  func integer(_ key: String) throws(TokenizerFault) -> Int {
    guard let value = fields[key]?.wholeNumber, value >= 0 else { throw fault(key, "a whole number") }
    return value
  }

  func list(_ key: String) throws(TokenizerFault) -> [JSONValue] {
    guard case .array(let items)? = fields[key] else { throw fault(key, "a list") }
    return items
  }

  /// `type`, which must be one that is known here.
  func unsupported(_ type: String) -> TokenizerFault {
    TokenizerFault(text: "\(name) of type \(type) is not supported")
  }

  func fault(_ key: String, _ wanted: String) -> TokenizerFault {
    TokenizerFault(text: "\(name).\(key) must be \(wanted), not \(fields[key]?.kindName ?? "absent")")
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
