import Base
import Shell
import Testing

@Suite("CommandTable: help")
struct HelpTests {
  private let table = SampleTable.table

  @Test("The list of commands names each once, by group")
  func list() {
    let lines = table.help().split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(lines.first == "Settings")
    #expect(lines.contains("Images") && lines.contains("Inspection") && lines.contains("Shell"))
    #expect(lines.contains("  generate (g)  Makes images of the present settings"))
    for name in SampleTable.names {
      #expect(lines.count { $0.hasPrefix("  \(name) ") } == 1, "\(name)")
    }
  }

  @Test("No line of any help is wider than 80 columns or ends in a blank")
  func width() throws {
    var texts = [table.help(), table.aproposText("e")]
    for name in SampleTable.names { texts.append(try table.help(name)) }
    for line in texts.flatMap({ $0.split(separator: "\n") }) {
      #expect(line.count <= 80, "\(line)")
      #expect(line.last != " ", "\(line)")
    }
  }

  @Test("Words too long for a line are broken to fit")
  func longWords() throws {
    let long = String(repeating: "long", count: 50)
    let table = CommandTable<Void>([
      Command(
        CommandDeclaration(
          "x", group: "G", summary: "a \(long) b \(long)", discussion: long,
          arguments: [ArgumentDeclaration(long, summary: long)],
          options: (0..<9).map { OptionDeclaration("option\($0)", .choice([long, "b"]), summary: long) })
      ) { _, _ in CommandOutput() }
    ])
    for line in (table.help() + "\n" + (try table.help("x"))).split(separator: "\n") {
      #expect(line.count <= 80)
    }
  }

  @Test("One command's help shows all of its declaration")
  func one() throws {
    #expect(
      try table.help("dump") == """
        dump latents|noise|denoised|captures FOLDER [steps=TEXT]
            [format=safetensors|npy|comfy|png]
            Writes tensors of the last run to a folder

        Arguments
          latents|noise|denoised|captures
                                    which tensors
          FOLDER                    where to

        Options
          steps=TEXT                which steps
          format=safetensors|npy|comfy|png
                                    of the files
        """)
    #expect(
      try table.help("p") == """
        prompt [TEXT]
            Shows or sets the text that the image is to show
            Short: p

        The rest of the line is taken as it stands.

        A quote at its start is another matter.

        Arguments
          TEXT  what to draw

        Examples
          prompt a fox on a blue background
              Sets the prompt
          prompt an etching of a very old lighthouse in a storm, with many ships \\
            around, in detail
              Sets a long one
        """)
  }

  @Test("A command with settings lists them, and an unknown one is an error with the nearest names")
  func settings() throws {
    let text = try table.help("gen", allowAbbreviation: true)
    #expect(text.hasPrefix("generate [n=N] [out=FILE] [SETTING=VALUE…]\n"))
    #expect(text.contains("\n  steps=N                   the number of steps\n"))
    #expect(throws: Diagnostic(.usage, "unknown command \"genrate\"", hint: "did you mean generate?")) {
      try table.help("genrate")
    }
  }

  @Test("The examples of a declaration are commands")
  func examples() throws {
    for example in table.commands.flatMap(\.declaration.examples) {
      #expect(throws: Never.self) { try SampleTable.parse(example.line) }
    }
  }

  @Test(
    "A search finds a word in names, summaries, arguments, options and settings",
    arguments: [
      ("fox", []), ("latents", ["latents", "dump"]), ("LATENTS", ["latents", "dump"]), ("glob", ["capture"]),
      ("sampler", ["generate"]), ("comfy", ["dump"]), ("another matter", ["prompt"]),
      ("Images", ["generate", "resume", "view"]),
      ("measures", ["time"]),
    ] as [(String, [String])])
  func apropos(word: String, expected: [String]) {
    #expect(table.apropos(word).map(\.name) == expected)
  }

  @Test("A search without result says so")
  func nothingFound() {
    #expect(table.aproposText("fo\u{1b}x") == "No command mentions \"fo\\u{1b}x\".")
    #expect(table.aproposText("comfy") == "  dump          Writes tensors of the last run to a folder")
  }

  @Test("A declaration as data holds what help shows")
  func json() throws {
    let declaration = try table.lookup("capture").declaration
    guard case .object(let fields) = declaration.json else {
      Issue.record("expected an object")
      return
    }
    #expect(fields["usage"] == "capture PATTERN [stats|full] [scale=X]")
    #expect(
      fields["options"] == [
        ["key": "scale", "expects": "a number from 0.5 to 2", "summary": "a factor"]
      ])
  }
}
