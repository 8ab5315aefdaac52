import Base
import Foundation
import Shell
import Terminal

/// Commands from process arguments, files or standard input: results on stdout, errors alone on stderr.
struct Batch {
  let session: Session

  /// Runs them all and returns the exit code.
  func run(commands: [String], files: [String]) -> Int32 {
    let grammar = session.table.grammar()
    let runner = session.runner()
    var outcome = ScriptOutcome()
    func isDone() -> Bool { outcome.endsSession || (!outcome.failures.isEmpty && !session.keepsGoing) }
    for file in files where !isDone() {
      do {
        session.sources = try SourceChain().entering(file)
        let reader =
          file == "-"
          ? ScriptReader(source: "-", grammar: grammar, descriptor: 0)
          : try ScriptReader(file: file, grammar: grammar)
        outcome.append(runner.run(reader, in: session))
        session.sources = SourceChain()
      } catch {
        SSD1B.report(ErrorText.render(error), inColor: session.colors(on: 2))
        return SSD1B.exitCode(for: error)
      }
    }
    if !commands.isEmpty, !isDone() {
      let text = commands.joined(separator: "\n")
      outcome.append(
        runner.run(ScriptReader(source: "-c", grammar: grammar, data: Data(text.utf8)), in: session))
    }
    if commands.isEmpty, files.isEmpty {
      outcome.append(runner.run(ScriptReader(source: "-", grammar: grammar, descriptor: 0), in: session))
    }
    if let code = InterruptFlag.exitCode { return code }
    return outcome.worst.map { SSD1B.exitCode(for: $0.diagnostic) } ?? (session.hasLostRecording ? 1 : 0)
  }
}
