import Foundation
import PseudoTerminal
import Testing

@Suite struct PseudoTerminalTests {
  static let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TERM": "xterm"]

  @Test("what cat is sent comes back, and Ctrl-D ends it with 0")
  func cat() throws {
    let terminal = try PseudoTerminal()
    try terminal.spawn("/bin/cat", environment: Self.environment)
    try terminal.send("fox 狐 🦊\r")
    // Once as the terminal's echo, once from cat.
    try terminal.expect("fox 狐 🦊\r\n")
    #expect(try terminal.expect("🦊\r\n") == "fox 狐 🦊\r\n")
    try terminal.send("\u{4}")
    #expect(try terminal.wait() == 0)
    #expect(terminal.transcript == "fox 狐 🦊\r\nfox 狐 🦊\r\n")
  }

  @Test("the program has the terminal as its own, of the size asked for, and only the environment given")
  func size() throws {
    let terminal = try PseudoTerminal(columns: 57, rows: 13)
    try terminal.spawn(
      "/bin/sh", ["-c", "stty size; tty; echo \"<$GREETING>\" >/dev/tty; env | wc -l; read x; stty size"],
      environment: Self.environment.merging(["GREETING": "hello"]) { $1 })
    #expect(try terminal.expect("\r\n") == "13 57\r\n")
    #expect(try terminal.expect("\r\n") == "\(terminal.devicePath)\r\n")
    try terminal.expect("<hello>\r\n")
    // The four given, and PWD, which sh adds.
    #expect(try terminal.expect("\r\n") == "5\r\n")
    terminal.resize(columns: 101, rows: 33)
    try terminal.send("\r")
    try terminal.expect("33 101\r\n")
    #expect(try terminal.wait() == 0)
  }

  @Test(
    "exit codes and signals are told apart from success", arguments: [("exit 3", 3), ("kill -TERM $$", 143)])
  func exitCode(script: String, code: Int32) throws {
    let terminal = try PseudoTerminal()
    try terminal.spawn("/bin/sh", ["-c", script], environment: Self.environment)
    #expect(try terminal.wait() == code)
  }

  @Test("Ctrl-C interrupts the program")
  func interrupt() throws {
    let terminal = try PseudoTerminal()
    try terminal.spawn("/bin/sh", ["-c", "echo ready; exec sleep 60"], environment: Self.environment)
    try terminal.expect("ready")
    try terminal.send("\u{3}")
    #expect(try terminal.wait() == 130)
  }

  @Test("text that does not come is a failure that shows what came instead")
  func missing() throws {
    let terminal = try PseudoTerminal()
    try terminal.spawn("/bin/sh", ["-c", "echo other; sleep 60"], environment: Self.environment)
    let failure = #expect(throws: PseudoTerminal.Failure.self) {
      try terminal.expect("wanted", timeout: .milliseconds(500))
    }
    #expect(failure?.description.contains("other") == true)
    #expect(throws: PseudoTerminal.Failure.self) { try terminal.wait(timeout: .milliseconds(50)) }
  }
}
