import Base
import Glibc

/// One line that shows how far a run has come, overwritten in place on a terminal.
public struct ProgressLine {
  private let descriptor: Int32
  /// Whether it writes at all.
  public let isEnabled: Bool
  private let isASCII: Bool
  private var shown: String?

  /// A line on `descriptor`; it writes nothing unless `isEnabled` (a terminal that is not dumb).
  public init(descriptor: Int32 = 2, isEnabled: Bool, isASCII: Bool = false) {
    self.descriptor = descriptor
    self.isEnabled = isEnabled
    self.isASCII = isASCII
  }

  /// Shows a new state, when it looks different. `environment` may give the width that the terminal does not
  /// tell.
  public mutating func update(
    done: Int, total: Int, elapsed: Duration, secondsPerStep: Double?, label: String,
    environment: [String: String] = [:]
  ) {
    guard isEnabled else { return }
    let line = Self.render(
      done: done, total: total, elapsed: elapsed, secondsPerStep: secondsPerStep,
      // The last column stays free: writing there wraps on some terminals.
      width: TerminalInfo.columns(descriptor, environment: environment) - 1, label: label, isASCII: isASCII)
    guard line != shown else { return }
    write("\r\(line)\u{1B}[K")
    shown = line
  }

  /// Takes the line away, so that what is printed next starts at the left edge.
  public mutating func finish() {
    guard shown != nil else { return }
    write("\r\u{1B}[K")
    shown = nil
  }

  private func write(_ text: String) { Terminal.write(text, to: descriptor) }
}

/// Writes a text whole, or as far as it goes: progress that cannot be shown is no reason to stop a run.
func write(_ text: String, to descriptor: Int32) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if written < 0 && errno == EINTR { continue }
    guard written > 0 else { return }
    bytes = bytes.dropFirst(written)
  }
}

extension ProgressLine {
  /// `label`, a bar, `7/20`, the time per step, and how long it took and will take, in at most `width`
  /// columns.
  ///
  /// Where all does not fit, the elapsed time goes first, then the bar, the time per step, the label. Without
  /// `secondsPerStep` nothing is said about the future.
  public static func render(
    done: Int, total: Int, elapsed: Duration, secondsPerStep: Double?, width: Int, label: String,
    isASCII: Bool = false
  ) -> String {
    let done = min(max(done, 0), max(total, 0))
    let label = DisplayWidth.sanitized(label)
    let count = "\(done)/\(total)"
    var pace: String?
    var left: String?
    if let secondsPerStep, secondsPerStep.isFinite, secondsPerStep >= 0 {
      pace = "\(decimal(secondsPerStep)) s/step"
      if done < total { left = "\(clock(secondsPerStep * Double(total - done))) left" }
    }
    let elapsedText = "\(clock(elapsed.seconds)) elapsed"

    // What is said, from the fullest to the barest; the first that fits is taken.
    let choices: [(label: String, hasBar: Bool, facts: [String?])] = [
      (label, true, [count, pace, elapsedText, left]), (label, true, [count, pace, left]),
      (label, false, [count, pace, left]), (label, false, [count, left]), ("", false, [count, left]),
      ("", false, [count]),
    ]
    let leastBar = 8
    for choice in choices {
      let facts = choice.facts.compactMap(\.self).joined(separator: "  ")
      let fixed = (choice.label.isEmpty ? "" : choice.label + " ") + facts
      let room = width - DisplayWidth.of(fixed) - 1
      if !choice.hasBar {
        if DisplayWidth.of(fixed) <= width { return fixed }
      } else if room >= leastBar {
        let bar = bar(done: done, total: total, cells: min(room, 30), isASCII: isASCII)
        return (choice.label.isEmpty ? "" : choice.label + " ") + bar + " " + facts
      }
    }
    return DisplayWidth.truncated(count, to: width, ellipsis: isASCII ? "~" : "…")
  }

  private static func bar(done: Int, total: Int, cells: Int, isASCII: Bool) -> String {
    let inner = isASCII ? cells - 2 : cells
    let full = total > 0 ? inner * done / total : 0
    let body =
      String(repeating: isASCII ? "#" : "━", count: full)
      + String(repeating: isASCII ? "-" : "─", count: inner - full)
    return isASCII ? "[\(body)]" : body
  }

  /// `0:07`, `12:34`, `1:02:03`, rounded to whole seconds.
  private static func clock(_ seconds: Double) -> String {
    // Past this a Double no longer fits an Int; no run comes near.
    let whole = Int(min(max(seconds, 0), 1e15).rounded())
    let (minutes, second) = (whole / 60, twoDigits(whole % 60))
    return minutes < 60 ? "\(minutes):\(second)" : "\(minutes / 60):\(twoDigits(minutes % 60)):\(second)"
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  /// Three significant digits below 100, whole seconds from there: `0.042`, `3.42`, `12.3`, `135`.
  private static func decimal(_ value: Double) -> String {
    let places = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0
    let scale = [1, 10, 100, 1000][places]
    let scaled = Int((min(value, 1e12) * Double(scale)).rounded())
    guard places > 0 else { return "\(scaled)" }
    let fraction = String(scaled % scale)
    return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
  }
}
