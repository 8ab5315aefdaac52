import Base
import Shell
import Testing

@Suite("CommandTable: parsing")
struct ParsingTests {
  @Test(
    "Raw text is the rest of the line as it stands, unless it starts with a quote",
    arguments: [
      ("prompt", nil),
      ("prompt   ", ""),
      ("negative \"\"", ""),
      ("negative ''", ""),
      ("prompt a fox", "a fox"),
      ("prompt   a  fox \t", "a  fox"),
      ("prompt #1 fox, 50% (red:1.2) # not a comment", "#1 fox, 50% (red:1.2) # not a comment"),
      ("prompt steps=8 a=b", "steps=8 a=b"),
      (#"prompt a "quoted" fox's \(tail\)"#, #"a "quoted" fox's \(tail\)"#),
      (#"prompt "a  fox \"x\" ""#, #"a  fox "x" "#),
      ("p 'a \\n'  ", "a \\n"),
      ("prompt \"\"\"\na\nb\n\"\"\"", "a\nb"),
      ("'prompt' a", "a"),
    ] as [(String, String?)])
  func rawText(line: String, expected: String?) throws {
    let invocation = try SampleTable.parse(line)
    #expect(invocation.rawText == expected)
    #expect(invocation.text("text") == expected)
    #expect(invocation.arguments.isEmpty && invocation.options.isEmpty)
  }

  @Test("Words may stand before raw text, and a statement stays as it is written")
  func leadingWords() throws {
    let set = try SampleTable.parse("set 'prompt'   a \"b\"")
    #expect(set.arguments == ["prompt"])
    #expect(set.text("value") == "a \"b\"")
    #expect(try SampleTable.parse("set").texts("name") == [])
    #expect(try SampleTable.parse("set cfg").rawText == nil)
    let nested = try SampleTable.parse("repeat 3 prompt \"a\"")
    #expect(try nested.integer("count") == 3)
    #expect(nested.statement == Statement("prompt \"a\"", at: Location(source: "s", line: 1)))
    #expect(try SampleTable.parse("prompt a").statement == nil)
  }

  @Test("Arguments and options are told apart, and options keep their order")
  func options() throws {
    let dump = try SampleTable.parse("dump steps=0,5,-1 latents format=npy 'a=b'")
    #expect(dump.arguments == ["latents", "a=b"])
    #expect(
      dump.options == [.init(key: "steps", value: "0,5,-1"), .init(key: "format", value: "npy")])
    #expect(dump.text("folder") == "a=b")
    #expect(dump.text("format") == "npy")
    #expect(try dump.integers("steps") == [0, 5, -1])
    #expect(try dump.names("steps") == ["0", "5", "-1"])
  }

  @Test("A command without options takes a word with = as an argument")
  func plainEquals() throws {
    #expect(try SampleTable.parse("save a=b.txt").arguments == ["a=b.txt"])
    #expect(try SampleTable.parse("tokens a=b c=\"d e\"").texts("words") == ["a=b", "c=d e"])
  }

  @Test("A command with settings takes them beside its own options")
  func settings() throws {
    let generate = try SampleTable.parse("g steps=8 n=2 scheduler=ddim")
    #expect(generate.command == "generate")
    #expect(try generate.integer("steps") == 8)
    #expect(try generate.integer("n") == 2)
    #expect(try generate.number("steps") == 8)
    #expect(generate.text("out") == nil)
  }

  @Test(
    "A value of its kind passes",
    arguments: [
      "steps 1", "steps +20", "steps 1000", "cfg 7.5", "cfg 1e1", "cfg 0", "layers depth=0", "layers top=-3",
      "capture x scale=.5", "seed random", "view a b c step=3", "generate seed=",
    ])
  func values(line: String) throws {
    #expect(throws: Never.self) { try SampleTable.parse(line) }
  }

  @Test(
    "What is wrong is said with what was expected and found, and what to do",
    arguments: [
      ("", "expected a command, found an empty word", "help lists the commands"),
      ("'' x", "expected a command, found an empty word", "help lists the commands"),
      ("genrate", "unknown command \"genrate\"", "did you mean generate?"),
      ("Quit", "unknown command \"Quit\"", "did you mean quit?"),
      ("a cat", "unknown command \"a\"", "help lists the commands"),
      ("gen", "unknown command \"gen\"", "did you mean generate? Only a terminal takes abbreviations"),
      ("save", "save: expected FILE, found nothing", "usage: save FILE"),
      ("save a b", "save: unexpected word \"b\"", "usage: save FILE"),
      ("quit now", "quit: unexpected word \"now\"", "usage: quit"),
      (
        "dump latents", "dump: expected FOLDER, found nothing",
        "usage: dump latents|noise|denoised|captures FOLDER [steps=TEXT] [format=safetensors|npy|comfy|png]"
      ),
      (
        "dump latens x",
        "dump: expected latents, noise, denoised or captures, "
          + "found \"latens\"", "did you mean latents?"
      ),
      ("dump x=1 y", "dump: unknown option \"x=\"", "help dump lists the options"),
      ("generate stpes=3", "generate: unknown option \"stpes=\"", "did you mean steps=?"),
      ("generate steps=3 steps=4", "generate: steps= is given twice", "keep one of them"),
      (
        "generate steps 8", "generate: unexpected word \"steps\"",
        "an option is written steps=VALUE, without blanks"
      ),
      ("generate steps=0", "generate: steps= expects an integer from 1 to 1000, found \"0\"", nil),
      ("generate steps=1e2", "generate: steps= expects an integer from 1 to 1000, found \"1e2\"", nil),
      ("generate out=", "generate: out= expects a file's name, found \"\"", nil),
      (
        "generate scheduler=eular", "generate: scheduler= expects euler, ddim or dpmpp, found \"eular\"",
        "did you mean euler?"
      ),
      (
        "steps 99999999999999999999",
        "steps: COUNT expects an integer from 1 to 1000, found \"99999999999999999999\"",
        nil
      ),
      ("cfg inf", "cfg: SCALE expects a number from 0 to 30, found \"inf\"", nil),
      ("cfg nan", "cfg: SCALE expects a number from 0 to 30, found \"nan\"", nil),
      ("cfg 0x1p2", "cfg: SCALE expects a number from 0 to 30, found \"0x1p2\"", nil),
      ("cfg 1e999", "cfg: SCALE expects a number from 0 to 30, found \"1e999\"", nil),
      ("layers depth=-1", "layers: depth= expects an integer of at least 0, found \"-1\"", nil),
      ("layers top=x", "layers: top= expects an integer, found \"x\"", nil),
      ("capture x scale=3", "capture: scale= expects a number from 0.5 to 2, found \"3\"", nil),
      ("repeat 3", "repeat: expected COMMAND, found nothing", "usage: repeat COUNT COMMAND"),
      ("repeat x quit", "repeat: COUNT expects an integer from 1 to 1000, found \"x\"", nil),
      (
        "prompt \"a\" b", "expected nothing after the closing quote, found \"b\"",
        "a text that starts with a quote ends with it: put the whole text between quotes"
      ),
      (
        "prompt 'tis", "the ' that opens here is never closed",
        "close it on the same line; a text with ' in it goes between double quotes"
      ),
      (
        "save \(String(repeating: "x", count: 70)) \(String(repeating: "y", count: 70))",
        "save: unexpected word \"\(String(repeating: "y", count: 60))…\"", "usage: save FILE"
      ),
    ] as [(String, String, String?)])
  func errors(line: String, message: String, hint: String?) {
    let error = #expect(throws: LocatedDiagnostic.self) { try SampleTable.parse(line) }
    #expect(error?.diagnostic.kind == .usage)
    #expect(error?.diagnostic.description == message)
    #expect(error?.diagnostic.hint == hint)
    #expect(error?.location == Location(source: "s", line: 1))
  }

  @Test("An error in a joined or multi-line statement names the line of the word")
  func lineOfWord() throws {
    var assembler = StatementAssembler(source: "s", grammar: SampleTable.table.grammar())
    for line in ["", "generate \\", "  n=1 \\"] { _ = try assembler.append(line) }
    guard case .complete(let joined) = try assembler.append(" nn=2") else {
      Issue.record("expected a complete statement")
      return
    }
    #expect(joined.location.line == 2)
    let error = #expect(throws: LocatedDiagnostic.self) { try SampleTable.table.parse(joined) }
    #expect(error?.location.line == 4)
    let quoted = Statement("save \"\"\"a\nb\"\"\" 'c", at: Location(source: "s", line: 5))
    let second = #expect(throws: LocatedDiagnostic.self) { try SampleTable.table.parse(quoted) }
    #expect(second?.location.line == 6)
  }

  @Test("A typed accessor names the argument or option whose value it cannot read")
  func accessors() throws {
    let dump = try SampleTable.parse("dump noise x steps=1,,2")
    #expect(throws: Diagnostic(.usage, at: "dump", "steps= expects an integer, found \"1,,2\"")) {
      try dump.integer("steps")
    }
    #expect(throws: Diagnostic(.usage, at: "dump", "steps= expects a number, found \"1,,2\"")) {
      try dump.number("steps")
    }
    #expect(
      throws: Diagnostic(.usage, at: "dump", "steps= expects integers parted by commas, found \"1,,2\"")
    ) {
      try dump.integers("steps")
    }
    #expect(throws: Diagnostic(.usage, at: "dump", "steps= expects names parted by commas, found \"1,,2\"")) {
      try dump.names("steps")
    }
    let seed = try SampleTable.parse("seed")
    #expect(
      throws: Diagnostic(.usage, at: "seed", "expected SEED, found nothing", hint: "usage: seed [SEED]")
    ) {
      try seed.required("seed")
    }
    #expect(try seed.integer("seed") == nil)
    #expect(throws: Diagnostic(.usage, at: "seed", "SEED expects an integer, found \"random\"")) {
      try SampleTable.parse("seed random").integer("seed")
    }
  }
}
