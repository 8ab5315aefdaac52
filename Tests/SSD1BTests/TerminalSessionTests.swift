import Foundation
import PseudoTerminal
import Testing

/// The shell on a real pseudo-terminal.
@Suite(.serialized) struct TerminalSessionTests {
  private func session(in folder: String) throws -> PseudoTerminal {
    let terminal = try PseudoTerminal(columns: 100)
    try terminal.spawn(
      "/bin/sh", ["-c", "cd \(folder) && exec \(Program.path)"],
      environment: ["TERM": "xterm", "LANG": "C.UTF-8", "HOME": folder, "PATH": "/usr/bin:/bin"])
    _ = try terminal.expect("ssd1b> ")
    return terminal
  }

  @Test("Ctrl-C in a run is back at the prompt within 300 ms, and the session goes on")
  func interrupt() throws {
    try Program.withFolder { folder in
      let terminal = try session(in: folder)
      try terminal.send("gen steps=900 size=512x512\r")
      _ = try terminal.expect("2/900")
      let start = ContinuousClock.now
      try terminal.send("\u{3}")
      _ = try terminal.expect("interrupted at")
      _ = try terminal.expect("ssd1b> ")
      #expect(ContinuousClock.now - start < .milliseconds(300))
      try terminal.send("seed 41\r")
      _ = try terminal.expect("\nseed 41")
      _ = try terminal.expect("ssd1b> ")
      try terminal.send("latents\r")
      _ = try terminal.expect("sha256")
      _ = try terminal.expect("ssd1b> ")
      try terminal.send("generate steps=1 out=a.png\r")
      _ = try terminal.expect("a.png")
      _ = try terminal.expect("ssd1b> ")
      try terminal.send("\u{4}")
      let code = try terminal.wait()
      #expect(code == 0)
    }
  }

  @Test("Tab completes commands, errors leave the session alive, history is kept")
  func editing() throws {
    try Program.withFolder { folder in
      let first = try session(in: folder)
      try first.send("neg\tblurry\r")
      _ = try first.expect("tokens")
      _ = try first.expect("ssd1b> ")
      try first.send("steps 0\r")
      _ = try first.expect("error: steps: expected a whole number")
      _ = try first.expect("ssd1b> ")
      try first.send("quit\r")
      let firstCode = try first.wait()
      #expect(firstCode == 0)
      let second = try session(in: folder)
      try second.send("history\r")
      let listed = try second.expect("steps 0")
      #expect(listed.contains("negative blurry"))
      // While a command runs, Ctrl-D is the terminal driver's; the editor has it at the prompt only.
      _ = try second.expect("ssd1b> ")
      try second.send("\u{4}")
      let secondCode = try second.wait()
      #expect(secondCode == 0)
    }
  }
}
