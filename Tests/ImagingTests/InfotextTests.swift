import Base
import Foundation
import Imaging
import RandomNumbers
import Testing

@Suite("Infotext")
struct InfotextTests {
  static let settings: [Infotext.Pair] = [
    ("Steps", "20"), ("Sampler", "Euler"), ("CFG scale", "9"), ("Seed", "1"), ("Size", "1024x1024"),
    ("Model", "ssd-1b"), ("RNG", "CPU"), ("Version", "0.1"),
  ]
  static let line =
    "Steps: 20, Sampler: Euler, CFG scale: 9, Seed: 1, Size: 1024x1024, Model: ssd-1b, RNG: CPU, Version: 0.1"

  @Test("Texts are taken apart as Python's re does with AUTOMATIC1111's expression")
  func matchesPython() throws {
    guard case .array(let cases) = try Golden.json("infotext.json") else {
      Issue.record("infotext.json is no list")
      return
    }
    #expect(cases.count > 300)
    for golden in cases {
      guard case .object(let fields) = golden, case .string(let text)? = fields["text"] else {
        Issue.record("a case without text")
        continue
      }
      let parsed = Infotext(parsing: text)
      let pairs = parsed.pairs.map { JSONValue.array([.string($0.key), .string($0.value)]) }
      let found: JSONValue = .object([
        "text": .string(text), "prompt": .string(parsed.prompt),
        "negative": parsed.negativePrompt.map(JSONValue.string) ?? .null, "pairs": .array(pairs),
      ])
      #expect(found.text() == golden.text())
    }
  }

  @Test(
    "Settings are written as AUTOMATIC1111 writes them",
    arguments: [
      ("a fox", nil, "a fox\n" + line), ("a fox", "blur", "a fox\nNegative prompt: blur\n" + line),
      ("a\nb", "c\nd", "a\nb\nNegative prompt: c\nd\n" + line), ("", nil, line),
      ("", "", "Negative prompt:\n" + line),
    ] as [(String, String?, String)])
  func written(prompt: String, negative: String?, text: String) {
    #expect(Infotext(prompt: prompt, negativePrompt: negative, pairs: Self.settings).text == text)
  }

  @Test(
    "Only values that need it are quoted",
    arguments: [
      ("a b", "a b"), ("a,b", #""a,b""#), ("1:2", #""1:2""#), ("a\nb", #""a\nb""#),
      (#"say "hi""#, #""say \"hi\"""#),
      (#"C\x"#, #"C\x"#), (" a", #"" a""#), ("a ", #""a ""#), ("", #""""#), ("狐", "狐"), ("狐,é/", #""狐,é/""#),
      ("a\tb", #""a\tb""#), ("a\u{1}", #""a\u0001""#),
    ])
  func quoting(value: String, text: String) {
    let infotext = Infotext(prompt: "p", pairs: [("Aa", "1"), ("Bb", value), ("Cc", "2")])
    #expect(infotext.text == "p\nAa: 1, Bb: \(text), Cc: 2")
    #expect(Infotext(parsing: infotext.text) == infotext)
  }

  @Test(
    "A prompt survives writing and reading",
    arguments: [
      "", "a fox", "Steps: 5", "Steps: 5, Seed: 2, Size: 3x3",
      "mood: dark, Steps: 5, style: oil\nSteps: 1, Seed: 2, Size: 3x3",
      "line one\n\nline three", "a Negative prompt: inside", "\"quoted\", (weighted:1.2), [from:to:0.5]",
      "狐 🦊 é, ß",
      "# not a comment", "ends with a comma,", "back\\slash",
    ], [nil, "", "blurry", "two\n\nlines: of, Steps: 1, it: 2"] as [String?])
  func roundTrip(prompt: String, negative: String?) {
    let infotext = Infotext(prompt: prompt, negativePrompt: negative, pairs: Self.settings)
    #expect(Infotext(parsing: infotext.text) == infotext)
  }

  @Test("Random values survive writing and reading")
  func randomValues() {
    var random = SplitMix64(seed: 3)
    let alphabet = Array("ab1 ,:\"\\/\n\r\t-_{}[]é狐🦊\u{A0}\u{2028}\u{1F}\u{7F}\u{301}".unicodeScalars)
    for _ in 0..<2000 {
      var view = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        view.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
      }
      let infotext = Infotext(prompt: "p", pairs: [("Steps", "1"), ("Seed", "2"), ("Model", String(view))])
      let value = Infotext(parsing: infotext.text)["Model"]
      #expect(value.map { Array($0.unicodeScalars) } == Array(view), "\(infotext.text)")
    }
  }

  @Test("With two pairs the last line is prompt text, with three it is settings", arguments: [2, 3])
  func threshold(count: Int) {
    let line = ["Steps: 1", "Seed: 2", "Size: 8x8"].prefix(count).joined(separator: ", ")
    let parsed = Infotext(parsing: "a fox\n" + line)
    #expect(parsed.prompt == (count < 3 ? "a fox\n" + line : "a fox"))
    #expect(parsed.pairs.count == (count < 3 ? 0 : 3))
  }

  @Test("Of two pairs with one key the last counts")
  func lastPair() {
    let parsed = Infotext(parsing: "Steps: 1, Steps: 2, Seed: 3")
    #expect(parsed["Steps"] == "2")
    #expect(parsed["steps"] == nil)
  }

  @Test(
    "Keys are those the expression can read",
    arguments: [
      ("Steps", true), ("CFG scale", true), ("a/b-c", true), ("Größe", true), ("_x", true), ("é1", true),
      ("X", false),
      ("", false), ("-a", false), (" a", false), ("a:b", false), ("LoRA (x)", false), ("a\nb", false),
      ("a,b", false),
    ])
  func keys(key: String, isKey: Bool) {
    #expect(Infotext.isKey(key) == isKey)
  }

  @Test(
    "A long hostile text is read in linear time", .timeLimit(.minutes(1)),
    arguments: [
      ("a", 0), (" ", 0), ("\"", 0), ("\\", 0), ("a ", 0), ("aa: \"", 0), ("aa:", 0), ("aa:,", 300_000),
      ("\n", 0), ("a\n", 0),
      ("aa: \"\\\",", 300_000),
    ])
  func hostile(piece: String, pairs: Int) {
    // Measured: 0.01 to 0.6 s. A quadratic scan of so many pieces takes many minutes.
    let text = String(repeating: piece, count: 300_000) + "x"
    let parsed = Infotext(parsing: text)
    // Counted outside of #expect, which would describe them all.
    let (found, isSettings) = (parsed.pairs.count, parsed.prompt.isEmpty)
    #expect(found == pairs)
    #expect(isSettings == (pairs > 0))
  }
}
