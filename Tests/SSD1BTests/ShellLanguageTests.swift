import Base
import Foundation
import Imaging
import Testing

/// The language as a whole: every example, every name, the documents made from it, and what programs read.
@Suite struct ShellLanguageTests {
  /// A command as `help COMMAND` describes it with --json.
  private struct Described {
    let name: String
    let examples: [String]
  }

  private static let commands = Result { try described() }

  private static func described() throws -> [Described] {
    let names = try results(of: "help\n")[0]
    guard case .array(let all) = names else { throw Diagnostic(.value, "no list of commands") }
    let list = all.compactMap { if case .string(let name) = $0 { name } else { nil } }
    return try results(of: list.map { "help \($0)\n" }.joined()).map { json in
      guard case .object(let fields) = json, case .string(let name)? = fields["name"],
        case .array(let examples)? = fields["examples"]
      else { throw Diagnostic(.value, "no description") }
      return Described(
        name: name,
        examples: examples.compactMap {
          guard case .object(let example) = $0, case .string(let line)? = example["line"] else { return nil }
          return line
        })
    }
  }

  /// The results of a script's commands.
  private static func results(of script: String) throws -> [JSONValue] {
    let run = try Program.run(["--json"], script: script)
    return try run.output.split(separator: "\n").map { line in
      guard case .object(let record) = try JSONValue(parsing: Data(line.utf8), at: "record"),
        let result = record["result"]
      else { throw Diagnostic(.value, "no result: \(line)") }
      return result
    }
  }

  /// What the examples speak of, made by the shell itself.
  private static let setting = """
    prompt a fox on a blue background
    generate seed=8 steps=2 out=other.png
    save session.ssd1b
    save work.ssd1b
    record fox.session
    generate steps=3 out=fox.png
    record stop
    """

  @Test("Every example of every command's help runs")
  func examples() throws {
    let commands = try Self.commands.get()
    #expect(commands.count > 35 && commands.allSatisfy { !$0.examples.isEmpty })
    try Program.withFolder { folder in
      let made = try Program.run(script: Self.setting, in: folder)
      #expect(made.code == 0, "\(made.errors)")
      // Small pipelines and a LoRA, as far as the examples that name them look into them.
      for name in ["sdxl-base", "SSD-1B"] {
        try FileManager.default.createSymbolicLink(
          atPath: "\(folder)/\(name)", withDestinationPath: Program.model)
      }
      try FileManager.default.copyItem(
        atPath: Program.repository + "/Tests/Goldens/checkpoints/types.safetensors",
        toPath: folder + "/lora.safetensors")
      // resume's two, after an interruption, are TerminalSessionTests'.
      for command in commands where command.name != "resume" {
        let script = command.examples.map { $0 + "\n" }.joined()
        let opening = "prompt a fox on a blue background\ngenerate steps=10 size=64x64 out=last.png\n"
        let result = try Program.run(["--keep-going"], script: opening + script, in: folder)
        #expect(result.code == 0, "\(command.name): \(result.errors)")
      }
    }
  }

