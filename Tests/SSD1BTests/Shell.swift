import Foundation
import PseudoTerminal
import Testing

/// The shell on a pseudo-terminal, in a folder that is its home too.
struct Shell {
  let terminal: PseudoTerminal

  /// One that was started already.
  init(terminal: PseudoTerminal) { self.terminal = terminal }

  /// Starts it and waits for its prompt.
  init(
    in folder: String, _ arguments: [String] = [], environment: [String: String] = [:], columns: Int = 100,
    limits: String = ""
  ) throws {
    terminal = try PseudoTerminal(columns: columns)
    let words = arguments.map { "'\($0)'" }.joined(separator: " ")
    try terminal.spawn(
      "/bin/sh", ["-c", "cd '\(folder)' && \(limits) exec \(Program.path) \(words)"],
      environment: [
        "TERM": "xterm", "LANG": "C.UTF-8", "HOME": folder, "PATH": "/usr/bin:/bin", "NO_COLOR": "1",
        "TMPDIR": folder,
      ].merging(environment) { $1 })
    // Its sign may be coloured.
    try terminal.expect("ssd1b>")
    try terminal.expect(" ")
  }

  /// Enters a line and returns what came before the next prompt.
  @discardableResult
  func enter(_ line: String, expecting text: String = "") throws -> String {
    try terminal.send(line + "\r")
    // What the editor sends when a line is done, before what the command prints.
    try terminal.expect("\r\n\u{1B}[?2004l")
    let first = text.isEmpty ? "" : try terminal.expect(text)
    return first + (try terminal.expect("ssd1b> "))
  }

  /// Sends a line and returns as soon as the command has begun.
  func begin(_ line: String) throws {
    try terminal.send(line + "\r")
    try terminal.expect("\r\n\u{1B}[?2004l")
  }

  func leave() throws {
    // While a command runs, Ctrl-D is the terminal driver's; the editor has it at the prompt only.
    try terminal.send("\u{4}")
    let code = try terminal.wait()
    #expect(code == 0)
  }
}

/// How often what depends on a random moment is tried: a few times in CI, `SSD1B_ROUNDS` by hand.
let rounds = ProcessInfo.processInfo.environment["SSD1B_ROUNDS"].flatMap { Int($0) }
