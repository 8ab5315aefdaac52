import Base
import Foundation

/// What `tokenizer_config.json` and `special_tokens_map.json` say, as transformers reads them.
///
/// A configuration with `added_tokens_decoder` is complete, and the map is not read. In an older one the
/// map's values replace the configuration's.
struct TokenizerConfiguration: Sendable {
  private(set) var beginID = 0
  private(set) var endID = 0
  private(set) var unknownID = 0
  private(set) var padID = 0
  /// Every special and every listed token, each spelling once.
  private(set) var added: [AddedToken] = []
  /// Tokens that an encoding holds; 77 where the configuration is silent.
  private(set) var maximumLength = 77
  /// Whether special tokens in a text count as any other text.
  private(set) var splitsSpecialTokens = false

  private typealias Fields = [String: JSONValue]

  /// Throws a `Diagnostic` that names the file for a field of the wrong type, a special token without an id,
  /// or an added token whose id contradicts `vocabulary`.
  init(configuration: Data?, specialTokensMap: Data?, vocabulary: [String: Int], at place: String) throws {
    let configPlace = "\(place)/tokenizer_config.json"
    let mapPlace = "\(place)/special_tokens_map.json"
    var fields = try configuration.map { try Self.fields($0, at: configPlace) } ?? [:]
    let listed = try fields["added_tokens_decoder"].map {
      try Self.listedTokens($0, vocabulary: vocabulary, at: configPlace)
    }
    added = listed ?? []
    let map = try listed == nil ? specialTokensMap.map { try Self.fields($0, at: mapPlace) } ?? [:] : [:]
    let listName = "additional_special_tokens"
    let additional =
      try Self.list(listName, in: fields, at: configPlace) + Self.list(listName, in: map, at: mapPlace)
    fields.merge(map) { _, newer in newer }

    func add(_ role: String, or fallback: JSONValue) throws -> Int {
      try self.add(
        fields[role] ?? fallback, as: role, vocabulary, at: map[role] == nil ? configPlace : mapPlace)
    }
    // In transformers' order: of two roles with the same spelling, the first one's stripping holds.
    beginID = try add("bos_token", or: "<|startoftext|>")
    endID = try add("eos_token", or: "<|endoftext|>")
    unknownID = try add("unk_token", or: "<|endoftext|>")
    if fields["sep_token", default: .null] != .null { _ = try add("sep_token", or: .null) }
    padID = try add("pad_token", or: "<|endoftext|>")
    for role in ["cls_token", "mask_token"] where fields[role, default: .null] != .null {
      _ = try add(role, or: .null)
    }
    for value in additional {
      _ = try self.add(value, as: listName, vocabulary, at: map[listName] == nil ? configPlace : mapPlace)
    }
    try readLimits(fields, at: configPlace)
  }

  private mutating func readLimits(_ fields: Fields, at place: String) throws {
    switch fields["model_max_length"] {
    case nil: break
    case .integer(let length) where (2...65536).contains(length): maximumLength = length
    case .some(let value):
      throw Diagnostic(
        .model, at: place,
        "expected model_max_length to be an integer from 2 to 65536, found \(value.kindName)",
        hint: "CLIP's text encoders take 77 tokens: write 77")
    }
    if let value = fields["split_special_tokens"] {
      guard case .bool(let splits) = value else {
        throw Diagnostic(
          .model, at: place, "expected split_special_tokens to be a boolean, found \(value.kindName)")
      }
      splitsSpecialTokens = splits
    }
    for side in ["padding_side", "truncation_side"] {
      guard let value = fields[side], value != "right" else { continue }
      throw Diagnostic(
        .model, at: place, "expected \(side) to be \"right\", found \(value.kindName)",
        hint: "a CLIP text encoder is trained with the text at the left")
    }
  }

  /// Adds a token unless its spelling is there already, and returns its id.
  private mutating func add(
    _ value: JSONValue, as role: String, _ vocabulary: [String: Int], at place: String
  ) throws -> Int {
    var token = try Self.token(value, as: role, at: place)
    if let present = added.first(where: { $0.spelling == token.spelling }) { return present.id }
    guard let id = vocabulary[token.spelling] else {
      throw Diagnostic(
        .model, at: place,
        "expected \(role) to be a token of vocab.json, found \"\(token.spelling)\", which is none",
        hint: "the files of a tokenizer's folder must come from the same tokenizer")
    }
    token.id = id
    added.append(token)
    return id
  }

  /// The tokens of `added_tokens_decoder`, an object from ids to tokens, ordered by id.
  private static func listedTokens(
    _ value: JSONValue, vocabulary: [String: Int], at place: String
  ) throws -> [AddedToken] {
    guard case .object(let entries) = value else {
      throw Diagnostic(
        .model, at: place, "expected added_tokens_decoder to be an object, found \(value.kindName)")
    }
    var tokens: [AddedToken] = []
    for (key, entry) in entries {
      guard let id = Int(key) else {
        throw Diagnostic(
          .model, at: place, "expected ids as the keys of added_tokens_decoder, found \"\(key)\"")
      }
      var token = try Self.token(entry, as: "added_tokens_decoder", at: place)
      token.id = id
      tokens.append(token)
    }
    tokens.sort { $0.id < $1.id }
    var next = vocabulary.count
    for token in tokens {
      let expected = vocabulary[token.spelling] ?? next
      guard token.id == expected else {
        throw Diagnostic(
          .model, at: place,
          "expected the added token \"\(token.spelling)\" to have the id \(expected), found \(token.id)",
          hint: "vocab.json and tokenizer_config.json must come from the same tokenizer")
      }
      if expected == next { next += 1 }
    }
    return tokens
  }

  /// A token as a plain string, or as an object with its spelling in `content`. The id is still open.
  private static func token(_ value: JSONValue, as role: String, at place: String) throws -> AddedToken {
    switch value {
    case .string(let spelling): return AddedToken(spelling: spelling, id: -1)
    case .object(let fields):
      guard case .string(let spelling) = fields["content"] else { break }
      func flag(_ name: String) throws -> Bool {
        switch fields[name] {
        case nil: return false
        case .bool(let value): return value
        case .some(let value):
          throw Diagnostic(
            .model, at: place, "expected \(name) of \(role) to be a boolean, found \(value.kindName)")
        }
      }
      return try AddedToken(
        spelling: spelling, id: -1, stripsLeft: flag("lstrip"), stripsRight: flag("rstrip"),
        isSingleWord: flag("single_word"))
    default: break
    }
    throw Diagnostic(
      .model, at: place, "expected \(role) to be a string or an object with content, found \(value.kindName)",
      hint: "an older tokenizer writes strings; either form will do")
  }

  private static func fields(_ file: Data, at place: String) throws -> Fields {
    let value = try JSONValue(parsing: file, at: place)
    guard case .object(let fields) = value else {
      throw Diagnostic(.model, at: place, "expected an object, found \(value.kindName)")
    }
    return fields
  }

  private static func list(_ name: String, in fields: Fields, at place: String) throws -> [JSONValue] {
    switch fields[name] {
    case nil, .null: return []
    case .array(let values): return values
    case .some(let value):
      throw Diagnostic(.model, at: place, "expected \(name) to be a list, found \(value.kindName)")
    }
  }
}
