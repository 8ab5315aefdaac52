import Foundation
import Imaging
import PseudoTerminal
import Testing

/// The shell on a real pseudo-terminal.
@Suite(.serialized) struct TerminalSessionTests {
  private func session(
    in folder: String, _ arguments: [String] = [], environment: [String: String] = [:], columns: Int = 100
  ) throws -> PseudoTerminal {
    try Shell(in: folder, arguments, environment: environment, columns: columns).terminal
  }

  /// What the editor sends when a line is done, before what the command prints.
  private let done = "\r\n\u{1B}[?2004l"

  /// Enters a line and returns what came before the next prompt.
  @discardableResult
  private func enter(_ line: String, in terminal: PseudoTerminal, expecting text: String = "") throws
    -> String
  {
    try terminal.send(line + "\r")
    let first = text.isEmpty ? "" : try terminal.expect(text)
    return first + (try terminal.expect("ssd1b> "))
  }

  private func leave(_ terminal: PseudoTerminal) throws { try Shell(terminal: terminal).leave() }

  @Test("Ctrl-C in a run is back at the prompt within 300 ms, and the session goes on")
  func interrupt() throws {
    try Program.withFolder { folder in
      let terminal = try session(in: folder)
      try terminal.send("gen steps=900 size=512x512\r")
      try terminal.expect("2/900")
      let start = ContinuousClock.now
      try terminal.send("\u{3}")
      try terminal.expect("interrupted at")
      try terminal.expect("ssd1b> ")
      #expect(ContinuousClock.now - start < .milliseconds(300))
      try enter("seed 41", in: terminal, expecting: "\(done)seed 41")
      try enter("latents", in: terminal, expecting: "sha256")
      try enter("generate steps=1 out=a.png", in: terminal, expecting: "a.png")
      try leave(terminal)
    }
  }

  @Test("A second Ctrl-C at once drops the run; without it there is something to resume")
  func interruptTwice() throws {
    try Program.withFolder { folder in
      let terminal = try session(in: folder)
      try terminal.send("generate steps=400 size=512x512 out=a.png\r")
      try terminal.expect("2/400")
      try terminal.send("\u{3}")
      try terminal.expect("hint: resume goes on")
      try terminal.expect("ssd1b> ")
      try terminal.send("\u{3}")
      try terminal.expect("is dropped")
      try terminal.expect("ssd1b> ")
      try enter("resume", in: terminal, expecting: "there is none yet")
      // One alone, and a line in between: Ctrl-C at the prompt clears the line only.
      try terminal.send("generate steps=4 size=512x512 out=b.png\r")
      try terminal.expect("1/4")
      try terminal.send("\u{3}")
      try terminal.expect("interrupted at")
      try terminal.expect("ssd1b> ")
      try enter("seed 5", in: terminal, expecting: "seed 5")
      try terminal.send("half a li\u{3}")
      try terminal.expect("ssd1b> ")
      try enter("resume", in: terminal, expecting: "b.png  seed 0")
      try leave(terminal)
      #expect(!FileManager.default.fileExists(atPath: folder + "/a.png"))
      #expect(try PNG.read(path: folder + "/b.png").image.width == 512)
    }
  }

