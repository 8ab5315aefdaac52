import Base
import Foundation
import Imaging
import Kernels
import Shell

/// Sessions that are their own evidence: written, run again, compared.
enum EvidenceCommands {
  static let record = Command<Session>(
    CommandDeclaration(
      "record", group: "Evidence", summary: "writes what follows to a session file, with its evidence",
      discussion: """
        The file is a script with full names and the seeds that were drawn. Lines `#:` say on which model and in which \
        precision it ran, `#=` what came out: hashes, means, spreads and some values of every step's latents, and of pixels \
        and results. It is written anew after each command, so that a crash loses nothing. Settings that are set when it \
        begins are its first commands.

        `record stop` ends it; `record` alone says whether something is recorded.
        """,
      arguments: [
        ArgumentDeclaration("FILE", .file, isOptional: true, summary: "the session file to write, or stop")
      ], evidence: .unrecorded,
      examples: [("record fox.session", "from here on"), ("record stop", "up to here")])
  ) { invocation, session in
    guard let path = invocation.text("FILE") else {
      guard let recording = session.recording else {
        return CommandOutput("nothing is recorded", result: .null)
      }
      return CommandOutput(
        "\(recording.path): \(recording.commands) commands so far",
        result: ["path": .string(recording.path), "commands": .integer(recording.commands)])
    }
    if path == "stop" {
      guard let recording = session.recording else {
        throw Diagnostic(
          .usage, at: "record", "expected a recording to stop, found none", hint: "record FILE begins one")
      }
      session.recording = nil
      return CommandOutput(
        "\(recording.path): \(recording.commands) commands recorded",
        result: ["path": .string(recording.path), "commands": .integer(recording.commands)])
    }
    if let recording = session.recording {
      throw Diagnostic(
        .usage, at: "record", "expected no recording, found one to \(recording.path)",
        hint: "record stop ends it")
    }
    guard session.rehearsal == nil else {
      throw Diagnostic(
        .usage, at: "record", "a session that is verified records nothing", hint: "remove the line")
    }
    let choice = try session.compute(for: session.settings)
    session.recording = try Recording(
      path: path, conditions: session.conditions(computing: choice),
      opening: session.settings.script(leavingOut: [.backend, .precision])
        + session.captureRules.map(\.statement)
        + (session.capturesAttention ? ["capture attention"] : []))
    return CommandOutput("recording to \(path)", result: ["path": .string(path)])
  }

  static let replay = Command<Session>(
    CommandDeclaration(
      "replay", group: "Evidence", summary: "runs a recorded session again",
      discussion: """
        From the start values, in the precision it was recorded in where that can be had; its files are written again. \
        The model must be the one it was recorded on, unless --force was given.
        """,
      arguments: [
        ArgumentDeclaration("FILE", .file, summary: "the session file"),
        ArgumentDeclaration(
          "force", .choice(["force"]), isOptional: true, summary: "on this model, whatever it is"),
      ], evidence: .unrecorded, examples: [("replay fox.session", "the same pictures again")])
  ) { invocation, session in
    let path = try invocation.required("FILE")
    let file = try SessionFile(file: path, grammar: session.table.grammar())
    let isForced = session.forcesReplays || invocation.text("force") != nil
    if let note = try session.noteOnModel(of: file, isForced: isForced) { session.say(note) }
    session.settings = Settings()
    (session.captureRules, session.capturesAttention) = ([], false)
    let library =
      session.library == nil
      ? file.conditions["backend"].flatMap { BackendChoice.Library(rawValue: $0) } : nil
    let precision =
      session.precision == nil ? file.conditions["precision"].flatMap { Precision(rawValue: $0) } : nil
    if (try? BackendChoice(library: library, precision: precision)) != nil {
      (session.settings.backend, session.settings.precision) = (library, precision)
    }
    return try session.runScript(at: path)
  }

  static let verify = Command<Session>(
    CommandDeclaration(
      "verify", group: "Evidence", summary: "runs a session or a picture's settings again and compares",
      discussion: """
        Of each recorded value it says IDENTICAL, WITHIN the tolerance, DIFFERS or SKIPPED, and of each command the first step \
        that diverged; where pictures differ it draws them side by side with their difference. Values are compared, never \
        text or files. Nothing of yours is overwritten: what the session writes goes to a folder that is taken away.

        It runs from the start values, in the precision it was recorded in unless told otherwise. Exit code 3: something \
        differs; 5: recorded on another model, and neither `force` nor --force was given.

        `verify update FILE` runs it and writes today's evidence into it; all other lines stay.
        """,
      arguments: [
        ArgumentDeclaration(
          "FILE", .file, isRepeated: true,
          summary: "session files, or pictures made by generate; before them may stand update, or force")
      ],
      options: [
        OptionDeclaration(
          "precision", .choice(Precision.allCases.map(\.rawValue)), summary: "in place of the recorded one"),
        OptionDeclaration(
          "backend", .choice(BackendChoice.Library.allCases.map(\.rawValue)),
          summary: "in place of the recorded one"),
      ], givesTable: true, evidence: .unrecorded,
      examples: [
        ("verify fox.session", "whether it gives the same numbers"),
        ("verify fox.png", "whether a picture is what its settings give"),
        ("verify fox.session precision=f32", "how far another precision is from it"),
        ("verify update fox.session", "takes what it gives now for right"),
      ])
  ) { invocation, session in
    var words = invocation.texts("FILE")[...]
    var (isUpdate, isForced) = (false, session.forcesReplays)
    while let word = words.first, word == "update" || word == "force" {
      if word == "update" { isUpdate = true } else { isForced = true }
      words.removeFirst()
    }
    guard !words.isEmpty else {
      throw Diagnostic(
        .usage, at: "verify",
        "expected FILE, found nothing after \(invocation.texts("FILE").joined(separator: " "))",
        hint: "a file of that name is written ./update")
    }
    let forced = (
      invocation.text("backend").flatMap { BackendChoice.Library(rawValue: $0) },
      invocation.text("precision").flatMap { Precision(rawValue: $0) }
    )
    var outputs: [CommandOutput] = []
    for path in words {
      if Self.isPNG(path) {
        guard !isUpdate else {
          throw Diagnostic(
            .usage, at: path, "expected a session file to update, found a picture",
            hint: "generate out= makes it anew")
        }
        outputs.append(
          try session.verify(picture: path, isForced: isForced, with: forced).output(
            maximumWidth: session.width))
        continue
      }
      let file = try SessionFile(file: path, grammar: session.table.grammar())
      guard isUpdate else {
        outputs.append(
          try session.verify(session: file, isForced: isForced, with: forced).output(
            maximumWidth: session.width))
        continue
      }
      let text = try session.updated(session: file, isForced: isForced, with: forced)
      try AtomicFile.write(Data(text.utf8), to: path)
      outputs.append(
        CommandOutput(
          "\(path): evidence of \(file.entries.count) commands written anew", result: ["file": .string(path)])
      )
    }
    if outputs.count == 1 { return outputs[0] }
    return CommandOutput(
      outputs.map(\.text).joined(separator: "\n"), result: .array(outputs.map(\.result)),
      tables: outputs.flatMap(\.tables))
  }

  private static func isPNG(_ path: String) -> Bool {
    guard let handle = FileHandle(forReadingAtPath: path) else { return path.lowercased().hasSuffix(".png") }
    return (try? handle.read(upToCount: 8)) == Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
  }
}
