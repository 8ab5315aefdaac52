import Base
import Foundation

/// CLIP's byte-pair tokenizer, read from the four files of a tokenizer's folder.
///
/// Gives the ids that transformers' `CLIPTokenizer` gives where ftfy is installed (Radford et al. 2021,
/// "Learning Transferable Visual Models From Natural Language Supervision"). Which characters are letters,
/// marks or unassigned is the Unicode version of the Swift standard library.
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

  private let unknownID: Int
  private let splitsSpecialTokens: Bool
  private let added: AddedTokens
  private let merges: BytePairMerges
  /// By id; the vocabulary, then the added tokens that it lacks.
  private let spellings: [String]
  /// The ids of the two spellings that no merging touches, wherever they come from.
  private let wholeWords: [String: Int]

  /// Reads a tokenizer.
  ///
  /// - Parameters:
  ///   - vocabulary: `vocab.json`, an object from spellings to ids.
  ///   - merges: `merges.txt`.
  ///   - configuration: `tokenizer_config.json`, where there is one.
  ///   - specialTokensMap: `special_tokens_map.json`, where there is one.
  ///   - place: the folder's name, for errors.
  /// - Throws: a `Diagnostic` of kind `.model` for a file that is not what its name says, ids with gaps or
  ///   repeats, a malformed merge or one whose result the vocabulary lacks, a special token without an id.
  public init(
    vocabulary: Data, merges: Data, configuration: Data?, specialTokensMap: Data?, at place: String
  ) throws {
    let ids = try Self.vocabulary(vocabulary, at: "\(place)/vocab.json")
    var spellings = try Self.spellings(of: ids, at: "\(place)/vocab.json")
    let settings = try TokenizerConfiguration(
      configuration: configuration, specialTokensMap: specialTokensMap, vocabulary: ids, at: place)
    self.merges = try BytePairMerges(parsing: merges, vocabulary: ids, at: "\(place)/merges.txt")
    for token in settings.added where token.id >= spellings.count { spellings.append(token.spelling) }
    self.spellings = spellings
    beginID = settings.beginID
    endID = settings.endID
    padID = settings.padID
    unknownID = settings.unknownID
    maximumLength = settings.maximumLength
    splitsSpecialTokens = settings.splitsSpecialTokens
    added = AddedTokens(settings.added)
    let unknownID = settings.unknownID
    wholeWords = Dictionary(
      uniqueKeysWithValues: ["<|startoftext|>", "<|endoftext|>"].map { ($0, ids[$0] ?? unknownID) })
  }

  /// The ids of a text, however long, with begin and end.
  public func encode(_ text: String) -> [Int] {
    let scalars = Array(text.unicodeScalars)
    var ids = [beginID]
    for part in splitsSpecialTokens ? [.text(scalars)] : added.parts(of: scalars) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let scalars): appendIDs(of: scalars, to: &ids)
      }
    }
    ids.append(endID)
    return ids
  }

  /// The ids of a text, cut or padded to `maximumLength`, and how many it has.
  public func encodePadded(_ text: String) -> Encoding {
    var ids = encode(text)
    let count = ids.count
    if count > maximumLength {
      ids.removeSubrange((maximumLength - 1)..<(count - 1))
    } else {
      ids += repeatElement(padID, count: maximumLength - count)
    }
    return Encoding(ids: ids, tokenCount: count)
  }

  /// A token as the vocabulary spells it, such as `fox</w>`; nil for no token's id.
  public func token(of id: Int) -> String? {
    spellings.indices.contains(id) ? spellings[id] : nil
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

  private func appendIDs(of text: [Unicode.Scalar], to ids: inout [Int]) {
    for piece in CLIPText.words(of: text).lazy.flatMap(CLIPText.pieces) {
      let spelling = String(String.UnicodeScalarView(piece))
      if let id = wholeWords[spelling] {
        ids.append(id)
      } else {
        ids += merges.symbols(of: Array(spelling.utf8)).map { $0 >= 0 ? Int($0) : unknownID }
      }
    }
  }

  private static func vocabulary(_ file: Data, at place: String) throws -> [String: Int] {
    do {
      // Several times faster than a JSONValue of fifty thousand entries.
      return try JSONDecoder().decode([String: Int].self, from: file)
    } catch {
      let value = try JSONValue(parsing: file, at: place)
      guard case .object(let fields) = value else {
        throw Diagnostic(.model, at: place, "expected an object from tokens to ids, found \(value.kindName)")
      }
      let wrong = fields.filter { if case .integer = $0.value { false } else { true } }.min {
        $0.key < $1.key
      }
      let found = wrong.map { "\($0.value.kindName) for \"\($0.key)\"" } ?? "\(error)"
      throw Diagnostic(.model, at: place, "expected an integer id for each token, found \(found)")
    }
  }

  /// The spellings by id. Throws unless the ids are 0, 1, 2, … without gap or repetition.
  private static func spellings(of vocabulary: [String: Int], at place: String) throws -> [String] {
    var spellings = [String?](repeating: nil, count: vocabulary.count)
    for (token, id) in vocabulary where spellings.indices.contains(id) { spellings[id] = token }
    let complete = spellings.compactMap { $0 }
    guard complete.count < vocabulary.count else { return complete }

    // As many ids as tokens: where one is repeated or out of range, another is missing.
    let missing = spellings.firstIndex(of: nil) ?? 0
    let faults = vocabulary.filter { !spellings.indices.contains($1) || spellings[$1] != $0 }
    let fault = faults.min { ($0.value, $0.key) < ($1.value, $1.key) }
    throw Diagnostic(
      .model, at: place,
      "expected the ids 0 to \(vocabulary.count - 1), each once, found none \(missing)"
        + (fault.map { " and a surplus \($0.value) for \"\($0.key)\"" } ?? ""),
      hint: "the file may be edited or not be a CLIP vocabulary")
  }
}
