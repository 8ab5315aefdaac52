import Base
import Diffusion
import Foundation
import Testing

/// What the tokenizers library makes of `tokenizer.json` files and texts; Scripts/goldens/make_tokenizer_json_goldens.py.
private struct TokenizerGolden: Sendable {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let file: JSONValue
    let count: Int
    let ids: [Int: [Int]]
    let base: String
    var testDescription: String { name }
  }

  static let folder = GoldenRun.repository + "/Tests/Goldens/tokenizer/json"

  static func json(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: Data(contentsOf: URL(filePath: "\(folder)/\(name).json")), at: name)
  }

  static let texts: [String] = {
    guard case .array(let items)? = try? json("texts") else { return [] }
    return items.compactMap { if case .string(let text) = $0 { text } else { nil } }
  }()

  static let cases: [Case] = (try? read("cases")) ?? []
  static let refused: [Case] = (try? read("refused")) ?? []

  private static func read(_ name: String) throws -> [Case] {
    guard case .array(let items) = try json(name) else { return [] }
    return try items.compactMap { item in
      guard case .object(let fields) = item, case .string(let name)? = fields["name"],
        case .string(let base)? = fields["base"], fields["stage"] != "encode"
      else { return nil }
      var file = try json(base)
      if case .object(let changes)? = fields["set"] {
        for (key, value) in changes { file = replacing(key.split(separator: ".")[...], in: file, by: value) }
      }
      if case .array(let keys)? = fields["remove"] {
        for case .string(let key) in keys {
          file = replacing(key.split(separator: ".")[...], in: file, by: nil)
        }
      }
      var ids: [Int: [Int]] = [:]
      if case .object(let lists)? = fields["ids"] {
        for (index, list) in lists {
          guard let index = Int(index), case .array(let numbers) = list else { continue }
          ids[index] = numbers.compactMap(\.wholeNumber)
        }
      }
      return Case(name: name, file: file, count: fields["count"]?.wholeNumber ?? 0, ids: ids, base: base)
    }
  }

  private static func replacing(_ path: ArraySlice<Substring>, in json: JSONValue, by value: JSONValue?)
    -> JSONValue
  {
    guard let key = path.first.map(String.init), case .object(var fields) = json else { return json }
    fields[key] =
      path.count == 1 ? value : fields[key].map { replacing(path.dropFirst(), in: $0, by: value) }
    return .object(fields)
  }
}

@Suite("TokenizerFile")
struct TokenizerFileTests {
  @Test(
    "a tokenizer.json gives the ids that the tokenizers library gives from it",
    arguments: TokenizerGolden.cases)
  fileprivate func ids(test: TokenizerGolden.Case) throws {
    let tokenizer = try TokenizerFile(Data(test.file.text().utf8), at: test.name)
    let base = try #require(TokenizerGolden.cases.first { $0.name == test.base })
    #expect(test.count > 0)
    for (index, text) in TokenizerGolden.texts.prefix(test.count).enumerated() {
      let expected = try #require(test.ids[index] ?? base.ids[index])
      let found = tokenizer.ids(of: text)
      #expect(found == expected, "\(text.debugDescription)")
    }
  }

  @Test("there are as many cases as were made")
  func counts() {
    #expect(TokenizerGolden.cases.count == 90 && TokenizerGolden.texts.count == 132)
    #expect(TokenizerGolden.refused.count == 24)
  }

  @Test(
    "what the library refuses, or what is no tokenizer of byte pairs, is refused",
    arguments: TokenizerGolden.refused)
  fileprivate func refused(test: TokenizerGolden.Case) throws {
    // Of no effect on any id.
    let lenient = [
      "version 2.0", "a version that is a number", "added tokens null", "a truncation without stride",
    ]
    if lenient.contains(test.name) {
      _ = try TokenizerFile(Data(test.file.text().utf8), at: "place")
      return
    }
    let fault = #expect(throws: Diagnostic.self) {
      try TokenizerFile(Data(test.file.text().utf8), at: "place")
    }
    #expect(fault?.kind == .model && fault?.place?.hasPrefix("place") == true, "\(test.name)")
  }

  @Test("every character that Unicode 14 has falls into tokens as the library has it")
  func characters() throws {
    let tokenizer = try TokenizerFile(
      Data(TokenizerGolden.json("transformers-4").text().utf8), at: "transformers-4")
    var blocks: [JSONValue] = []
    if case .array(let items) = try TokenizerGolden.json("characters") { blocks = items }
    #expect(blocks.count > 30)
    for case .object(let block) in blocks {
      let first = UInt32(try #require(block["first"]?.wholeNumber))
      var bytes = Data()
      for value in first..<(first + 4096) {
        guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age, age.major <= 14,
          scalar.properties.generalCategory != .unassigned
        else { continue }
        for id in tokenizer.ids(of: "a\(scalar)B '\(scalar)") {
          withUnsafeBytes(of: Int32(id).littleEndian) { bytes.append(contentsOf: $0) }
        }
      }
      let digest = bytes.withUnsafeBytes { SHA256(of: $0).description }
      #expect(block["characters"] == .string(digest), "U+\(String(first, radix: 16))")
    }
  }

  /// Folders as transformers 5 saves them: tokenizer.json and tokenizer_config.json alone.
  @Test("a folder without vocab.json is read by its tokenizer.json, its padding from tokenizer_config.json")
  func folder() throws {
    let file = Data(try TokenizerGolden.json("transformers-5").text().utf8)
    let config =
      #"{"pad_token": "!", "model_max_length": 1000000000000000019884624838656, "unk_token": "<|endoftext|>"}"#
    let tokenizer = try CLIPTokenizer(
      file: file, configuration: Data(config.utf8), specialTokensMap: nil, at: "tokenizer_2")
    #expect((tokenizer.beginID, tokenizer.endID, tokenizer.padID) == (1076, 1077, 0))
    #expect(tokenizer.maximumLength == 77)
    let long = tokenizer.encodePadded(String(repeating: "a fox! ", count: 60))
    #expect(long.ids.count == 77 && long.ids.last == 1077 && long.tokenCount > 77)
    let short = tokenizer.encodePadded("a fox")
    #expect(short.ids.count == 77 && short.ids.last == 0 && short.tokenCount == 4)
    #expect(Array(short.ids.prefix(4)) == tokenizer.encode("a fox"))
    #expect(tokenizer.token(of: 1077) == "<|endoftext|>")
    let fault = #expect(throws: Diagnostic.self) {
      try CLIPTokenizer(
        file: file, configuration: Data(#"{"pad_token": "[PAD]"}"#.utf8), specialTokensMap: nil,
        at: "tokenizer")
    }
    #expect(fault?.message == "pad_token is \"[PAD]\", which tokenizer.json does not have")
  }
}
