import Base
import Shell

enum HelpCommands {
  static let help = Command<Session>(
    CommandDeclaration(
      "help", group: "Shell", summary: "all commands, or one in full",
      arguments: [
        ArgumentDeclaration("COMMAND", .named("command"), isOptional: true, summary: "the command")
      ],
      evidence: .unrecorded, examples: [("help generate", "its arguments and examples")])
  ) { invocation, session in
    guard let name = invocation.text("COMMAND") else { return CommandOutput(session.table.help()) }
    let text = try session.table.help(name, allowAbbreviation: session.isInteractive)
    return CommandOutput(
      text, result: try session.table.lookup(name, allowAbbreviation: session.isInteractive).declaration.json)
  }

  static let apropos = Command<Session>(
    CommandDeclaration(
      "apropos", group: "Shell", summary: "commands that have to do with a word",
      arguments: [ArgumentDeclaration("WORD", .text, summary: "what to look for")],
      evidence: .unrecorded, examples: [("apropos seed", "where seeds are spoken of")])
  ) { invocation, session in
    let word = try invocation.required("WORD")
    return CommandOutput(
      session.table.aproposText(word), result: .array(session.table.apropos(word).map { .string($0.name) }))
  }

  static let quit = Command<Session>(
    CommandDeclaration(
      "quit", aliases: ["q"], group: "Shell", summary: "leaves", evidence: .unrecorded,
      examples: [("quit", "so does Ctrl-D")])
  ) { _, _ in CommandOutput("", endsSession: true) }
}
