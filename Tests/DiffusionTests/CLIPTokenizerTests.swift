import Base
import Diffusion
import Foundation
import Testing

/// Expected values: transformers' slow `CLIPTokenizer` with ftfy, by
/// `Scripts/goldens/make_tokenizer_goldens.py`.
@Suite("CLIPTokenizer")
struct CLIPTokenizerTests {
  @Test("the 300 texts have the ids that transformers gives them with ftfy")
  func texts() throws {
    struct Entry: Decodable { let text: String, ids: [Int] }
    let tokenizer = try Fixture.clip.get()
    let entries = try Fixture.decode([Entry].self, from: "texts.json")
    #expect(entries.count == 300)
    for entry in entries {
      #expect(tokenizer.encode(entry.text) == entry.ids, "\(entry.text.debugDescription)")
    }
  }

  @Test("damaged texts are repaired as by ftfy before they are encoded")
  func repairs() throws {
    struct Entry: Decodable { let text: String, repaired: String, ids: [Int] }
    let tokenizer = try Fixture.clip.get()
    let entries = try Fixture.decode([Entry].self, from: "repairs.json")
    #expect(entries.count == 597)
    for entry in entries {
      #expect(tokenizer.encode(entry.text) == entry.ids, "\(entry.text.debugDescription)")
      // What is whole stays as it is.
      #expect(tokenizer.encode(entry.repaired) == entry.ids, "\(entry.repaired.debugDescription)")
    }
  }

  @Test("neighbouring characters betray a wrong encoding exactly where they do for ftfy")
  func neighbours() throws {
    struct Entry: Decodable { let character: String, later: String, sha256: String }
    let tokenizer = try Fixture.clip.get()
    let entries = try Fixture.decode([Entry].self, from: "neighbours.json")
    #expect(entries.count == 485)
    for (place, entry) in entries.enumerated() {
      let seconds = stride(from: place % 7, to: entries.count, by: 7).map { entries[$0].character }
      // Where later characters are letters depends on the version of Unicode.
      let known = seconds.filter { !entry.later.contains($0) }
      let ids = known.flatMap { tokenizer.encode(entry.character + $0 + "a").map(Int32.init) }
      let digest = ids.withUnsafeBytes { SHA256(of: $0).description }
      #expect(digest == entry.sha256, "\(entry.character.debugDescription)")
    }
  }

