import Base
import Foundation

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
      let path = name(context.codingPath)
      return path.isEmpty ? "it is no JSON object" : "\(path) is not what it should be"
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
