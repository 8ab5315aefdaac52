import Base
import Foundation
import Shell

enum HelpCommands {
  static let help = Command<Session>(
    CommandDeclaration(
      "help", group: "Shell", summary: "all commands, or one in full",
      discussion: "as=markdown writes the reference of all commands, as=man the manual page.",
      arguments: [
        ArgumentDeclaration("COMMAND", .named("command"), isOptional: true, summary: "the command")
      ],
      options: [OptionDeclaration("as", .choice(["markdown", "man"]), summary: "the whole, as a document")],
      evidence: .unrecorded,
      examples: [
        ("help generate", "its arguments and examples"), ("help as=markdown", "the whole reference"),
      ])
  ) { invocation, session in
    switch invocation.text("as") {
    case "markdown"?: return document(reference(session.table))
    case "man"?: return document(manPage(session.table))
    default: break
    }
    guard let name = invocation.text("COMMAND") else {
      return CommandOutput(
        session.table.help(), result: .array(session.table.commands.map { .string($0.declaration.name) }))
    }
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
      "quit", aliases: ["exit", "q"], group: "Shell", summary: "leaves", evidence: .unrecorded,
      examples: [("quit", "so does Ctrl-D")])
  ) { _, _ in CommandOutput("", endsSession: true) }

  private static func document(_ text: String) -> CommandOutput { CommandOutput(text, result: .string(text)) }

  private static func reference(_ table: CommandTable<Session>) -> String {
    table.reference(
      title: "Commands of ssd1b",
      introduction: """
        Written by `help as=markdown`; a test keeps it current.

        A line is a command. `#` begins a comment where it is a line's first character that is no blank. Words are parted by \
        blanks; `'literal'` and `"with escapes \\n \\t \\" \\\\ \\u{…}"` hold what has some; a trailing `\\` joins lines. Texts such \
        as a prompt are the rest of the line as it stands, unless it begins with a quote; `\"\"\"` opens one of several lines. \
        On a terminal any unique beginning of a command's name will do; scripts take full names and the short ones given here.
        """)
  }

  private static func manPage(_ table: CommandTable<Session>) -> String {
    table.manPage(
      name: "ssd1b", summary: "an interactive shell that keeps SSD-1B resident in memory on the CPU",
      synopsis: "ssd1b [--model PATH] [-c COMMAND]... [-f FILE]... [OPTION]...",
      description: """
        Explores prompts, shows what the model is made of, and records and replays sessions with proof. Commands come from the \
        terminal, from -f and -c, or from standard input; off a terminal results go to standard output and errors alone to \
        standard error.

        help lists the commands, help COMMAND explains one with examples.
        """,
      options: SSD1B.helpMessage(columns: 80).components(separatedBy: "OPTIONS:\n").last ?? "",
      files: [
        ("$XDG_CONFIG_HOME/ssd1b/rc", "commands that are run when the shell starts on a terminal"),
        ("$XDG_STATE_HOME/ssd1b/history", "what was entered, for all sessions"),
        ("~/.editrc", "key bindings of the line editor, as editrc(5) has them"),
      ],
      exitCodes: [
        ("0", "all went well"), ("1", "a command failed"), ("2", "wrong process arguments"),
        ("3", "verify found a difference"), ("4", "the model cannot be read"),
        ("5", "recorded on another model than the one that is loaded"),
        ("129, 130, 131, 143", "ended by SIGHUP, SIGINT, SIGQUIT, SIGTERM"),
        ("141", "standard output was closed"),
      ])
  }
}
