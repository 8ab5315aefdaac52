import Base
import Diffusion
import Foundation
import Shell

/// Scripts from within the shell, commands that run commands, and what was entered before.
enum ScriptCommands {
  static let source = Command<Session>(
    CommandDeclaration(
      "source", group: "Scripts", summary: "runs the commands of a file",
      arguments: [ArgumentDeclaration("FILE", .file, summary: "the script")], evidence: .unrecorded,
      examples: [("source session.ssd1b", "as if its lines were entered here")])
  ) { invocation, session in try session.runScript(at: invocation.required("FILE")) }

  static let save = Command<Session>(
    CommandDeclaration(
      "save", group: "Scripts", summary: "writes the settings as a script, and an interrupted run",
      discussion: """
        The script sets what differs from the start values, and arms what is captured: `source FILE` has it again. An \
        interrupted run is kept beside it as FILE.run.safetensors, for `resume`.
        """,
      arguments: [
        ArgumentDeclaration("FILE", .file, summary: "the script to write, in place of one that save wrote"),
        ArgumentDeclaration(
          "replace", .choice(["replace"]), isOptional: true, summary: "in place of any file"),
      ], evidence: .unrecorded,
      examples: [("save work.ssd1b", "source work.ssd1b takes it up again")])
  ) { invocation, session in
    let path = session.place(for: try invocation.required("FILE"))
    let isSaved = (try? RegularFile(path).contents())?.starts(with: Data(savedMark.utf8)) ?? false
    if invocation.text("replace") == nil, FileStamp(path: path) != nil, !isSaved {
      throw Diagnostic(
        .file, at: path, "expected a name that no file has, or a script that save wrote, found another file",
        hint: "save \(Quoting.word(path)) replace writes over it")
    }
    var lines = session.settings.script() + session.captureScript
    let count = lines.count
    var told = [
      "\(path.escapingInvisibles): \(count == 0 ? "the start values" : "\(count) \(count == 1 ? "command" : "commands")")"
    ]
    var result: [String: JSONValue] = ["path": .string(path), "commands": .integer(count)]
    if let run = session.last, !session.lastIsWritten, run.step > 0 {
      let kept = path + ".run.safetensors"
      try run.write(to: kept, facts: session.facts(ofRun: run))
      lines.append(
        "# the run that was interrupted at \(run.step)/\(run.request.steps): resume \(Quoting.word(kept))")
      told.append(
        "\(kept.escapingInvisibles): the run interrupted at \(run.step)/\(run.request.steps); resume it with: resume \(Quoting.word(kept))"
      )
      result["run"] = .string(kept)
      result["step"] = .integer(run.step)
    }
    try AtomicFile.write(Data(([savedMark] + lines).map { $0 + "\n" }.joined().utf8), to: path)
    return CommandOutput(told.joined(separator: "\n"), result: .object(result))
  }

  /// The first line of what `save` writes, by which it knows it again.
  private static let savedMark = "# settings that ssd1b saved"

  static let history = Command<Session>(
    CommandDeclaration(
      "history", group: "Scripts", summary: "what was entered before",
      arguments: [
        ArgumentDeclaration(
          "N", .integer(1...100_000), isOptional: true, summary: "how many of the last lines")
      ], evidence: .unrecorded, examples: [("history 20", "the last twenty lines")])
  ) { invocation, session in
    let entries = session.entries()
    let shown = entries.suffix(try invocation.integer("N") ?? 50)
    return CommandOutput(shown.joined(separator: "\n"), result: .array(shown.map(JSONValue.string)))
  }

  static let echo = Command<Session>(
    CommandDeclaration(
      "echo", group: "Scripts", summary: "prints a text",
      arguments: [ArgumentDeclaration("TEXT", .text, isOptional: true, summary: "the text")],
      takesRawText: true,
      evidence: .none, examples: [("echo the next ones are at cfg 9", "says so in a script's output")])
  ) { invocation, _ in
    let text = invocation.rawText ?? ""
    return CommandOutput(text.isEmpty ? "\n" : text, result: .string(text))
  }

  static let time = Command<Session>(
    CommandDeclaration(
      "time", group: "Scripts", summary: "runs a command and says how long it took",
      arguments: [ArgumentDeclaration("COMMAND", .statement, summary: "the command")], takesRawText: true,
      evidence: .unrecorded, examples: [("time generate steps=1", "the command's own output, then its time")])
  ) { invocation, session in
    let start = ContinuousClock.now
    try session.runInner(invocation)
    let seconds = (ContinuousClock.now - start).seconds
    return CommandOutput("time \(MadePicture.decimal(seconds, 3)) s", result: ["seconds": .number(seconds)])
  }

  static let `repeat` = Command<Session>(
    CommandDeclaration(
      "repeat", group: "Scripts", summary: "runs a command several times",
      arguments: [
        ArgumentDeclaration("N", .integer(1...100_000), summary: "how often"),
        ArgumentDeclaration("COMMAND", .statement, summary: "the command"),
      ], takesRawText: true, evidence: .unrecorded,
      examples: [("repeat 3 generate seed=random steps=4", "three pictures of seeds that are drawn")])
  ) { invocation, session in
    let count = try invocation.integer("N") ?? 1
    for _ in 0..<count {
      try InterruptFlag.check()
      try session.runInner(invocation)
    }
    return CommandOutput("", result: ["times": .integer(count)])
  }
}

extension Session {
  /// Runs a script as `source` does. Throws `ScriptFailure` when some of it failed.
  func runScript(at path: String) throws -> CommandOutput {
    let outer = sources
    sources = try outer.entering(path)
    defer { sources = outer }
    let reader = try ScriptReader(file: path, grammar: table.grammar())
    let outcome = runner().run(reader, in: self)
    try outcome.throwIfFailed()
    return CommandOutput(
      "", result: ["commands": .integer(outcome.succeeded)], endsSession: outcome.endsSession)
  }

  /// Runs the command that `time` or `repeat` was given. Throws `ScriptFailure` when it failed.
  fileprivate func runInner(_ invocation: Invocation) throws {
    guard let statement = invocation.statement else { return }
    guard depth < Self.deepest else {
      throw Diagnostic(
        .usage, at: invocation.command, "more than \(Self.deepest) commands inside each other",
        hint: "put them on lines of their own")
    }
    depth += 1
    defer { depth -= 1 }
    let step = runner(allowsAbbreviation: isInteractive && sources.paths.isEmpty).run(statement, in: self)
    if case .failed(let failures, let endsSession) = step {
      var outcome = ScriptOutcome()
      (outcome.failures, outcome.endsSession) = (failures, endsSession)
      try outcome.throwIfFailed()
    }
  }

  private static let deepest = 16
}