  @Test("A typo in any command's name suggests it")
  func typos() throws {
    let names = try Self.commands.get().map(\.name)
    var typos: [(typo: String, name: String)] = []
    for name in names {
      var letters = Array(name)
      letters.swapAt(letters.count - 2, letters.count - 1)
      let variants = [
        String(letters), String(name.dropLast()), name + "s",
        String(name.prefix(1)) + "x" + name.dropFirst(2),
      ]
      typos += variants.filter { !names.contains($0) }.map { ($0, name) }
    }
    let known = Set(names + ["p", "n", "g", "v", "l", "q"])
    typos = typos.filter { !known.contains($0.typo) }
    let result = try Program.run(["--json", "--keep-going"], script: typos.map { $0.typo + "\n" }.joined())
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == typos.count)
    for (line, (typo, name)) in zip(lines, typos) {
      guard case .object(let record) = try JSONValue(parsing: Data(line.utf8), at: "record"),
        case .object(let error)? = record["error"], case .string(let hint)? = error["hint"]
      else {
        Issue.record("\(typo): \(line)")
        continue
      }
      #expect(hint.contains(name), "\(typo) for \(name): \(hint)")
    }
  }

  @Test("No line of any help is wider than 80 columns")
  func width() throws {
    let names = try Self.commands.get().map(\.name)
    let text = try Program.run(script: "help\n" + names.map { "help \($0)\n" }.joined()).output
    let widest = try #require(text.split(separator: "\n").max { $0.count < $1.count })
    #expect(widest.count <= 80, "\(widest)")
  }

  @Test(
    "The command reference and the manual page are what the program writes",
    arguments: [("markdown", "COMMANDS.md"), ("man", "ssd1b.1")])
  func documents(form: String, name: String) throws {
    let written = try Program.run(["-c", "help as=\(form)"]).output
    let kept = try String(contentsOfFile: Program.repository + "/Sources/ssd1b/\(name)", encoding: .utf8)
    #expect(written == kept, "Scripts/document writes both anew")
  }

  @Test(
    "Off a terminal the output is the same bytes whatever TERM is, errors go to stderr alone",
    arguments: [
      ["TERM": "dumb"], ["TERM": "xterm-kitty", "COLORTERM": "truecolor", "KITTY_WINDOW_ID": "1"], [:],
    ])
  func terminals(environment: [String: String]) throws {
    try Program.withFolder { folder in
      let script = """
        prompt a fox 🦊
        layers unet depth=1
        diff sdxl
        generate steps=2 out=a.png
        latents
        view
        nonsense
        help generate

        """
      func run(_ environment: [String: String]) throws -> Program.Result {
        let result = try Program.run(["--keep-going"], script: script, in: folder, environment: environment)
        // Times alone may differ.
        let lines = result.output.split(separator: "\n").filter {
          !$0.contains("s/step") && !$0.contains("as before")
        }
        return .init(output: lines.joined(separator: "\n"), errors: result.errors, code: result.code)
      }
      let (plain, other) = (try run(["TERM": "vt100"]), try run(environment))
      #expect(plain.output == other.output && plain.errors == other.errors && plain.code == other.code)
      #expect(!plain.output.contains("\u{1B}") && plain.output.contains("a.png  128x128"))
      #expect(plain.errors == "-:7: error: unknown command \"nonsense\"\nhint: help lists the commands\n")
      // Asked for, colour comes off a terminal too, to errors alone here.
      let colored = try Program.run(["--color", "always", "-c", "nonsense"])
      #expect(colored.errors.contains("\u{1B}[31merror:\u{1B}[0m"))
    }
  }

  @Test("Records, failures and events fit the JSON Schema in the repository")
  func schema() throws {
    let path = Program.repository + "/Sources/ssd1b/record.schema.json"
    let schema = try JSONSchema(
      JSONValue(parsing: FileManager.default.contents(atPath: path) ?? Data(), at: path))
    try Program.withFolder { folder in
      let script = """
        prompt a fox
        generate steps=2 out=a.png
        generate steps=2 out=a.png seed=1 scheduler=euler_ancestral
        latents
        layers unet depth=1
        nonsense
        seed x
        verify missing
        time seed 3
        "open
        """
      let result = try Program.run(["--events", "--keep-going"], script: script, in: folder)
      let lines = try result.output.split(separator: "\n").map {
        try JSONValue(parsing: Data($0.utf8), at: "line")
      }
      #expect(lines.count == 10 + 1 + 4)
      for line in lines { #expect(schema.faults(of: line) == [], "\(line.text())") }
      func fields(_ line: JSONValue) -> [String: JSONValue] {
        if case .object(let fields) = line { fields } else { [:] }
      }
      // Events stand before the record of their command, with its number.
      let events = lines.enumerated().filter { fields($0.element)["event"] != nil }
      #expect(events.count == 4 && fields(lines[1])["seq"] == 2 && fields(lines[3])["command"] == "generate")
      #expect(fields(lines[3])["seq"] == 2 && fields(lines[4])["seq"] == 3)
      // And the schema refuses what is none.
      for broken in [
        #"{"v":2,"seq":1,"command":"x","ok":true,"result":null}"#,
        #"{"v":1,"seq":0,"command":"x","ok":true,"result":null}"#,
        #"{"v":1,"seq":1,"command":"x","ok":true}"#,
        #"{"v":1,"seq":1,"command":"x","ok":false,"result":null}"#,
        #"{"v":1,"seq":1,"command":"x","ok":true,"result":null,"more":1}"#,
        #"{"v":1,"seq":1,"command":"x","ok":false,"error":{"code":"odd","message":"","file":null,"line":null,"hint":null}}"#,
      ] {
        #expect(try schema.faults(of: JSONValue(parsing: Data(broken.utf8), at: "broken")) != [], "\(broken)")
      }
    }
  }

  @Test("What has not changed is not computed again, and the output says so")
  func reuse() throws {
    try Program.withFolder { folder in
      let script = """
        prompt a fox
        generate steps=2 out=a.png
        generate steps=2 out=b.png
        generate steps=3 out=c.png
        generate steps=3 precision=f32 backend=onednn out=d.png
        prompt a cat
        prompt a fox
        generate steps=3 precision=f32 backend=onednn
        """
      let lines = try Program.run(["--backend=openblas"], script: script, in: folder).output
        .split(separator: "\n").filter { $0.contains("seed 0") }
      #expect(lines.count == 5)
      #expect(!lines[0].contains("as before"))
      #expect(lines[1].hasPrefix("b.png  seed 0  nothing changed: as before"))
      #expect(lines[2].contains("s/step") && lines[2].contains("texts as before"))
      #expect(
        lines[3].contains("s/step") && !lines[3].contains("texts as before"),
        "another backend has other texts")
      #expect(lines[4].hasPrefix("d.png  seed 0  nothing changed"), "the file that it is in")
      let (a, b) = (try PNG.read(path: folder + "/a.png"), try PNG.read(path: folder + "/b.png"))
      #expect(a.image == b.image && a.text.map(\.text) == b.text.map(\.text))
    }
  }

  @Test("A sweep makes each combination once, as generate does, and a sheet of them")
  func sweep() throws {
    try Program.withFolder { folder in
      let script = """
        sweep prompt="a fox, really|a cat" seed=1..3,9 steps=1 out=all
        prompt a cat
        generate seed=9 steps=1 out=one.png
        """
      let result = try Program.run(["--json"], script: script, in: folder)
      #expect(result.code == 0, "\(result.errors)")
      let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/all").sorted()
      #expect(
        files.count == 9 && files.contains("sheet.png") && files.contains("8-a-cat-seed-9.png"), "\(files)")
      let (swept, single) = (
        try PNG.read(path: folder + "/all/8-a-cat-seed-9.png").image,
        try PNG.read(path: folder + "/one.png").image
      )
      #expect(swept == single)
      // Two rows of four, each with its label.
      let sheet = try PNG.read(path: folder + "/all/sheet.png").image
      #expect(sheet.width == 6 + 4 * 134 && sheet.height == 6 + 2 * (128 + 14 + 6))
      for (list, message) in [
        ("cfg=1,,3", "values parted by commas"), ("seed=4..1", "a range such as 1..4"),
        ("steps=0,1", "whole number from 1"),
        ("size=64x64,65x64", "multiples of 8"), ("", "a list of values"),
        ("seed=1..9999 cfg=1..9", "at most 10000"),
      ] {
        let refused = try Program.run(["-c", "sweep \(list)"], in: folder)
        #expect(refused.code == 1 && refused.errors.contains(message), "\(list): \(refused.errors)")
      }
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["all", "one.png"],
        "none began")
    }
  }

  @Test("time, repeat and echo run what they are given; errors have the script's line and file")
  func scripts() throws {
    try Program.withFolder { folder in
      try Data("echo inner\nsteps none\n".utf8).write(to: URL(fileURLWithPath: folder + "/inner.ssd1b"))
      try Data("repeat 2 echo twice # really\n\nsource inner.ssd1b\n".utf8).write(
        to: URL(fileURLWithPath: folder + "/outer.ssd1b"))
      let result = try Program.run(["-f", "outer.ssd1b"], in: folder)
      #expect(result.output == "twice # really\ntwice # really\ninner\n" && result.code == 1)
      #expect(result.errors.hasPrefix("inner.ssd1b:2: error: steps: expected a whole number"))
      let timed = try Program.run(["-c", "time repeat 2 seed +1"]).output.split(separator: "\n")
      #expect(timed.count == 3 && timed[1] == "seed 2" && timed[2].hasPrefix("time 0."))
      let deep = try Program.run(["-c", String(repeating: "time ", count: 40) + "seed"])
      #expect(deep.code == 1 && deep.errors.contains("commands inside each other"))
    }
  }

  @Test("1,000 pictures in one session take no more memory and time in the end than in the beginning")
  func endurance() throws {
    try Program.withFolder { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Program.path)
      process.currentDirectoryURL = URL(fileURLWithPath: folder)
      let (input, output) = (Pipe(), Pipe())
      (process.standardInput, process.standardOutput) = (input, output)
      try process.run()
      var seen = ""
      func run(_ seeds: Range<Int>) throws -> Duration {
        let start = ContinuousClock.now
        // As a person does: one after another, with changing settings.
        for seed in seeds {
          let line = "generate steps=1 seed=\(seed) cfg=\(1 + seed % 3) out=a.png\n"
          try input.fileHandleForWriting.write(contentsOf: Data(line.utf8))
          while !seen.contains("seed \(seed)  ") {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty)
            seen += String(decoding: more, as: UTF8.self)
          }
          seen = ""
        }
        return ContinuousClock.now - start
      }
      func residentBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/statm", encoding: .utf8)
        return (Int(status.split(separator: " ")[1]) ?? 0) * 4096
      }
      _ = try run(0..<50)
      let before = try residentBytes()
      let first = try run(50..<350)
      _ = try run(350..<700)
      let last = try run(700..<1000)
      let grown = try residentBytes() - before
      try input.fileHandleForWriting.close()
      process.waitUntilExit()
      // Measured: 1.4 MB less to 0.1 MB more, which is the allocator's; two kept states a run would be 8 MB, a picture 47.
      #expect(grown < 1_500_000, "\(grown) bytes")
      // Other tests run beside; what slows down by what was before slows down by more than this.
      #expect(last < first * 2, "\(first) for 300, then \(last)")
    }
  }
}
