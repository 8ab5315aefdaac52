import Terminal
import Testing

@Suite struct ColorChoiceTests {
  @Test(
    "colour follows the choice, then the environment and the terminal",
    arguments: [
      (.auto, [:], true, true),
      (.auto, ["TERM": "xterm-256color"], true, true),
      (.auto, [:], false, false),
      (.auto, ["NO_COLOR": "1"], true, false),
      (.auto, ["NO_COLOR": ""], true, true),
      (.auto, ["TERM": "dumb"], true, false),
      (.always, ["NO_COLOR": "1", "TERM": "dumb"], false, true),
      (.never, [:], true, false),
    ] as [(ColorChoice, [String: String], Bool, Bool)])
  func decision(choice: ColorChoice, environment: [String: String], isTerminal: Bool, expected: Bool) {
    #expect(choice.isEnabled(environment: environment, isTerminal: isTerminal) == expected)
  }

  @Test("the argument's words are the cases' names")
  func words() {
    #expect(ColorChoice.allCases.map(\.rawValue) == ["auto", "always", "never"])
  }

  @Test("a style wraps text in its sequence, and leaves it alone without colour")
  func style() {
    #expect(TextStyle.red.applied(to: "x", isEnabled: true) == "\u{1B}[31mx\u{1B}[0m")
    #expect(TextStyle.red.applied(to: "x", isEnabled: false) == "x")
    #expect(TextStyle.red.applied(to: "", isEnabled: true) == "")
  }
}
