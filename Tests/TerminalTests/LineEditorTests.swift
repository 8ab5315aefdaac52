import Base
import Foundation
import PseudoTerminal
import Terminal
import Testing

extension SignalTests {
  /// The editor on a pseudo-terminal of this process: a thread reads lines and writes what it got as `[…]`.
  @Suite struct LineEditorTests {
    static let words = ["generate", "get", "négatif", "scheduler", "seed"]

    /// Runs `body` with an editor that waits at its prompt, and sees it end by Ctrl-D.
    static func session(
      history: String? = nil, prompt: String = "> ", shown: String = "> ", columns: Int = 80,
      // The developer's own key bindings are none of the tests' business.
      settings: String = "/dev/null", _ body: (PseudoTerminal) throws -> Void
    ) throws {
      let terminal = try PseudoTerminal(columns: columns)
      let device = try terminal.openDevice()
      let ended = DispatchSemaphore(value: 0)
      InterruptFlag.install()
      InterruptFlag.clear(includingTermination: true)
      Thread.detachNewThread {
        Self.serve(device, history, settings, prompt)
        close(device)
        ended.signal()
      }
      defer {
        // However the body ended: Return ends the line, Ctrl-D the editor. Between two prompts the terminal
        // takes a Ctrl-D for itself, so once may not do.
        var isEnded = false
        for _ in 0..<200 where !isEnded {
          try? terminal.send("\r")
          usleep(20_000)
          try? terminal.send("\u{4}")
          isEnded = ended.wait(timeout: .now() + 0.1) == .success
        }
        #expect(isEnded)
        InterruptFlag.restore()
      }
      try terminal.expect(shown)
      try body(terminal)
    }

    static func serve(_ device: Int32, _ history: String?, _ settings: String, _ prompt: String) {
      func say(_ text: String) {
        let bytes = Array("[\(text)]\r\n".utf8)
        _ = write(device, bytes, bytes.count)
      }
      do {
        let editor = try LineEditor(
          name: "test", historyPath: history, settingsPath: settings, input: device, output: device
        ) { line, cursor in
          let before = String(decoding: Array(line.utf8.prefix(cursor)), as: UTF8.self)
          let word = before.split(separator: " ", omittingEmptySubsequences: false).last ?? ""
          return .init(
            candidates: Self.words.filter { $0.hasPrefix(word) }, replaceFrom: cursor - word.utf8.count)
        }
        while true {
          switch editor.readLine(prompt: prompt) {
          case .text("entries"): say(editor.entries.joined(separator: "|"))
          case .text(let text):
            editor.remember(text)
            say(text)
          case .interrupted: say("interrupted \(InterruptFlag.isRaised)")
          case .endOfInput: return say("end")
          }
        }
      } catch {
        say("\(error)")
      }
    }

    @Test(
      "keys edit the line, whatever its script",
      arguments: [
        ("a fox", "a fox"), ("狐 🦊 é ü ÿ к", "狐 🦊 é ü ÿ к"), ("e\u{301}", "e\u{301}"), ("👩🏽‍🚀", "👩🏽‍🚀"),
        ("日本語\u{7F}X\u{1}Y\u{5}Z", "Y日本XZ"), ("one two\u{17}2", "one 2"), ("abc\u{15}d", "d"),
        ("abcd\u{2}\u{2}\u{B}", "ab"), ("abc\u{1}\u{1B}[3~\u{1B}[F!", "bc!"),
        ("ac\u{1B}[Db\u{1B}[H>", ">abc"),
        ("one two\u{1B}bX", "one Xtwo"), ("gen\t7", "generate 7"), ("s\te\t5", "seed 5"),
        ("né\t", "négatif "), ("狐 ge\u{1B}[D\u{1B}[D\u{5}n\t", "狐 generate "), ("zz\t", "zz"),
      ])
    func editing(keys: String, expected: String) throws {
      try Self.session { terminal in
        try terminal.send(keys + "\r")
        try terminal.expect("[\(expected)]")
      }
    }

    @Test("bytes that are no UTF-8 become U+FFFD and take nothing with them")
    func invalid() throws {
      try Self.session { terminal in
        try terminal.send(bytes: [0x61, 0xFF, 0xE6, 0x97, 0x62, 0x0D])
        try terminal.expect("[a\u{FFFD}\u{FFFD}b]")
      }
    }

    @Test("an ambiguous Tab inserts what is common, lists the words and shows the line again")
    func list() throws {
      try Self.session { terminal in
        try terminal.send("g\t")
        try terminal.expect("generate  get\r\n")
        try terminal.expect("> ge")
        try terminal.send("n\t\r")
        try terminal.expect("[generate ]")
      }
    }

    @Test("below a line of several rows the list starts under the last row, wherever the cursor is")
    func listBelowRows() throws {
      try Self.session(columns: 20) { terminal in
        // Prompt and line fill three rows of 20 columns; the cursor is on the first.
        try terminal.send("g" + String(repeating: "x", count: 50) + "\u{1}\u{1B}[C")
        try terminal.expect("x")
        usleep(100_000)
        try terminal.send("\t")
        let shown = try terminal.expect("generate  get\r\n")
        #expect(
          shown.contains("\n\n\n\rgenerate") || shown.contains("\r\n\r\n\r\n\rgenerate"),
          "\(shown.debugDescription)")
      }
    }

