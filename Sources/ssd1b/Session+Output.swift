import Base
import Foundation
import Shell
import Terminal

/// What a session prints: results on standard output, errors on standard error.
extension Session {
  /// Prints a line of a result at once, before the command is done; a record has it later.
  func say(_ line: String) {
    if !isJSON { write(line.escapingInvisibles + "\n") }
  }

  /// Keeps a note for the result of the command that is running: it is printed under it, or listed in its record.
  func note(_ text: String) { notes.append(text) }

  /// Takes the notes of the command that has just ended.
  private func takeNotes(of output: CommandOutput?) -> [String] {
    defer { notes = [] }
    return (output?.notes ?? []) + notes
  }

  /// Prints an event at once.
  func emit(_ event: JSONValue) { write(event.text()) }

  /// Prints what a command gave.
  func deliver(_ output: CommandOutput, of command: String) {
    commandCount += 1
    let notes = takeNotes(of: output)
    if isJSON {
      write(Record.success(seq: commandCount, command: command, result: output.result, notes: notes).text())
      return
    }
    write(output.form == .text ? Self.safe(output.text) : output.rendered)
    writeRaw(output.terminalText)
    // A table for another program stays one.
    if output.form == .text { write(notes) }
  }

  private func write(_ notes: [String]) { for note in notes { say("note: \(note)") } }

  /// A text of lines without control characters, wherever its names came from.
  private static func safe(_ text: String) -> String {
    // Plain ASCII in lines, as most text is, has none.
    if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) || $0 == UInt8(ascii: "\n") }) { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).escapingInvisibles }
      .joined(separator: "\n")
  }

  /// Prints that a command failed.
  func report(_ failure: ScriptRunner<Session>.Failure) {
    commandCount += 1
    let notes = takeNotes(of: failure.output)
    if isJSON {
      write(
        Record.failure(
          seq: commandCount, command: failure.command, diagnostic: failure.error.diagnostic,
          location: failure.error.location, result: failure.output?.result, notes: notes
        ).text())
    } else {
      if let output = failure.output {
        write(output.form == .text ? Self.safe(output.text) : output.rendered)
      }
      write(notes)
    }
    guard !failure.isReported else { return }
    // At the prompt a line's number says nothing.
    let isTyped = isInteractive && failure.error.location.source == "-"
    SSD1B.report(
      isTyped ? ErrorText.render(failure.error.diagnostic) : ErrorText.render(failure.error),
      inColor: colors(on: 2))
  }

  /// Whether to colour what goes to a descriptor.
  func colors(on descriptor: Int32) -> Bool {
    color.isEnabled(
      environment: ProcessInfo.processInfo.environment, isTerminal: TerminalInfo.isTerminal(descriptor))
  }

  /// What runs this session's statements.
  func runner(keepsGoing: Bool? = nil, allowsAbbreviation: Bool = false) -> ScriptRunner<Session> {
    ScriptRunner(
      table, keepsGoing: keepsGoing ?? self.keepsGoing, allowsAbbreviation: allowsAbbreviation,
      shouldStop: { [pool] in pool.isCancelled },
      // The pages that were lost read as zeros.
      check: { if let loss = MappedBytes.takeLoss() { throw loss } },
      output: { [self] _, invocation, output in
        record(output, of: invocation)
        deliver(output, of: invocation.command)
      },
      failure: { [self] failure in report(failure) })
  }

  private func write(_ text: String) {
    guard !text.isEmpty else { return }
    writeRaw(text.utf8.last == UInt8(ascii: "\n") ? text : text + "\n")
  }

  /// Prints a text as it is, with its own terminal sequences.
  func writeRaw(_ text: String) {
    guard rehearsal == nil, !text.isEmpty else { return }
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      // Without an output there is no point in continuing. No message for a closed pipe or a dropped terminal.
      let code = errno
      keepUnfinishedRun()
      if let signal = InterruptFlag.exitCode { exit(signal) }
      if code == EPIPE { exit(128 + SIGPIPE) }
      SSD1B.report("error: standard output cannot be written: \(String(cString: strerror(code)))")
      exit(1)
    }
  }
}
