/// A way to set off text on a terminal, as an SGR sequence (ECMA-48, 8.3.117).
public enum TextStyle: Int, Sendable {
  case bold = 1
  case dim = 2
  case red = 31
  case green = 32
  case yellow = 33
  case blue = 34
  case magenta = 35
  case cyan = 36

  /// `text` in this style, or unchanged when colour is off.
  public func applied(to text: String, isEnabled: Bool) -> String {
    isEnabled && !text.isEmpty ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }
}