    @Test("Ctrl-C gives the line up without raising the flag, and the next line starts empty")
    func interrupt() throws {
      try Self.session { terminal in
        try terminal.send("half")
        try terminal.expect("half")
        kill(getpid(), SIGINT)
        try terminal.expect("^C\r\n[interrupted false]")
        try terminal.expect("> ")
        try terminal.send("whole\r")
        try terminal.expect("[whole]")
      }
    }

    @Test("Ctrl-C leaves a search")
    func interruptSearch() throws {
      try Self.session { terminal in
        try terminal.send("fox\r")
        try terminal.expect("[fox]")
        try terminal.expect("> ")
        try terminal.send("\u{12}f")
        try terminal.expect("bck:f")
        kill(getpid(), SIGINT)
        try terminal.expect("[interrupted false]")
        try terminal.expect("> ")
        try terminal.send("x\r")
        try terminal.expect("[x]")
      }
    }

    @Test("Ctrl-D ends an empty line only")
    func end() throws {
      try Self.session { terminal in
        try terminal.send("ab\u{1}\u{4}\r")
        try terminal.expect("[b]")
        try terminal.expect("> ")
        try terminal.send("\u{4}")
        try terminal.expect("[end]")
      }
    }

    @Test("SIGTERM ends the input and reaches the flag")
    func terminate() async {
      // The flag is the whole process's.
      await #expect(processExitsWith: .success) {
        try Self.session { terminal in
          try terminal.send("half")
          try terminal.expect("half")
          kill(getpid(), SIGTERM)
          try terminal.expect("[end]")
          #expect(InterruptFlagTests.eventually { InterruptFlag.isTerminated })
        }
      }
    }

    @Test("a new window size keeps the line")
    func resize() throws {
      try Self.session { terminal in
        try terminal.send("before ")
        try terminal.expect("before ")
        terminal.resize(columns: 40)
        kill(getpid(), SIGWINCH)
        try terminal.expect("> before ")
        try terminal.send("after\r")
        try terminal.expect("[before after]")
      }
    }

    @Test("arrow keys and Ctrl-R find the lines of this session and of an earlier one")
    func history() throws {
      try HistoryTests.withFolder { folder in
        let path = folder + "/state/history"
        try Self.session(history: path) { terminal in
          for line in ["prompt a fox 🦊", "seed 1", "seed 1", " secret"] {
            try terminal.send(line + "\r")
            try terminal.expect("[\(line)]")
          }
          try terminal.send("\u{1B}[A\u{1B}[A\r")
          try terminal.expect("[prompt a fox 🦊]")
        }
        try Self.session(history: path) { terminal in
          try terminal.send("entries\r")
          try terminal.expect("[prompt a fox 🦊|seed 1|prompt a fox 🦊]")
          try terminal.send("\u{10}\u{10}\r")
          try terminal.expect("[seed 1]")
          try terminal.expect("> ")
          try terminal.send("\u{12}fox")
          try terminal.expect("fox")
          try terminal.send("\r")
          try terminal.expect("[prompt a fox 🦊]")
        }
      }
    }

    @Test(
      "colour in a prompt takes no columns, even at its end",
      arguments: [("\u{1B}[36mssd1b>\u{1B}[0m ", "ssd1b"), ("\u{1B}[1m>\u{1B}[0m", ">")])
    func color(prompt: String, shown: String) throws {
      try Self.session(prompt: prompt, shown: shown) { terminal in
        try terminal.send("bc\u{1}a\r")
        try terminal.expect("[abc]")
        #expect(terminal.transcript.contains("\u{1B}["))
        // Back from the line's third column to its first: the sequences moved nothing.
        #expect(terminal.transcript.contains("bc\u{8}\u{8}") || terminal.transcript.contains("bc\r"))
      }
    }

    @Test(
      "a file of settings binds keys, for all programs or by name, and vi's keys keep Tab",
      arguments: [
        ("bind ^T ed-move-to-beg\n", "bc\u{14}a", "abc"),
        ("test:bind ^T ed-move-to-beg\n", "bc\u{14}a", "abc"),
        ("other:bind ^A ed-move-to-end\n", "bc\u{1}a", "abc"), ("bind -v\n", "gen\t\u{1B}0ia", "agenerate "),
      ])
    func settings(text: String, keys: String, expected: String) throws {
      try HistoryTests.withFolder { folder in
        try text.write(toFile: folder + "/editrc", atomically: true, encoding: .utf8)
        try Self.session(settings: folder + "/editrc") { terminal in
          try terminal.send(keys + "\r")
          try terminal.expect("[\(expected)]")
        }
      }
    }

    @Test("off a terminal there is no editor, but an error that says what to do")
    func noTerminal() {
      let pipe = Pipe()
      let error = #expect(throws: Diagnostic.self) {
        try LineEditor(
          name: "test", historyPath: nil, input: pipe.fileHandleForReading.fileDescriptor,
          output: pipe.fileHandleForWriting.fileDescriptor
        ) { _, _ in .init(candidates: [], replaceFrom: 0) }
      }
      #expect(error?.kind == .usage)
      #expect(error?.hint?.isEmpty == false)
    }
  }
}
