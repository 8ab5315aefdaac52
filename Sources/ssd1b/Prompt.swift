import Base
import Foundation
import Models
import Shell
import Terminal

/// The shell on a terminal: a prompt that outlives every error.
struct Prompt {
  let session: Session
  /// Whether the user's start file is run first.
  let runsStartFile: Bool

  func run() throws -> Int32 {
    let code = try readCommands() ?? 0
    session.sayWhatIsKept()
    return code
  }

  private func readCommands() throws -> Int32? {
    let table = session.table
    let editor = try LineEditor(name: "ssd1b", historyPath: Self.historyPath) { line, cursor in
      let found = table.complete(line: line, cursor: cursor, values: completions)
      return LineEditor.Completion(
        candidates: found.candidates.map(\.text), replaceFrom: found.replaceFrom,
        suffix: found.candidates.first?.suffix ?? " ")
    }
    if let warning = editor.warning { SSD1B.report("warning: \(warning.escapingInvisibles)") }
    session.entries = { editor.entries }
    session.typeAhead = { editor.typeAhead($0) }
    session.awaitAnswers = { editor.awaitAnswers(begun: $0) }
    let name = session.pipeline?.files.name ?? session.subject.name
    session.say("ssd1b \(SSD1B.version), model \(name). help lists the commands, quit leaves.")
    for note in session.openingNotes { session.say("note: \(note)") }
    session.hasToldSubstitution = true
    if runsStartFile, let code = runStartFile() { return code }

    let sign = TextStyle.cyan.applied(to: "ssd1b>", isEnabled: session.colors(on: 1)) + " "
    var assembler = StatementAssembler(source: "-", grammar: table.grammar(allowAbbreviation: true))
    // A second Ctrl-C at once after the one that stopped a run drops what was kept of it.
    var stopped: ContinuousClock.Instant?
    while true {
      switch editor.readLine(prompt: assembler.isIncomplete ? "... " : sign) {
      case .endOfInput:
        session.say("")
        return InterruptFlag.isTerminated ? InterruptFlag.exitCode : 0
      case .interrupted:
        assembler.reset()
        if let stopped, ContinuousClock.now - stopped < .seconds(2) { session.dropInterruptedRun() }
        stopped = nil
      case .text(let input):
        stopped = nil
        // A pasted block is one input of several lines.
        let lines = input.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.count > 1 { editor.remember(input) }
        for line in lines {
          do {
            guard case .complete(let statement) = try assembler.append(line) else { continue }
            if lines.count == 1 { editor.remember(statement.text) }
            let outcome = run(statement)
            if let code = outcome.exitCode { return code }
            if outcome.wasInterrupted {
              if InterruptFlag.count > 1 { session.dropInterruptedRun() } else { stopped = .now }
              InterruptFlag.clear()
              assembler.reset()
              break
            }
          } catch {
            if lines.count == 1 { editor.remember(line) }
            SSD1B.report(ErrorText.render(error.diagnostic), inColor: session.colors(on: 2))
          }
        }
        if InterruptFlag.isTerminated { return InterruptFlag.exitCode }
        InterruptFlag.clear()
      }
    }
  }

  /// Runs one command; `exitCode` is what to leave with.
  private func run(_ statement: Statement) -> (exitCode: Int32?, wasInterrupted: Bool) {
    InterruptFlag.clear()
    session.beforeInterruption = nil
    switch session.runner(keepsGoing: true, allowsAbbreviation: true).run(statement, in: session) {
    case .succeeded(let output): return (output.endsSession ? 0 : nil, false)
    case .failed(_, endsSession: true): return (1, false)
    case .failed(let errors, _):
      if InterruptFlag.isTerminated { return (InterruptFlag.exitCode, true) }
      return (nil, errors.contains { $0.diagnostic.kind == .interrupted })
    }
  }

  /// Runs the commands of the user's start file, if there is one; returns the exit code when they end the session.
  private func runStartFile() -> Int32? {
    guard let path = Self.startPath, FileManager.default.fileExists(atPath: path) else { return nil }
    do {
      return try session.runScript(at: path).endsSession ? 0 : nil
    } catch let failure as ScriptFailure {
      return failure.outcome.endsSession ? 1 : nil
    } catch {
      SSD1B.report("error: \("\(error)".escapingInvisibles)", inColor: session.colors(on: 2))
      return nil
    }
  }

  private func completions(_ kind: ValueKind, _ beginning: String) -> [String] {
    switch kind {
    case .file: FileCompletion.paths(beginning: beginning, foldersOnly: false)
    case .folder: FileCompletion.paths(beginning: beginning, foldersOnly: true)
    case .named("command"): session.table.commands.map(\.declaration.name)
    case .named("path"):
      session.layerPaths(beginning: beginning) + Architecture.names
        + (beginning.contains("/") || beginning.hasPrefix("~")
          ? FileCompletion.paths(beginning: beginning, foldersOnly: false) : [])
    case .named("layer"): session.layerPaths(beginning: beginning)
    case .named("model"): Architecture.names + FileCompletion.paths(beginning: beginning, foldersOnly: false)
    case .named("tensor"): session.tensorNames
    case .named("settings"): Self.list(beginning, of: Setting.allCases.map(\.rawValue))
    case .named(let name): Self.list(beginning, of: Setting(rawValue: name)?.choices ?? [])
    default: []
    }
  }

  /// Values that may go on a list parted by commas.
  private static func list(_ beginning: String, of values: [String]) -> [String] {
    let done = beginning.lastIndex(of: ",").map { String(beginning[...$0]) } ?? ""
    return values.map { done + $0 }
  }

  /// `$XDG_STATE_HOME/ssd1b/history`, by default under `~/.local/state`.
  private static var historyPath: String? { Session.userPath("XDG_STATE_HOME", ".local/state", "history") }

  /// `$XDG_CONFIG_HOME/ssd1b/rc`, by default under `~/.config`.
  private static var startPath: String? { Session.userPath("XDG_CONFIG_HOME", ".config", "rc") }
}

extension Session {
  /// A file of this program in a folder of the XDG base directory specification.
  static func userPath(_ variable: String, _ standard: String, _ name: String) -> String? {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment[variable], folder.hasPrefix("/") { return "\(folder)/ssd1b/\(name)" }
    return environment["HOME"].map { "\($0)/\(standard)/ssd1b/\(name)" }
  }
}
