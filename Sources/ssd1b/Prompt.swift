import Base
import Foundation
import Models
import Shell
import Terminal

/// The shell on a terminal: a prompt that outlives every error.
struct Prompt {
  let session: Session

  func run() throws -> Int32 {
    let table = session.table
    let editor = try LineEditor(name: "ssd1b", historyPath: Self.historyPath) { line, cursor in
      let found = table.complete(line: line, cursor: cursor, values: completions)
      return LineEditor.Completion(
        candidates: found.candidates.map(\.text), replaceFrom: found.replaceFrom,
        suffix: found.candidates.first?.suffix ?? " ")
    }
    if let warning = editor.warning { SSD1B.report("warning: \(warning)") }
    session.entries = { editor.entries }
    session.typeAhead = { editor.typeAhead($0) }
    let runner = session.runner(keepsGoing: true, allowsAbbreviation: true)
    let opened =
      session.pipeline.map { "model \($0.files.name)" } ?? session.subject.notes.joined(separator: ", ")
    session.say("ssd1b \(SSD1B.version), \(opened). help lists the commands, quit leaves.")

    var assembler = StatementAssembler(source: "-", grammar: table.grammar(allowAbbreviation: true))
    while true {
      switch editor.readLine(prompt: assembler.isIncomplete ? "... " : "ssd1b> ") {
      case .endOfInput:
        session.say("")
        return InterruptFlag.isTerminated ? 143 : 0
      case .interrupted:
        assembler.reset()
      case .text(let line):
        do {
          guard case .complete(let statement) = try assembler.append(line) else { continue }
          editor.remember(statement.text)
          InterruptFlag.clear()
          switch runner.run(statement, in: session) {
          case .succeeded(let output) where output.endsSession: return 0
          case .failed(_, endsSession: true): return 1
          case .succeeded, .failed: break
          }
        } catch {
          editor.remember(line)
          SSD1B.report(ErrorText.render(error.diagnostic))
        }
        if InterruptFlag.isTerminated { return 143 }
        InterruptFlag.clear()
      }
    }
  }

  private func completions(_ kind: ValueKind, _ beginning: String) -> [String] {
    switch kind {
    case .file: FileCompletion.paths(beginning: beginning, foldersOnly: false)
    case .folder: FileCompletion.paths(beginning: beginning, foldersOnly: true)
    case .named("command"): session.table.commands.map(\.declaration.name)
    case .named("path"):
      session.layerPaths(beginning: beginning) + Architecture.names
        + (beginning.contains("/") ? FileCompletion.paths(beginning: beginning, foldersOnly: false) : [])
    case .named("model"): Architecture.names + FileCompletion.paths(beginning: beginning, foldersOnly: false)
    case .named("tensor"): session.tensorNames
    case .named(let name): Setting(rawValue: name)?.choices ?? []
    default: []
    }
  }

  /// `$XDG_STATE_HOME/ssd1b/history`, by default under `~/.local/state`.
  private static var historyPath: String? {
    let environment = ProcessInfo.processInfo.environment
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/ssd1b/history" }
    return environment["HOME"].map { $0 + "/.local/state/ssd1b/history" }
  }
}
