import Base
import Shell

/// Scripts from within the shell, and what was entered before.
enum ScriptCommands {
  static let source = Command<Session>(
    CommandDeclaration(
      "source", group: "Scripts", summary: "runs the commands of a file",
      arguments: [ArgumentDeclaration("FILE", .file, summary: "the script")],
      examples: [("source session.ssd1b", "as if its lines were entered here")])
  ) { invocation, session in
    let path = try invocation.required("FILE")
    let outer = session.sources
    session.sources = try outer.entering(path)
    defer { session.sources = outer }
    let reader = try ScriptReader(file: path, grammar: session.table.grammar())
    let outcome = session.runner().run(reader, in: session)
    try outcome.throwIfFailed()
    return CommandOutput(
      "", result: ["commands": .integer(outcome.succeeded)], endsSession: outcome.endsSession)
  }

  static let history = Command<Session>(
    CommandDeclaration(
      "history", group: "Scripts", summary: "what was entered before",
      arguments: [
        ArgumentDeclaration(
          "N", .integer(1...100_000), isOptional: true, summary: "how many of the last lines")
      ],
      examples: [("history 20", "the last twenty lines")])
  ) { invocation, session in
    let entries = session.entries()
    let shown = entries.suffix(try invocation.integer("N") ?? 50)
    return CommandOutput(shown.joined(separator: "\n"), result: .array(shown.map(JSONValue.string)))
  }
}