  @Test(
    "Interrupted, saved, and resumed by another process it has the bits of an uninterrupted run",
    arguments: ["euler", "euler_ancestral", "dpmpp_2m"])
  func resume(scheduler: String) throws {
    try Program.withFolder { folder in
      let run = "generate steps=20 seed=3 size=512x512 scheduler=\(scheduler)"
      let terminal = try session(in: folder)
      try enter("prompt a fox", in: terminal)
      try terminal.send(run + " out=half.png\r")
      try terminal.expect("7/20")
      try terminal.send("\u{3}")
      let interrupted = try terminal.expect("/20\r\n")
      #expect(interrupted.contains("interrupted at"))
      try terminal.expect("ssd1b> ")
      try enter("save work.ssd1b", in: terminal, expecting: "work.ssd1b.run.safetensors")
      try terminal.send("quit\r")
      let code = try terminal.wait()
      #expect(code == 0)
      let whole = try Program.run(script: "prompt a fox\n\(run) out=whole.png\nlatents as=csv\n", in: folder)
      let resumed = try Program.run(
        script: "source work.ssd1b\nresume work.ssd1b.run.safetensors out=half.png\nlatents as=csv\n",
        in: folder)
      #expect(whole.code == 0 && resumed.code == 0, "\(whole.errors) \(resumed.errors)")
      func table(_ text: String) -> Substring {
        text[(text.range(of: "step,timestep")?.lowerBound ?? text.startIndex)...]
      }
      #expect(table(whole.output) == table(resumed.output), "all 21 states, to the last digit and hash")
      #expect(table(whole.output).split(separator: "\r\n").count == 22)
      #expect(
        try PNG.read(path: folder + "/whole.png").image == PNG.read(path: folder + "/half.png").image)
    }
  }

  @Test("A session that is left with an interrupted run keeps it, and the next one's resume goes on with it")
  func leftRun() throws {
    try Program.withFolder { folder in
      let first = try session(in: folder)
      try enter("prompt a fox", in: first)
      try first.send("generate steps=6 seed=3 size=512x512 out=left.png\r")
      try first.expect("2/6")
      try first.send("\u{3}")
      try first.expect("interrupted at")
      try first.expect("ssd1b> ")
      try first.send("quit\r")
      try first.expect("is kept")
      _ = try first.wait()
      let second = try session(in: folder)
      try enter("resume", in: second, expecting: "left.png  seed 3")
      try enter("resume", in: second, expecting: "one that is finished")
      try leave(second)
      let third = try session(in: folder)
      try enter("resume", in: third, expecting: "there is none yet")
      try leave(third)
      let whole = "prompt a fox\ngenerate steps=6 seed=3 size=512x512 out=whole.png\n"
      #expect(try Program.run(script: whole, in: folder).code == 0)
      #expect(try PNG.read(path: folder + "/left.png").image == PNG.read(path: folder + "/whole.png").image)
    }
  }

  @Test(
    "A pasted block of three lines is one input, run when Return is pressed, and one entry of the history")
  func paste() throws {
    try Program.withFolder { folder in
      let terminal = try session(in: folder)
      // Terminals send the line breaks of what is pasted as Return.
      try terminal.send("\u{1B}[200~seed 11\rprompt 狐 a\u{301} 🦊\rcfg 3\r\u{1B}[201~")
      // Nothing has run: the lines stand in the editor.
      let shown = try terminal.expect("cfg 3")
      #expect(!shown.contains("2004l"))
      try terminal.send("\r")
      try terminal.expect(done)
      let ran = try terminal.expect("cfg 3\r\n")
      #expect(ran.contains("seed 11") && ran.contains("prompt 狐 a\u{301} 🦊"))
      try enter("set", in: terminal, expecting: "* cfg       3")
      // Up twice: over `set` to the whole block.
      try terminal.send("\u{1B}[A\u{1B}[A\r")
      try terminal.expect("tokens")
      try terminal.expect("ssd1b> ")
      try leave(terminal)
      let history = try String(contentsOfFile: folder + "/.local/state/ssd1b/history", encoding: .utf8)
      #expect(
        history == "seed 11\\nprompt 狐 a\u{301} 🦊\\ncfg 3\nset\nseed 11\\nprompt 狐 a\u{301} 🦊\\ncfg 3\n")
    }
  }

  @Test("Wide, joined and combining characters are edited as what they look like")
  func wideCharacters() throws {
    try Program.withFolder { folder in
      let terminal = try session(in: folder)
      // Typed wrong, put right: back over one, deleted, typed anew at the start and the end.
      try terminal.send("prompt 狐と犬\u{7F}猫\u{1}\u{5}!\r")
      try terminal.expect("\(done)prompt 狐と猫!\r\n")
      try terminal.expect("ssd1b> ")
      try terminal.send("prompt e\u{301}🦊\u{7F}🐼\u{1B}[D\u{1B}[D\u{1B}[C\u{1B}[Cz\r")
      try terminal.expect("\(done)prompt e\u{301}🐼z\r\n")
      try terminal.expect("ssd1b> ")
      try leave(terminal)
    }
  }

  @Test("Ctrl-R finds an earlier line; the up key one that begins as what was typed")
  func search() throws {
    try Program.withFolder { folder in
      let terminal = try session(in: folder)
      for line in ["seed 17", "cfg 3", "seed 23", "steps 4"] { try enter(line, in: terminal) }
      try terminal.send("\u{12}cfg\u{1B}\r")
      try terminal.expect("\(done)cfg 3\r\n")
      try terminal.expect("ssd1b> ")
      try terminal.send("seed\u{1B}[A\u{1B}[A\r")
      try terminal.expect("\(done)seed 17\r\n")
      try terminal.expect("ssd1b> ")
      try terminal.send("seed\u{1B}[A\u{1B}[A\u{1B}[B\u{1B}[B\u{15}steps\u{1B}[A\r")
      try terminal.expect("\(done)steps 4\r\n")
      try terminal.expect("ssd1b> ")
      try leave(terminal)
    }
  }

  @Test("Tab completes settings, their values, layers, files and folders, models and tensors")
  func tab() throws {
    try Program.withFolder { folder in
      try Data("echo sourced\n".utf8).write(to: URL(fileURLWithPath: folder + "/script-of-mine.ssd1b"))
      let terminal = try session(in: folder)
      try enter("unset sch\t", in: terminal, expecting: "scheduler euler")
      try enter("scheduler dpmpp_2m_\t", in: terminal, expecting: "scheduler dpmpp_2m_karras")
      try enter("generate scheduler=euler_a\t steps=1 out=t.png", in: terminal, expecting: "t.png  seed 0")
      try enter(
        "sweep scheduler=euler,dpmpp_2m_\tsteps=1 out=s", in: terminal,
        expecting: "sheet.png  2 pictures")
      try enter("recall t.png except=size,sch\t", in: terminal, expecting: "settings that ssd1b wrote")
      try enter("source scr\t", in: terminal, expecting: "sourced")
      try enter(
        "layers unet.mid_block.res\t0.norm1", in: terminal, expecting: "unet.mid_block.resnets.0.norm1")
      try enter("diff sd\t ssd1b only=removed", in: terminal, expecting: "736 removed")
      try enter("tensor unet.conv_in.b\t", in: terminal, expecting: "F16")
      try enter("view t.\t as=blocks width=8", in: terminal, expecting: "▀")
      try leave(terminal)
    }
  }

  @Test("A narrower window and back keeps the line; what is printed then fits it")
  func resize() throws {
    try Program.withFolder { folder in
      let terminal = try session(in: folder)
      try terminal.send("prompt a fox that is longer than forty columns, yes it is")
      usleep(200_000)
      terminal.resize(columns: 40)
      usleep(200_000)
      terminal.resize(columns: 100)
      usleep(200_000)
      try terminal.send(", and goes on\r")
      try terminal.expect("\(done)prompt a fox that is longer than forty columns, yes it is, and goes on\r\n")
      try terminal.expect("ssd1b> ")
      terminal.resize(columns: 40)
      usleep(200_000)
      let listed = try enter("layers unet depth=1", in: terminal, expecting: "total")
      let widest = listed.split(separator: "\r\n").filter { $0.contains("unet.") || $0.contains("block") }
        .map(\.count).max()
      #expect(try #require(widest) <= 40, "\(listed)")
      try leave(terminal)
    }
  }

  /// An interactive bash, with job control, that has started the shell.
  private func jobControl(in folder: String) throws -> PseudoTerminal {
    let terminal = try PseudoTerminal(columns: 100)
    try terminal.spawn(
      "/bin/bash", ["--norc", "--noprofile", "--noediting", "-i"],
      environment: [
        "TERM": "xterm", "LANG": "C.UTF-8", "HOME": folder, "PATH": "/usr/bin:/bin", "PS1": "outer> ",
        "NO_COLOR": "1",
      ])
    try terminal.expect("outer> ")
    try terminal.send("cd \(folder); \(Program.path)\r")
    try terminal.expect("ssd1b> ")
    return terminal
  }

  @Test("Ctrl-Z gives the terminal back as it was, at any prompt and in a run, and fg goes on with either")
  func suspend() throws {
    try Program.withFolder { folder in
      let terminal = try jobControl(in: folder)
      let device = try terminal.openDevice()
      defer { close(device) }
      /// Stops the shell, sees bash run a command with the modes that it found, and has the shell go on.
      func stopAndGoOn() throws {
        try terminal.send("\u{1A}")
        try terminal.expect("Stopped")
        try terminal.expect("outer> ")
        try terminal.send("sleep 0.3; fg\r")
        usleep(150_000)
        var modes = termios()
        tcgetattr(device, &modes)
        #expect(modes.c_lflag & tcflag_t(ECHO) != 0 && modes.c_lflag & tcflag_t(ICANON) != 0)
      }
      for prompt in 1...2 {
        try terminal.send("seed \(prompt)")
        try terminal.expect("seed \(prompt)")
        try stopAndGoOn()
        try terminal.expect("seed \(prompt)")
        try terminal.send("8\r")
        try terminal.expect("\(done)seed \(prompt)8\r\n")
        try terminal.expect("ssd1b> ")
      }
      try enter("pictures off", in: terminal)
      try terminal.send("generate steps=30 size=256x256 out=z.png\r")
      try terminal.expect("2/30")
      try stopAndGoOn()
      try terminal.expect("z.png  seed 28")
      try terminal.expect("ssd1b> ")
      try terminal.send("\u{4}")
      try terminal.expect("outer> ")
      try terminal.send("exit\r")
      _ = try terminal.wait()
    }
  }

  @Test("Two sessions write one history, and kill -9 in a run leaves it and every file whole")
  func sharedHistory() throws {
    try Program.withFolder { folder in
      let (first, second) = (try session(in: folder), try session(in: folder))
      for index in 0..<20 {
        try first.send("seed \(1000 + index)\r")
        try second.send("seed \(2000 + index)\r")
        try first.expect("\(done)seed \(1000 + index)\r\n")
        try second.expect("\(done)seed \(2000 + index)\r\n")
        try first.expect("ssd1b> ")
        try second.expect("ssd1b> ")
      }
      try leave(second)
      try enter("record s.session", in: first)
      try enter("prompt a fox", in: first)
      try enter("generate steps=1 out=whole.png", in: first, expecting: "whole.png")
      try first.send("generate steps=900 size=512x512 out=lost.png\r")
      try first.expect("2/900")
      first.signal(SIGKILL)
      let code = try first.wait()
      #expect(code == 128 + SIGKILL)
      let history = try String(contentsOfFile: folder + "/.local/state/ssd1b/history", encoding: .utf8)
      let lines = Set(history.split(separator: "\n").map(String.init))
      #expect(
        (0..<20).allSatisfy { lines.contains("seed \(1000 + $0)") && lines.contains("seed \(2000 + $0)") })
      #expect(lines.contains("generate steps=900 size=512x512 out=lost.png"), "entered before it ran")
      #expect(history.hasSuffix("\n") && lines.count == 44)
      let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
        .sorted()
      #expect(files == ["s.session", "whole.png"], "nothing half-written: \(files)")
      #expect(try Program.run(["-c", "verify s.session"], in: folder).code == 0)
    }
  }

  @Test(
    "The start file is run at the prompt, with its errors and without ending the session; --no-rc leaves it out"
  )
  func startFile() throws {
    try Program.withFolder { folder in
      try FileManager.default.createDirectory(
        atPath: folder + "/.config/ssd1b", withIntermediateDirectories: true)
      let path = folder + "/.config/ssd1b/rc"
      try Data("steps 7\nstepz 8\n".utf8).write(to: URL(fileURLWithPath: path))
      let terminal = try PseudoTerminal(columns: 100)
      try terminal.spawn(
        Program.path,
        environment: ["TERM": "dumb", "LANG": "C.UTF-8", "HOME": folder, "PATH": "/usr/bin:/bin"])
      try terminal.expect("rc:2: error: unknown command \"stepz\"")
      try terminal.expect("ssd1b> ")
      try enter("set", in: terminal, expecting: "* steps     7")
      try leave(terminal)
      let plain = try session(in: folder, ["--no-rc"])
      try enter("set", in: plain, expecting: "  steps     20")
      try leave(plain)
      // A batch reads no file that it was not told of.
      #expect(try Program.run(["-c", "steps"], environment: ["HOME": folder]).output == "steps 20\n")
    }
  }

  @Test(
    "On a terminal with colour a run shows its picture in half blocks, and keys typed during the question are kept"
  )
  func picture() throws {
    try Program.withFolder { folder in
      let terminal = try session(
        in: folder, environment: ["NO_COLOR": "", "TERM": "xterm-256color", "COLORTERM": "truecolor"])
      try terminal.send("generate steps=2 out=a.png\r")
      // What a terminal answers, and a key behind it that is nobody's answer.
      try terminal.expect("\u{1B}[c")
      try terminal.send("\u{1B}[?62;22cse")
      try terminal.expect("▀")
      try terminal.expect("ssd1b>")
      try terminal.send("ed 6\r")
      try terminal.expect("\(done)seed 6\r\n")
      try terminal.expect("ssd1b>")
      try leave(terminal)
    }
  }

  @Test("Tab completes commands, errors leave the session alive, history is kept")
  func editing() throws {
    try Program.withFolder { folder in
      let first = try session(in: folder)
      try first.send("neg\tblurry\r")
      try first.expect("tokens")
      try first.expect("ssd1b> ")
      try first.send("steps 0\r")
      try first.expect("error: steps: expected a whole number")
      try first.expect("ssd1b> ")
      try first.send("quit\r")
      let firstCode = try first.wait()
      #expect(firstCode == 0)
      let second = try session(in: folder)
      try second.send("history\r")
      let listed = try second.expect("steps 0")
      #expect(listed.contains("negative blurry"))
      try second.expect("ssd1b> ")
      try leave(second)
    }
  }
}
