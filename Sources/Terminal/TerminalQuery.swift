import Glibc

/// A question to a terminal, and what it answers.
public enum TerminalQuery {
  /// Writes `question` to the terminal at `output` and reads from `input` until `isComplete` or for `timeout`.
  ///
  /// Line editing and echo are off meanwhile, so that the answer is not shown; keys typed meanwhile are among the bytes.
  public static func ask(
    _ question: String, input: Int32 = 0, output: Int32 = 1, timeout: Duration = .seconds(2),
    until isComplete: ([UInt8]) -> Bool
  ) -> [UInt8] {
    var before = termios()
    guard tcgetattr(input, &before) == 0 else { return [] }
    var raw = before
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
    guard tcsetattr(input, TCSADRAIN, &raw) == 0 else { return [] }
    defer { tcsetattr(input, TCSADRAIN, &before) }
    let bytes = Array(question.utf8)
    guard write(output, bytes, bytes.count) == bytes.count else { return [] }
    var answer: [UInt8] = []
    let deadline = ContinuousClock.now + timeout
    while !isComplete(answer), ContinuousClock.now < deadline {
      var wait = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
      guard poll(&wait, 1, 20) > 0 else { continue }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = read(input, &buffer, buffer.count)
      guard count > 0 else { break }
      answer += buffer.prefix(count)
    }
    return answer
  }
}