  @Test("every kind of configuration cuts, encodes and pads as in transformers", arguments: 0..<8)
  func configurations(index: Int) throws {
    let (texts, cases) = try Fixture.configurations()
    #expect(cases.count == 8)
    let expected = cases[index]
    let tokenizer = try Fixture.tokenizer(
      configuration: expected.configuration, specialTokensMap: expected.map)
    #expect(tokenizer.beginID == expected.begin)
    #expect(tokenizer.endID == expected.end)
    #expect(tokenizer.padID == expected.pad)
    #expect(tokenizer.maximumLength == expected.length)
    #expect(texts.count == expected.ids.count)
    for (text, ids) in zip(texts, expected.ids) {
      #expect(tokenizer.encode(text) == ids, "\(expected.name): \(text.debugDescription)")
    }
    let padded = ["", "hi!!!", String(repeating: "a fox! ", count: 40)]
    for (text, ids) in zip(padded, expected.padded) {
      let count = tokenizer.encode(text).count
      #expect(
        tokenizer.encodePadded(text) == CLIPTokenizer.Encoding(ids: ids, tokenCount: count),
        "\(expected.name): \(text)")
    }
  }

  @Test("an encoding is full at 75 words, and a longer one loses words but not its end")
  func truncation() throws {
    let tokenizer = try Fixture.clip.get()
    for (words, last) in [(74, [49407, 49407]), (75, [2653, 49407]), (76, [2653, 49407])] {
      let encoding = tokenizer.encodePadded(String(repeating: "word ", count: words))
      #expect(encoding.tokenCount == words + 2)
      #expect(encoding.ids.count == 77)
      #expect(Array(encoding.ids.suffix(2)) == last)
    }
  }

  @Test("every character of Unicode 14 is cleaned, cased, classed and encoded as in transformers")
  func characters() throws {
    struct Block: Decodable { let first: UInt32, sha256: String }
    let tokenizer = try Fixture.clip.get()
    let blocks = try Fixture.decode([Block].self, from: "characters.json")
    #expect(blocks.count == 81)
    for block in blocks {
      var ids: [Int32] = []
      for scalar in (block.first..<block.first + 4096).compactMap(Unicode.Scalar.init) {
        // Later characters are unknown to the Python that made the digests, which drops them.
        guard scalar.properties.generalCategory != .unassigned, let age = scalar.properties.age,
          age <= (14, 0)
        else { continue }
        ids += tokenizer.encode("a\(scalar)B '\(scalar)").map(Int32.init)
      }
      let digest = ids.withUnsafeBytes { SHA256(of: $0).description }
      #expect(digest == block.sha256, "from U+\(String(block.first, radix: 16))")
    }
  }

  @Test("pieces are spelled and read as in transformers")
  func pieces() throws {
    struct Piece: Decodable { let id: Int, spelling: String, text: String }
    let tokenizer = try Fixture.clip.get()
    let pieces = try Fixture.decode([Piece].self, from: "pieces.json")
    #expect(pieces.count > 500)
    for piece in pieces {
      #expect(tokenizer.token(of: piece.id) == piece.spelling)
      #expect(tokenizer.text(of: piece.id) == piece.text, "\(piece.spelling)")
    }
  }

  @Test("no token has an id outside of the vocabulary", arguments: [-1, 49408, .max])
  func outside(id: Int) throws {
    let tokenizer = try Fixture.clip.get()
    #expect(tokenizer.token(of: id) == nil)
    #expect(tokenizer.text(of: id) == "")
  }

  @Test("an added token beyond the vocabulary has a spelling and reads as itself")
  func addedToken() throws {
    let added = #"{"added_tokens_decoder": {"49408": {"content": "<狐>", "rstrip": true}}}"#
    let tokenizer = try Fixture.tokenizer(
      configuration: JSONValue(parsing: Data(added.utf8), at: "test"), specialTokensMap: nil)
    #expect(tokenizer.token(of: 49408) == "<狐>")
    #expect(tokenizer.text(of: 49408) == "<狐>")
    #expect(tokenizer.encode("<狐> fox") == [49406, 49408, 3240, 49407])
  }

  @Test(
    "what is wrong with a tokenizer's files is said with the file and what it holds", arguments: Fault.all)
  func faults(fault: Fault) throws {
    let error = #expect(throws: Diagnostic.self) {
      try CLIPTokenizer(
        vocabulary: Data(fault.vocabulary.utf8), merges: Data(fault.merges.utf8),
        configuration: fault.configuration.map { Data($0.utf8) },
        specialTokensMap: fault.map.map { Data($0.utf8) }, at: "tokenizer")
    }
    #expect(error?.kind == .model)
    #expect(error?.place == "tokenizer/\(fault.place)")
    #expect(error?.message.contains(fault.message) == true, "\(error?.description ?? "no error")")
  }

  @Test("the small vocabulary of the faults is itself sound")
  func soundness() throws {
    let tokenizer = try CLIPTokenizer(
      vocabulary: Data(Fault.soundVocabulary.utf8), merges: Data(Fault.soundMerges.utf8), configuration: nil,
      specialTokensMap: nil, at: "tokenizer")
    // "c" alone is in no vocabulary here, so it is the unknown token: <|endoftext|>.
    #expect(tokenizer.encode("ab c") == [3, 2, 4, 4])
    #expect(tokenizer.maximumLength == 77)
  }

  @Test("the time for one long word grows in proportion to its length")
  func longWord() throws {
    let tokenizer = try Fixture.clip.get()
    let alphabet = Array("etaoinshrdlucmfwypvbgkqjxz")
    // A fixed walk through the alphabet: no two stretches merge alike.
    let letters = (0..<80_000).map { alphabet[($0 * $0 / 7 + $0) % 26] }
    func time(_ count: Int) -> Duration {
      let word = String(letters.prefix(count))
      let times = (0..<3).map { _ in ContinuousClock().measure { _ = tokenizer.encode(word) } }
      return times.min() ?? .zero
    }
    // Ten times the letters: proportional time gives 10, quadratic 100. Measured: 11 to 13.
    #expect(time(80_000) / time(8000) < 40)
  }
}

/// One way in which a tokenizer's files are wrong.
struct Fault: Sendable, CustomTestStringConvertible {
  static let soundVocabulary =
    ##"{"a": 0, "b</w>": 1, "ab</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4}"##
  static let soundMerges = "#version: 0.2\na b</w>\n"

  var place: String
  var message: String
  var vocabulary = soundVocabulary
  var merges = soundMerges
  var configuration: String?
  var map: String?

  var testDescription: String { "\(place): \(message)" }

