import Base
import Shell

/// A session that writes down which commands ran.
final class SampleSession {
  var ran: [String] = []
  /// Called by `fail`, to throw any error.
  var onFail: () throws -> Void = {}
  /// Called by `source` with its file's name.
  var onSource: (String) throws -> CommandOutput = { _ in CommandOutput() }
}

/// A table with a command of each form, named as the shell's own are.
enum SampleTable {
  static let names = [
    "prompt", "negative", "cfg", "steps", "seed", "set", "save", "generate", "resume", "view", "latents",
    "dump",
    "capture", "layers", "tokens", "repeat", "time", "source", "help", "fail", "quit",
  ]

  static let table = CommandTable<SampleSession>(
    [
      command(
        CommandDeclaration(
          "prompt", aliases: ["p"], group: "Settings",
          summary: "Shows or sets the text that the image is to show",
          discussion:
            "The rest of the line is taken as it stands.\n\nA quote at its start is another matter.",
          arguments: [ArgumentDeclaration("text", isOptional: true, summary: "what to draw")],
          takesRawText: true,
          examples: [
            ("prompt a fox on a blue background", "Sets the prompt"),
            (
              "prompt an etching of a very old lighthouse in a storm, with many ships around, in detail",
              "Sets a long one"
            ),
          ])),
      command(
        CommandDeclaration(
          "negative", aliases: ["n"], group: "Settings",
          summary: "Shows or sets what the image is not to show",
          arguments: [ArgumentDeclaration("text", isOptional: true, summary: "what to avoid")],
          takesRawText: true)),
      command(
        CommandDeclaration(
          "cfg", group: "Settings", summary: "Shows or sets the guidance scale",
          arguments: [ArgumentDeclaration("scale", .number(0...30), isOptional: true, summary: "size")])),
      command(
        CommandDeclaration(
          "steps", group: "Settings", summary: "Shows or sets the number of steps",
          arguments: [ArgumentDeclaration("count", .integer(1...1000), isOptional: true, summary: "how many")]
        )),
      command(
        CommandDeclaration(
          "seed", group: "Settings", summary: "Shows or sets the seed",
          arguments: [ArgumentDeclaration("seed", isOptional: true, summary: "a number, random or +1")])),
      command(
        CommandDeclaration(
          "set", group: "Settings", summary: "Shows all settings or sets one",
          arguments: [
            ArgumentDeclaration("name", .named("setting"), isOptional: true, summary: "which"),
            ArgumentDeclaration("value", isOptional: true, summary: "its value"),
          ], takesRawText: true)),
      command(
        CommandDeclaration(
          "save", group: "Settings", summary: "Writes the settings as a script",
          arguments: [ArgumentDeclaration("file", .file, summary: "where to")])),
      command(
        CommandDeclaration(
          "generate", aliases: ["g"], group: "Images", summary: "Makes images of the present settings",
          options: [
            OptionDeclaration("n", .integer(1...64), summary: "how many images"),
            OptionDeclaration("out", .file, summary: "the file to write"),
          ], takesSettings: true, examples: [("generate steps=8 seed=42", "Makes one image")])),
      command(CommandDeclaration("resume", group: "Images", summary: "Goes on from an interrupted step")),
      command(
        CommandDeclaration(
          "view", aliases: ["v"], group: "Images", summary: "Shows pictures",
          arguments: [
            ArgumentDeclaration(
              "picture", .file, isOptional: true, isRepeated: true, summary: "files, or last")
          ],
          options: [OptionDeclaration("step", .integer, summary: "a step of the last run")])),
      command(
        CommandDeclaration("latents", group: "Inspection", summary: "Lists the latents of the last run")),
      command(
        CommandDeclaration(
          "dump", group: "Inspection", summary: "Writes tensors of the last run to a folder",
          arguments: [
            ArgumentDeclaration(
              "what", .choice(["latents", "noise", "denoised", "captures"]), summary: "which tensors"),
            ArgumentDeclaration("folder", .folder, summary: "where to"),
          ],
          options: [
            OptionDeclaration("steps", summary: "which steps"),
            OptionDeclaration(
              "format", .choice(["safetensors", "npy", "comfy", "png"]), summary: "of the files"),
          ])),
      command(
        CommandDeclaration(
          "capture", group: "Inspection", summary: "Chooses the activations to keep",
          arguments: [
            ArgumentDeclaration("pattern", .named("path"), summary: "a glob"),
            ArgumentDeclaration(
              "amount", .choice(["stats", "full"]), isOptional: true, summary: "what to keep"),
          ],
          options: [OptionDeclaration("scale", .number(0.5...2), summary: "a factor")])),
      command(
        CommandDeclaration(
          "layers", aliases: ["l"], group: "Inspection", summary: "Shows the tree of layers",
          options: [
            OptionDeclaration("depth", .integer(0...Int.max), summary: "how deep"),
            OptionDeclaration("top", .integer, summary: "how many rows"),
          ])),
      command(
        CommandDeclaration(
          "tokens", group: "Inspection", summary: "Shows a text's tokens",
          arguments: [ArgumentDeclaration("words", isRepeated: true, summary: "the text")])),
      command(
        CommandDeclaration(
          "repeat", group: "Shell", summary: "Runs a command several times",
          arguments: [
            ArgumentDeclaration("count", .integer(1...1000), summary: "how often"),
            ArgumentDeclaration("command", .statement, summary: "the command"),
          ], takesRawText: true)),
      command(
        CommandDeclaration(
          "time", group: "Shell", summary: "Measures a command",
          arguments: [ArgumentDeclaration("command", .statement, summary: "the command")], takesRawText: true)
      ),
      Command(
        CommandDeclaration(
          "source", group: "Shell", summary: "Runs a script",
          arguments: [ArgumentDeclaration("file", .file, summary: "the script")])
      ) { try $1.onSource($0.required("file")) },
      command(
        CommandDeclaration(
          "help", group: "Shell", summary: "Explains commands",
          arguments: [ArgumentDeclaration("command", .named("command"), isOptional: true, summary: "one")])),
      Command(CommandDeclaration("fail", group: "Shell", summary: "Fails as the session wants it to")) {
        try $1.onFail()
        return CommandOutput()
      },
      Command(CommandDeclaration("quit", aliases: ["q"], group: "Shell", summary: "Ends the session")) {
        _, _ in
        CommandOutput(endsSession: true)
      },
    ],
    settings: [
      OptionDeclaration("steps", .integer(1...1000), summary: "the number of steps"),
      OptionDeclaration("seed", summary: "where the noise starts"),
      OptionDeclaration("scheduler", .choice(["euler", "ddim", "dpmpp"]), summary: "the sampler"),
    ])

  private static func command(_ declaration: CommandDeclaration) -> Command<SampleSession> {
    Command(declaration) { invocation, session in
      let text = ([invocation.command] + invocation.arguments + [invocation.rawText].compactMap { $0 })
        .joined(separator: " ")
      session.ran.append(text)
      return CommandOutput(text, result: .string(text))
    }
  }

  static func parse(_ line: String, allowAbbreviation: Bool = false) throws(LocatedDiagnostic) -> Invocation {
    try table.parse(
      Statement(line, at: Location(source: "s", line: 1)), allowAbbreviation: allowAbbreviation
    ).invocation
  }
}
