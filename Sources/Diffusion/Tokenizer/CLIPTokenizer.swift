import Base
import Checkpoints
import Foundation

/// CLIP's byte-pair tokenizer (Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision"),
/// read from a tokenizer's folder.
///
/// With `vocab.json` and `merges.txt` it gives the ids that transformers' `CLIPTokenizer` gives where ftfy is installed, with
/// `tokenizer.json` alone those that the tokenizers library gives. Which characters are letters, marks or unassigned is the
/// Unicode version of the Swift standard library.
public struct CLIPTokenizer: Sendable {
  /// A text made ready for a text encoder.
  public struct Encoding: Equatable, Sendable {
    /// Exactly `maximumLength` ids: begin, the text's, end, and padding; a longer text is cut before its end
    /// token.
    public var ids: [Int]
    /// The tokens of the whole text, begin and end included; above `maximumLength` the text was cut.
    public var tokenCount: Int

    public init(ids: [Int], tokenCount: Int) {
      self.ids = ids
      self.tokenCount = tokenCount
    }
  }

  /// The token before each text.
  public let beginID: Int
  /// The token after each text.
  public let endID: Int
  /// The token that fills an encoding up.
  public let padID: Int
  /// The ids of an encoding: 77 in CLIP.
  public let maximumLength: Int

  private enum Source: Sendable {
    case vocabulary(VocabularyTokenizer)
    case file(TokenizerFile, cutsLeft: Bool)
  }

  private let source: Source

  /// Reads a tokenizer of a vocabulary and merges. Parameters and errors are those of `VocabularyTokenizer`.
  public init(
    vocabulary: Data, merges: Data, configuration: Data?, specialTokensMap: Data?, addedTokens: Data? = nil,
    at place: String
  ) throws {
    let tokenizer = try VocabularyTokenizer(
      vocabulary: vocabulary, merges: merges, configuration: configuration,
      specialTokensMap: specialTokensMap, addedTokens: addedTokens, at: place)
    let settings = tokenizer.settings
    (beginID, endID, padID) = (settings.beginID, settings.endID, settings.padID)
    maximumLength = settings.maximumLength
    source = .vocabulary(tokenizer)
  }

  /// Reads a tokenizer of a `tokenizer.json`; what begins, ends and fills up an encoding is what `tokenizer_config.json` and
  /// `special_tokens_map.json` name, or what the file itself puts around a text.
  ///
  /// Throws a `Diagnostic` of kind `.model` for a file that is not what its name says, or has parts that are not supported.
  public init(file: Data, configuration: Data?, specialTokensMap: Data?, at place: String) throws {
    let tokenizer = try TokenizerFile(file, at: "\(place)/tokenizer.json")
    let names = try TokenizerNames(
      configuration: configuration, specialTokensMap: specialTokensMap, at: place)
    func id(_ role: String, _ spelling: String) throws -> Int {
      if let id = tokenizer.id(of: spelling) { return id }
      throw Diagnostic(
        .model, at: place, "\(role) is \"\(spelling)\", which tokenizer.json does not have",
        hint: "the files of a tokenizer's folder must come from the same tokenizer")
    }
    let around = tokenizer.surroundings
    beginID = try around.before.last ?? id("bos_token", names.begin)
    endID = try around.after.first ?? id("eos_token", names.end)
    padID = try id("pad_token", names.padding)
    maximumLength = names.maximumLength
    if tokenizer.padding?.padsLeft == true {
      throw Diagnostic(
        .model, at: "\(place)/tokenizer.json", "padding.direction is Left; only Right is supported",
        hint: "a CLIP text encoder is trained with the text at the left")
    }
    source = .file(tokenizer, cutsLeft: tokenizer.truncation?.cutsLeft == true)
  }

  /// Reads the tokenizer of a model's folder, such as `tokenizer_2`. Throws as the others do.
  init(_ files: any ModelFiles, folder: String) throws {
    func optional(_ name: String) throws -> Data? {
      files.has("\(folder)/\(name)") ? try files.bytes("\(folder)/\(name)").data : nil
    }
    let (configuration, map) = try (optional("tokenizer_config.json"), optional("special_tokens_map.json"))
    let place = files.place(folder)
    if let vocabulary = try optional("vocab.json"), let merges = try optional("merges.txt") {
      try self.init(
        vocabulary: vocabulary, merges: merges, configuration: configuration, specialTokensMap: map,
        addedTokens: optional("added_tokens.json"), at: place)
    } else {
      try self.init(
        file: files.bytes("\(folder)/tokenizer.json").data, configuration: configuration,
        specialTokensMap: map,
        at: place)
    }
  }

  /// Whether a model's folder has the files of a tokenizer.
  static func isThere(_ files: any ModelFiles, folder: String) -> Bool {
    let names = Set(files.list(folder))
    return names.contains("tokenizer.json") || names.isSuperset(of: ["vocab.json", "merges.txt"])
  }

  /// The ids of a text, however long, with begin and end.
  public func encode(_ text: String) -> [Int] {
    switch source {
    case .vocabulary(let tokenizer): tokenizer.encode(text)
    case .file(let tokenizer, _): tokenizer.ids(of: text, truncation: nil).ids
    }
  }

  /// The ids of a text, cut or padded to `maximumLength`, and how many it has.
  public func encodePadded(_ text: String) -> Encoding {
    var ids: [Int]
    var count: Int
    switch source {
    case .vocabulary(let tokenizer):
      ids = tokenizer.encode(text)
      count = ids.count
      if count > maximumLength { ids.removeSubrange((maximumLength - 1)..<(count - 1)) }
    case .file(let tokenizer, let cutsLeft):
      let limit = TokenizerFile.Truncation(maximumLength: maximumLength, cutsLeft: cutsLeft)
      (ids, count) = tokenizer.ids(of: text, truncation: limit)
      // Where what surrounds a text is longer than all of it may be.
      ids = Array(ids.prefix(maximumLength))
    }
    ids += repeatElement(padID, count: maximumLength - ids.count)
    return Encoding(ids: ids, tokenCount: count)
  }

  /// A token as the vocabulary spells it, such as `fox</w>`; nil for no token's id.
  public func token(of id: Int) -> String? {
    switch source {
    case .vocabulary(let tokenizer): tokenizer.spellings.indices.contains(id) ? tokenizer.spellings[id] : nil
    case .file(let tokenizer, _): tokenizer.spellings[id]
    }
  }

  /// A token as a person reads it: its bytes as text, a word's end as a blank cut off; empty for no token's
  /// id.
  ///
  /// Bytes that are only a part of a character become U+FFFD.
  public func text(of id: Int) -> String {
    guard let token = token(of: id) else { return "" }
    let spelling =
      token.hasSuffix(BytePairMerges.wordEnd) ? token.dropLast(BytePairMerges.wordEnd.count) : token[...]
    return ByteAlphabet.bytes(of: spelling).map { String(decoding: $0, as: UTF8.self) } ?? String(spelling)
  }

}
