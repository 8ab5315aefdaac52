import Foundation
import PseudoTerminal
import Terminal
import Testing

@Suite struct ProgressLineTests {
  static func render(
    done: Int = 7, total: Int = 20, elapsed: Duration = .seconds(24), secondsPerStep: Double? = 3.42,
    width: Int,
    label: String = "denoise", isASCII: Bool = false
  ) -> String {
    ProgressLine.render(
      done: done, total: total, elapsed: elapsed, secondsPerStep: secondsPerStep, width: width, label: label,
      isASCII: isASCII)
  }

  @Test(
    "the line says less as the width shrinks",
    arguments: [
      (100, "denoise ━━━━━━━━━━──────────────────── 7/20  3.42 s/step  0:24 elapsed  0:44 left"),
      (60, "denoise ━━━────── 7/20  3.42 s/step  0:24 elapsed  0:44 left"),
      (50, "denoise ━━━━───────── 7/20  3.42 s/step  0:44 left"),
      (40, "denoise 7/20  3.42 s/step  0:44 left"),
      (24, "denoise 7/20  0:44 left"), (16, "7/20  0:44 left"), (5, "7/20"), (3, "7/…"), (0, ""),
    ])
  func widths(width: Int, expected: String) {
    #expect(Self.render(width: width) == expected)
  }

  @Test("no width is exceeded", arguments: [false, true])
  func bounds(isASCII: Bool) {
    for width in 0...120 {
      for done in [0, 1, 19, 20] {
        let line = Self.render(done: done, width: width, label: "日本語 label", isASCII: isASCII)
        #expect(DisplayWidth.of(line) <= width, "\(line)")
      }
    }
  }

  @Test("ASCII alone where the terminal has no UTF-8")
  func ascii() {
    #expect(
      Self.render(width: 40, label: "go", isASCII: true) == "go [##----] 7/20  3.42 s/step  0:44 left")
    for width in 0...100 { #expect(Self.render(width: width, isASCII: true).utf8.allSatisfy { $0 < 0x80 }) }
  }

  @Test("an unknown pace says nothing of the future, and a finished run nothing of what is left")
  func pace() {
    for pace in [nil, Double.nan, .infinity, -1] {
      let line = Self.render(done: 0, elapsed: .zero, secondsPerStep: pace, width: 45)
      #expect(line == "denoise ────────────────── 0/20  0:00 elapsed")
    }
    let finished = Self.render(done: 20, elapsed: .seconds(68), width: 79)
    #expect(finished.hasSuffix("20/20  3.42 s/step  1:08 elapsed"))
    #expect(!finished.contains("─"))
  }

  @Test(
    "times are clocks, paces have three digits",
    arguments: [
      (0.04213, "0.042 s/step", "0:01 left"), (0.9996, "1.000 s/step", "0:20 left"),
      (12.345, "12.3 s/step", "4:07 left"),
      (135.4, "135 s/step", "45:08 left"), (400, "400 s/step", "2:13:20 left"),
    ])
  func formats(pace: Double, paceText: String, leftText: String) {
    let line = Self.render(done: 0, secondsPerStep: pace, width: 100)
    #expect(line.contains("  \(paceText)  ") && line.hasSuffix("  \(leftText)"), "\(line)")
  }

  @Test("counts outside the run are brought into it, and a hostile label is escaped")
  func clamping() {
    #expect(Self.render(done: 25, width: 5) == "20/20")
    #expect(Self.render(done: -1, width: 5) == "0/20")
    #expect(Self.render(done: 1, total: 0, width: 5) == "0/0")
    #expect(Self.render(width: 100, label: "a\u{1B}[2J").hasPrefix("a\\u{1B}[2J "))
  }

  @Test("the writer overwrites one line, skips what looks the same, and clears it at the end")
  func writer() throws {
    let terminal = try PseudoTerminal(columns: 25)
    let device = try terminal.openDevice()
    defer { close(device) }
    var progress = ProgressLine(descriptor: device, isEnabled: true)
    for done in [1, 1, 2] {
      progress.update(done: done, total: 2, elapsed: .zero, secondsPerStep: nil, label: "x")
    }
    progress.finish()
    progress.finish()
    var silent = ProgressLine(descriptor: device, isEnabled: false)
    silent.update(done: 1, total: 2, elapsed: .zero, secondsPerStep: nil, label: "x")
    silent.finish()
    _ = "end".withCString { write(device, $0, 3) }
    #expect(
      try terminal.expect("end")
        == "\rx ━━━━━━━━━───────── 1/2\u{1B}[K\rx ━━━━━━━━━━━━━━━━━━ 2/2\u{1B}[K\r\u{1B}[Kend")
  }
}
