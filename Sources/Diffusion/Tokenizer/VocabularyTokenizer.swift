import Base
import Foundation

/// A tokenizer of `vocab.json` and `merges.txt`, as transformers' `CLIPTokenizer` is where ftfy is installed.
struct VocabularyTokenizer: Sendable {
  let settings: TokenizerConfiguration
  private let added: AddedTokens
  private let merges: BytePairMerges
  /// By id; the vocabulary, then the added tokens that it lacks.
  let spellings: [String]
  /// The ids of the two spellings that no merging touches, wherever they come from.
  private let wholeWords: [String: Int]

  /// Reads a tokenizer.
  ///
  /// - Parameters:
  ///   - vocabulary: `vocab.json`, an object from spellings to ids.
  ///   - merges: `merges.txt`.
  ///   - configuration: `tokenizer_config.json`, where there is one.
  ///   - specialTokensMap: `special_tokens_map.json`, where there is one.
  ///   - addedTokens: `added_tokens.json`, where there is one; a configuration with `added_tokens_decoder` replaces it.
  ///   - place: the folder's name, for errors.
  /// - Throws: a `Diagnostic` of kind `.model` for a file that is not what its name says, ids with gaps or
  ///   repeats, a malformed merge or one whose result the vocabulary lacks, a special token without an id.
  init(
    vocabulary: Data, merges: Data, configuration: Data?, specialTokensMap: Data?, addedTokens: Data?,
    at place: String
  ) throws {
    let ids = try Self.vocabulary(vocabulary, at: "\(place)/vocab.json")
    var spellings = try Self.spellings(of: ids, at: "\(place)/vocab.json")
    let settings = try TokenizerConfiguration(
      configuration: configuration, specialTokensMap: specialTokensMap, addedTokens: addedTokens,
      vocabulary: ids,
      at: place)
    self.merges = try BytePairMerges(parsing: merges, vocabulary: ids, at: "\(place)/merges.txt")
    for token in settings.added where token.id >= spellings.count {
      // Ids that no token has are left empty.
      spellings += repeatElement("", count: token.id - spellings.count)
      spellings.append(token.spelling)
    }
    self.spellings = spellings
    self.settings = settings
    added = AddedTokens(settings.added)
    let unknownID = settings.unknownID
    wholeWords = Dictionary(
      uniqueKeysWithValues: ["<|startoftext|>", "<|endoftext|>"].map { ($0, ids[$0] ?? unknownID) })
  }

  /// The ids of a text, however long, with begin and end.
  func encode(_ text: String) -> [Int] {
    let scalars = Array(text.unicodeScalars)
    var ids = [settings.beginID]
    for part in settings.splitsSpecialTokens ? [.text(scalars)] : added.parts(of: scalars) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let scalars): appendIDs(of: scalars, to: &ids)
      }
    }
    ids.append(settings.endID)
    return ids
  }

  private func appendIDs(of text: [Unicode.Scalar], to ids: inout [Int]) {
    for piece in CLIPText.words(of: text).lazy.flatMap(CLIPText.pieces) {
      let spelling = String(String.UnicodeScalarView(piece))
      if let id = wholeWords[spelling] {
        ids.append(id)
      } else {
        ids += merges.symbols(of: Array(spelling.utf8)).map { $0 >= 0 ? Int($0) : settings.unknownID }
      }
    }
  }

  private static func vocabulary(_ file: Data, at place: String) throws -> [String: Int] {
    do {
      // Several times faster than a JSONValue of fifty thousand entries.
      return try JSONDecoder().decode([String: Int].self, from: file)
    } catch {
      let value = try JSONValue(parsingFile: file, at: place)
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
