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
        ArgumentDeclaration(
          "FILE", .file, isOptional: true, words: ["stop"], summary: "the session file to write, or stop"),
        ArgumentDeclaration("replace", .choice(["replace"]), isOptional: true, summary: "writes over a file"),
      ], evidence: .unrecorded,
      examples: [
        ("record fox.session replace", "from here on, over a file that is there"),
        ("record stop", "up to here"),
      ])
  ) { invocation, session in
    guard let path = invocation.text("FILE") else {
      guard let recording = session.recording else {
        return CommandOutput("nothing is recorded", result: .null)
      }
      return CommandOutput(
        "\(recording.path.escapingInvisibles): \(recording.commands) commands so far",
        result: ["path": .string(recording.path), "commands": .integer(recording.commands)])
    }
    if path == "stop" {
      guard let recording = session.recording else {
        throw Diagnostic(
          .usage, at: "record", "expected a recording to stop, found none", hint: "record FILE begins one")
      }
      session.recording = nil
      return CommandOutput(
        "\(recording.path.escapingInvisibles): \(recording.commands) commands recorded",
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
    // What the settings say is among the commands; the conditions say what else there was.
    let choice = try session.compute(for: Settings())
    session.recording = try Recording(
      path: path, conditions: session.conditions(computing: choice),
      opening: session.settings.script() + session.captureScript,
      replacing: invocation.text("replace") != nil)
    return CommandOutput("recording to \(path.escapingInvisibles)", result: ["path": .string(path)])
  }

  static let replay = Command<Session>(
    CommandDeclaration(
      "replay", group: "Evidence", summary: "runs a recorded session again",
      discussion: """
        From the start values, which it takes the settings back to, and in the precision it was recorded in where that can be \
        had; its files are written again. \
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
    // Its place in a recording is taken by its own commands, from the start values on as here.
    session.record(
      statements: ["reset", "capture clear"]
        + ["backend", "precision"].compactMap { name in file.conditions[name].map { "\(name) \($0)" } })
    defer {
      session.record(
        statements: [Setting.backend, .precision].map { setting in
          session.settings.script().first { $0.hasPrefix("\(setting.rawValue) ") }
            ?? "unset \(setting.rawValue)"
        })
    }
    session.settings = Settings()
    (session.captureRules, session.capturesAttention) = ([], false)
    let outer = session.recordedCompute
    defer { session.recordedCompute = outer }
    session.recordedCompute = Session.computing(file.conditions["backend"], file.conditions["precision"])
    session.say("from the start values, as it was recorded")
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

        `verify update FILE` runs it and writes today's evidence and times into it; all other lines stay. On another model it \
        wants `force` too.
        """,
      arguments: [
        ArgumentDeclaration(
          "FILE", .file, isRepeated: true, words: ["update", "force"],
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
    let forced = Session.computing(invocation.text("backend"), invocation.text("precision")) ?? (nil, nil)
    var outputs: [CommandOutput] = []
    var errors: [Diagnostic] = []
    for path in words {
      do {
        if isUpdate {
          outputs.append(try update(path, session, isForced, forced))
          continue
        }
        let (verification, error) = try verify(path, session, isForced, forced)
        outputs.append(verification.output(maximumWidth: session.width))
        errors += [error ?? verification.difference].compactMap { $0 }
      } catch {
        errors.append(Session.placed(error))
      }
      // The others are compared too, but not after a stop by the user.
      if errors.last?.kind == .interrupted { break }
    }
    let output =
      outputs.count == 1 && words.count == 1
      ? outputs[0]
      : CommandOutput(
        outputs.map(\.text).joined(separator: "\n"), result: .array(outputs.map(\.result)),
        tables: outputs.flatMap(\.tables))
    guard let first = errors.first else { return output }
    let error = errors.reduce(first) { $1.kind.gravity > $0.kind.gravity ? $1 : $0 }
    if outputs.isEmpty { throw error }
    throw CommandFailure(error, output: output)
  }

  private static func verify(
    _ path: String, _ session: Session, _ isForced: Bool, _ forced: Session.Computing
  ) throws -> Session.Verified {
    if isPNG(path) { return try session.verify(picture: path, isForced: isForced, forcing: forced) }
    let file = try SessionFile(file: path, grammar: session.table.grammar())
    return try session.verify(session: file, isForced: isForced, forcing: forced)
  }

  private static func update(
    _ path: String, _ session: Session, _ isForced: Bool, _ forced: Session.Computing
  ) throws
    -> CommandOutput
  {
    guard !isPNG(path) else {
      throw Diagnostic(
        .usage, at: path, "expected a session file to update, found a picture",
        hint: "generate out= makes it anew")
    }
    let file = try SessionFile(file: path, grammar: session.table.grammar())
    // Another model's evidence is not written over by accident.
    _ = try session.noteOnModel(of: file, isForced: isForced)
    let text = try session.updated(session: file, forcing: forced)
    try AtomicFile.write(Data(text.utf8), to: path)
    return CommandOutput(
      "\(path.escapingInvisibles): evidence of \(file.entries.count) commands updated",
      result: ["file": .string(path)])
  }

  private static func isPNG(_ path: String) -> Bool {
    guard let file = try? RegularFile(path) else { return path.lowercased().hasSuffix(".png") }
    var bytes = [UInt8](repeating: 0, count: 8)
    return pread(file.descriptor, &bytes, 8, 0) == 8
      && bytes == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  }
}