  static let all = [
    Fault(place: "vocab.json", message: "this is no JSON document", vocabulary: "{\"a\": 0"),
    Fault(place: "vocab.json", message: "found a list of 2", vocabulary: "[1, 2]"),
    Fault(place: "vocab.json", message: "found the string \"x\" for \"a\"", vocabulary: #"{"a": "x"}"#),
    Fault(place: "vocab.json", message: "none 1 and a surplus 2 for \"b\"", vocabulary: #"{"a": 0, "b": 2}"#),
    Fault(place: "vocab.json", message: "none 1 and a surplus 0", vocabulary: #"{"a": 0, "b": 0}"#),
    Fault(place: "vocab.json", message: "surplus -1 for \"b\"", vocabulary: #"{"a": 0, "b": -1}"#),
    Fault(place: "merges.txt", message: "an empty file", merges: " \n"),
    Fault(place: "merges.txt:3", message: "found 3", merges: soundMerges + "a b c\n"),
    Fault(place: "merges.txt:2", message: "found 1", merges: "#version\nab\na b</w>\n"),
    Fault(place: "merges.txt:3", message: "found 0", merges: "#version\na b</w>\n\na b</w>\n"),
    Fault(place: "merges.txt:3", message: "found \"b a\"", merges: soundMerges + "b a\n"),
    Fault(
      place: "tokenizer_config.json",
      message: "bos_token to be a token of vocab.json, found \"<|startoftext|>\"",
      vocabulary: #"{"a": 0, "b</w>": 1, "ab</w>": 2, "<|endoftext|>": 3}"#),
    Fault(
      place: "tokenizer_config.json", message: "eos_token to be a token of vocab.json, found \"<end>\"",
      configuration: #"{"eos_token": "<end>"}"#),
    Fault(
      place: "special_tokens_map.json", message: "pad_token to be a token of vocab.json, found \"!\"",
      map: ##"{"pad_token": "!"}"##),
    Fault(place: "special_tokens_map.json", message: "expected an object, found a list of 0", map: "[]"),
    Fault(place: "tokenizer_config.json", message: "this is no JSON document", configuration: "{"),
    Fault(
      place: "tokenizer_config.json", message: "pad_token to be a string or an object",
      configuration: #"{"pad_token": 0}"#),
    Fault(
      place: "tokenizer_config.json", message: "lstrip of eos_token to be a boolean, found the integer 1",
      configuration: #"{"eos_token": {"content": "<|endoftext|>", "lstrip": 1}}"#),
    Fault(
      place: "tokenizer_config.json", message: "\"a\" to have the id 0, found 5",
      configuration: #"{"added_tokens_decoder": {"5": {"content": "a"}}}"#),
    Fault(
      place: "tokenizer_config.json", message: "\"new\" to have the id 5, found 7",
      configuration: #"{"added_tokens_decoder": {"7": {"content": "new"}}}"#),
    Fault(
      place: "tokenizer_config.json", message: "not the integer 1",
      configuration: #"{"model_max_length": 1}"#),
    Fault(
      place: "tokenizer_config.json", message: "found the string \"left\"",
      configuration: #"{"padding_side": "left"}"#),
  ]
}

/// The files in `Tests/Goldens/tokenizer`.
private enum Fixture {
  struct Case: Decodable {
    let name: String
    let configuration: JSONValue
    let map: JSONValue?
    let begin: Int, end: Int, pad: Int, length: Int
    let ids: [[Int]]
    let padded: [[Int]]
  }

  static let clip = Result { try tokenizer(configuration: nil, specialTokensMap: nil) }

  static func tokenizer(configuration: JSONValue?, specialTokensMap: JSONValue?) throws -> CLIPTokenizer {
    func text(_ value: JSONValue?) -> Data? { value.map { Data($0.text().utf8) } }
    return try CLIPTokenizer(
      vocabulary: vocabulary.get(), merges: data("merges.txt"), configuration: text(configuration),
      specialTokensMap: text(specialTokensMap), at: "tokenizer")
  }

  /// The texts and, for each configuration, what becomes of them.
  static func configurations() throws -> ([String], [Case]) {
    let values = try decode([JSONValue].self, from: "configurations.json")
    let texts = try JSONDecoder().decode([String].self, from: JSONEncoder().encode(values[0]))
    let cases = try JSONDecoder().decode([Case].self, from: JSONEncoder().encode(Array(values.dropFirst())))
    return (texts, cases)
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from name: String) throws -> Value {
    try JSONDecoder().decode(type, from: data(name))
  }

  private static func data(_ name: String) throws -> Data {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try Data(contentsOf: tests.appending(path: "Goldens/tokenizer/\(name)"))
  }

  /// CLIP's vocab.json follows from its merges: the bytes' letters, these at a word's end, the merges, two
  /// special tokens.
  private static let vocabulary = Result {
    let visible = Array(0x21...0x7E) + Array(0xA1...0xAC) + Array(0xAE...0xFF)
    let letters = (visible + Array(0x100..<0x100 + 256 - visible.count))
      .compactMap { Unicode.Scalar(UInt32($0)).map(String.init) }
    let lines = try String(decoding: data("merges.txt"), as: UTF8.self).split(separator: "\n").dropFirst()
    let merges = lines.map { $0.split(separator: " ").joined() }
    let tokens = letters + letters.map { $0 + "</w>" } + merges + ["<|startoftext|>", "<|endoftext|>"]
    return try JSONEncoder().encode(Dictionary(zip(tokens, 0...)) { first, _ in first })
  }
}
