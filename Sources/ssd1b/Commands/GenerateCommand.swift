import Base
import Diffusion
import Foundation
import Shell

/// Makes pictures from the present settings, and goes on with one that was interrupted.
enum GenerateCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "generate", aliases: ["g"], group: "Pictures", summary: "makes a picture from the settings",
      discussion: """
        Any setting can be given for this one run. With n=K, K pictures of consecutive seeds are made. \
        Without out=, pictures are named by number and seed, and none is overwritten.

        What has not changed is not computed again: texts that were encoded before, and the whole run where nothing changed \
        since the last one.

        Ctrl-C stops at the next layer and keeps what is there for `resume`; a second one at once drops it.
        """,
      options: [
        OptionDeclaration("n", .integer(1...10_000), summary: "how many pictures, of consecutive seeds"),
        OptionDeclaration(
          "out", .file, summary: "the PNG to write, in place of one that is there; with n=, a number is added"
        ),
        OptionDeclaration(
          "without", .choice(["negative"]), summary: "leaves the negative prompt out, this once"),
      ], takesSettings: true, textCommand: "prompt", evidence: .own,
      examples: [
        ("generate", "with the settings as they are"),
        ("generate seed=8 steps=4", "other values for this run alone"),
        ("generate n=4", "four seeds"), ("generate out=fox.png", "names the file"),
      ])
  ) { invocation, session in
    var settings = try session.settings(for: invocation)
    if invocation.text("without") != nil {
      guard invocation.text("negative") == nil else {
        throw Diagnostic(
          .usage, at: "generate", "expected negative= or without=negative, found both",
          hint: "keep one of them")
      }
      settings.negative = nil
    }
    let request = settings.request(start: session.start)
    let count = try invocation.integer("n") ?? 1
    let out = invocation.text("out").map(session.place(for:))
    try OutputPath.checkPicture(out ?? session.place(for: "ssd1b.png"))
    try session.useBackend(for: settings)
    var results: [JSONValue] = []
    var output = CommandOutput()
    for index in 0..<count {
      var one = request
      one.seed &+= UInt64(index)
      let made = try session.make(one, to: out.map { count == 1 ? $0 : OutputPath.numbered($0, index + 1) }) {
        session.freePlace("-seed\(one.seed).png")
      }
      session.say(made.line)
      try session.show(made.image)
      results.append(made.json)
      output.information += made.information
      if session.keepsEvidence {
        output.evidence += made.evidence(prefix: count == 1 ? "" : "image[\(index + 1)].")
      }
    }
    output.result = .object(["images": .array(results)])
    session.noteSubstitution(for: settings)
    if request.prompt.isEmpty {
      output.notes = ["the prompt is empty, so the picture follows no text; prompt TEXT sets one"]
    }
    // The seed that was drawn or counted, not the word that asked for it; and the name that was found free.
    var replaced = ["seed": "\(request.seed)"]
    if count == 1, out == nil, let path = session.lastPath { replaced["out"] = path }
    output.statement = invocation.statementText(replacing: replaced)
    return output
  }

  static let resume = Command<Session>(
    CommandDeclaration(
      "resume", group: "Pictures", summary: "goes on with an interrupted run",
      discussion: """
        The result has the same bits as without the interruption, whatever settings were changed meanwhile. FILE is a run \
        that `save` wrote. Without it, this session's interrupted run is meant; where it has none, the newest that another \
        session left behind.

        A run is written to $XDG_STATE_HOME/ssd1b/runs when it is interrupted, so that nothing that ends the session loses it, \
        and removed from there once it is finished. Of runs that were dropped or left behind, the newest eight are kept.
        """,
      arguments: [
        ArgumentDeclaration(
          "FILE", .file, isOptional: true, summary: "a kept run; this session's unless given")
      ],
      options: [
        OptionDeclaration("out", .file, summary: "the PNG to write; the one that was meant unless given")
      ],
      evidence: .own,
      examples: [
        ("resume", "after Ctrl-C in a run"),
        ("resume work.ssd1b.run.safetensors", "of a session that was left"),
      ])
  ) { invocation, session in
    let out = invocation.text("out").map(session.place(for:))
    let made: MadePicture
    if let file = try invocation.text("FILE") ?? keptFile(session) {
      guard let isTaken = Optional(session.keptRuns.take(file)), isTaken != false else {
        throw Diagnostic(
          .usage, at: file, "the run belongs to a session that is still open",
          hint: "resume it there, or end that session")
      }
      // A file elsewhere, which `save` wrote, is the user's.
      let left = isTaken == true ? file : nil
      // Taken off the store, it goes back there unless it is finished or interrupted again.
      defer { if let left, session.lastRunState.keptPath != left { session.keptRuns.giveBack(left) } }
      let kept = try Generation.Kept(path: file)
      try session.useBackend(ofRun: kept.facts, from: file)
      let meant = kept.facts["path"].map(session.place(for:))
      let path = out ?? meant ?? session.freePlace("-seed\(kept.request.seed).png")
      try OutputPath.checkPicture(path)
      made = try session.run(kept.request, to: path, keptAt: left) {
        try Generation(kept, on: $0, observers: $1)
      }
    } else {
      let run = try session.lastRun()
      guard !session.lastIsWritten else {
        throw Diagnostic(
          .usage, at: "resume", "expected an interrupted run, found one that is finished",
          hint: "generate begins a new one")
      }
      let path =
        out ?? session.lastPath ?? session.freePlace("-seed\(run.request.seed).png")
      try OutputPath.checkPicture(path)
      try session.useBackendOfLastRun()
      made = try session.run(run.request, to: path, goesOn: true) { _, _ in run }
    }
    session.say(made.line)
    try session.show(made.image)
    var output = CommandOutput("", result: .object(["images": .array([made.json])]))
    output.information = made.information
    if session.keepsEvidence { output.evidence = made.evidence() }
    output.statement = statement(of: made.run.request, to: made.path, session)
    return output
  }

  /// The run that an earlier session left behind, where this one has none.
  private static func keptFile(_ session: Session) throws -> String? {
    guard session.last == nil || session.lastIsWritten, session.isInteractive else { return nil }
    return session.keptRuns.takeNewestLeft(ofModel: try session.modelIdentity().description)
  }

  /// The command that makes a request's picture whatever the settings are.
  private static func statement(of request: GenerationRequest, to path: String, _ session: Session) -> String
  {
    var options = [
      ("prompt", request.prompt), ("cfg", SettingCommands.text(.number(request.guidanceScale))),
      ("steps", "\(request.steps)"), ("seed", "\(request.seed)"),
      ("size", "\(request.width)x\(request.height)"),
      ("scheduler", (request.scheduler ?? session.start.scheduler).rawValue),
    ]
    options.append(request.negative.map { ("negative", $0) } ?? ("without", "negative"))
    if let compute = session.lastCompute {
      options += [("backend", compute.library.rawValue), ("precision", compute.precision.rawValue)]
    }
    options.append(("out", path))
    return "generate " + options.map { Quoting.option($0, $1) }.joined(separator: " ")
  }
}
