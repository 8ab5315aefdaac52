import Foundation
import PseudoTerminal
import Terminal
import Testing

@Suite struct TerminalInfoTests {
  @Test("a pseudo-terminal is a terminal and tells its columns, whatever COLUMNS says")
  func terminal() throws {
    let terminal = try PseudoTerminal(columns: 57)
    let device = try terminal.openDevice()
    defer { close(device) }
    #expect(TerminalInfo.isTerminal(device))
    #expect(TerminalInfo.columns(device, environment: ["COLUMNS": "33"]) == 57)
    terminal.resize(columns: 0, rows: 0)
    #expect(TerminalInfo.columns(device, environment: ["COLUMNS": "33"]) == 33)
  }

  @Test(
    "off a terminal the columns are those of COLUMNS, else 80",
    arguments: [([:], 80), (["COLUMNS": "132"], 132), (["COLUMNS": "wide"], 80), (["COLUMNS": "0"], 80)]
      as [([String: String], Int)])
  func file(environment: [String: String], expected: Int) throws {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    #expect(!TerminalInfo.isTerminal(null))
    #expect(TerminalInfo.columns(null, environment: environment) == expected)
  }

  @Test(
    "the first locale variable that is not empty decides about UTF-8",
    arguments: [
      ([:], false), (["LANG": "de_DE.UTF-8"], true), (["LANG": "C.utf8"], true), (["LANG": "C"], false),
      (["LC_ALL": "C", "LANG": "de_DE.UTF-8"], false), (["LC_ALL": "", "LANG": "de_DE.UTF-8"], true),
      (["LC_CTYPE": "en_US.UTF-8", "LANG": "C"], true),
    ] as [([String: String], Bool)])
  func utf8(environment: [String: String], expected: Bool) {
    #expect(TerminalInfo.isUTF8(environment: environment) == expected)
  }
}
