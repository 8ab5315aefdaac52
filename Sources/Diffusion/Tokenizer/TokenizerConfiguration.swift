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

  fileprivate typealias Fields = [String: JSONValue]

  /// Throws a `Diagnostic` that names the file for a field of the wrong type, a special token without an id,
  /// or an added token whose id contradicts `vocabulary`.
  init(
    configuration: Data?, specialTokensMap: Data?, addedTokens: Data?, vocabulary: [String: Int],
    at place: String
  ) throws {
    let configPlace = "\(place)/tokenizer_config.json"
    let mapPlace = "\(place)/special_tokens_map.json"
    var fields = try configuration.map { try Self.fields($0, at: configPlace) } ?? [:]
    let listed = try fields["added_tokens_decoder"].map {
      try Self.listedTokens($0, vocabulary: vocabulary, at: configPlace)
    }
    added = try listed ?? addedTokens.map { try Self.addedTokens($0, at: "\(place)/added_tokens.json") } ?? []
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
    if let length = try Self.maximumLength(fields, at: place) { maximumLength = length }
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

  /// `model_max_length`; nil where there is none, or a number so large that it means none.
  fileprivate static func maximumLength(_ fields: [String: JSONValue], at place: String) throws -> Int? {
    guard let value = fields["model_max_length"], value != .null else { return nil }
    guard let number = value.finiteNumber, number >= 2, number == number.rounded() else {
      throw Diagnostic(
        .model, at: place, "model_max_length must be an integer of 2 or more, not \(value.kindName)",
        hint: "CLIP's text encoders take 77 tokens: write 77")
    }
    return number <= 65536 ? Int(number) : nil
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

  /// The tokens of `added_tokens.json`, an object from tokens to ids, which older tokenizers have; ordered by id.
  private static func addedTokens(_ file: Data, at place: String) throws -> [AddedToken] {
    try fields(file, at: place).map { spelling, value in
      guard let id = value.wholeNumber, (0..<(1 << 24)).contains(id) else {
        throw Diagnostic(
          .model, at: place, "the id of \"\(spelling)\" must be a whole number, not \(value.kindName)")
      }
      return AddedToken(spelling: spelling, id: id)
    }.sorted { $0.id < $1.id }
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
  fileprivate static func token(_ value: JSONValue, as role: String, at place: String) throws -> AddedToken {
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

  fileprivate static func fields(_ file: Data, at place: String) throws -> Fields {
    let value = try JSONValue(parsingFile: file, at: place)
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

/// What `tokenizer_config.json` and `special_tokens_map.json` say beside a `tokenizer.json`: the spellings of special tokens
/// and the length of an encoding.
struct TokenizerNames {
  private(set) var begin = "<|startoftext|>"
  private(set) var end = "<|endoftext|>"
  private(set) var padding = "<|endoftext|>"
  private(set) var maximumLength = 77

  init(configuration: Data?, specialTokensMap: Data?, at place: String) throws {
    let configPlace = "\(place)/tokenizer_config.json"
    let mapPlace = "\(place)/special_tokens_map.json"
    let fields = try configuration.map { try TokenizerConfiguration.fields($0, at: configPlace) } ?? [:]
    let map = try specialTokensMap.map { try TokenizerConfiguration.fields($0, at: mapPlace) } ?? [:]
    func spelling(_ role: String) throws -> String? {
      // The configuration of a newer tokenizer is complete; an older one's map wins.
      let isComplete = fields["added_tokens_decoder"] != nil
      let candidates = isComplete ? [(fields, configPlace)] : [(map, mapPlace), (fields, configPlace)]
      for (source, place) in candidates {
        guard let value = source[role], value != .null else { continue }
        return try TokenizerConfiguration.token(value, as: role, at: place).spelling
      }
      return nil
    }
    begin = try spelling("bos_token") ?? begin
    end = try spelling("eos_token") ?? end
    padding = try spelling("pad_token") ?? padding
    maximumLength = try TokenizerConfiguration.maximumLength(fields, at: configPlace) ?? maximumLength
  }
}
