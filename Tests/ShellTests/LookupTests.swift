import Base
import Shell
import Testing

@Suite("CommandTable: lookup")
struct LookupTests {
  private let table = SampleTable.table

  @Test("Every name and alias is found everywhere")
  func names() throws {
    for command in table.commands {
      for name in [command.declaration.name] + command.declaration.aliases {
        #expect(try table.lookup(name).declaration.name == command.declaration.name)
        #expect(try table.lookup(name, allowAbbreviation: true).declaration.name == command.declaration.name)
      }
    }
    #expect(table.commands.map(\.declaration.name) == SampleTable.names)
  }

  @Test(
    "A terminal takes a unique beginning of a name; names and aliases come first",
    arguments: [
      ("gen", "generate"), ("pro", "prompt"), ("q", "quit"), ("qu", "quit"), ("l", "layers"), ("la", nil),
      ("set", "set"), ("se", nil), ("s", nil), ("lay", "layers"), ("x", nil), ("Gen", nil),
      ("generated", nil),
    ] as [(String, String?)])
  func abbreviation(word: String, expected: String?) throws {
    let name = try? table.lookup(word, allowAbbreviation: true).declaration.name
    #expect(name == expected)
  }

  @Test("No abbreviation passes in a script", arguments: SampleTable.names)
  func scripts(name: String) {
    for length in 1..<name.count {
      let word = String(name.prefix(length))
      if table.commands.contains(where: {
        $0.declaration.aliases.contains(word) || $0.declaration.name == word
      }) {
        continue
      }
      #expect(throws: Diagnostic.self) { try table.lookup(word) }
    }
  }

  @Test("An ambiguous beginning lists its candidates")
  func ambiguous() {
    #expect(throws: Diagnostic(.usage, "\"la\" may be latents or layers", hint: "type more of the name")) {
      try table.lookup("la", allowAbbreviation: true)
    }
    #expect(
      throws: Diagnostic(
        .usage, "\"s\" may be steps, seed, set, save or source", hint: "type more of the name")
    ) {
      try table.lookup("s", allowAbbreviation: true)
    }
  }

  @Test(
    "A typo of a name suggests it, whichever letter is lost, doubled, changed or swapped",
    arguments: SampleTable.names)
  func typos(name: String) {
    let letters = Array(name)
    var typos: Set<String> = []
    for i in letters.indices {
      var lost = letters
      lost.remove(at: i)
      var doubled = letters
      doubled.insert(letters[i], at: i)
      var changed = letters
      changed[i] = "x"
      var swapped = letters
      swapped.swapAt(i, max(0, i - 1))
      typos.formUnion([lost, doubled, changed, swapped].map { String($0) })
    }
    typos.subtract(SampleTable.names + SampleTable.table.commands.flatMap(\.declaration.aliases))
    for typo in typos {
      let error = #expect(throws: Diagnostic.self) { try table.lookup(typo) }
      #expect(error?.hint?.contains(name) == true, "\(typo): \(error?.hint ?? "no hint")")
    }
  }

  @Test(
    "The nearest names come first, at most three, and nothing far",
    arguments: [
      ("generat", ["generate"]), ("sav", ["save"]), ("stes", ["steps"]), ("ste", ["set", "steps"]),
      ("dmup", ["dump"]),
      ("zzz", []),
      ("", []), ("explain", []), ("lat", ["latents"]),
    ] as [(String, [String])])
  func nearest(word: String, expected: [String]) {
    #expect(NearestNames.suggest(word, among: SampleTable.names) == expected)
  }

  @Test("A very long word is near nothing")
  func longWord() {
    #expect(NearestNames.suggest(String(repeating: "s", count: 5000), among: SampleTable.names) == [])
  }
}
