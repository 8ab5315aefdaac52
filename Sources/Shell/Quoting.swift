import Base

/// Writes texts so that a script reads them back as they are.
public enum Quoting {
  /// `text` as one word, quoted only where it must be.
  public static func word(_ text: String) -> String {
    isPlain(text) && text.utf8.first != UInt8(ascii: "#") && !hasKey(text) ? text : quoted(text)
  }

  /// `key=text` as one word.
  public static func option(_ key: String, _ text: String) -> String {
    "\(key)=\(value(text))"
  }

  /// `text` as what follows the `=` of an option.
  static func value(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

  /// `text` as the raw text of a command that takes one; an empty text is `""`.
  public static func rawText(_ text: String) -> String {
    let isPlain =
      !text.isEmpty && !text.unicodeScalars.contains(where: \.isInvisible)
      && text.utf8.first != UInt8(ascii: " ") && text.utf8.last != UInt8(ascii: " ")
      && !startsOrEndsSpecially(text)
    return isPlain ? text : quoted(text)
  }

  /// `text` between double quotes, with escapes.
  public static func quoted(_ text: String) -> String {
    // By bytes: scalars appended one by one take seconds in a text of a million.
    var result = Array("\"".utf8)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)".utf8
      case _ where scalar.isInvisible: result += scalar.escape.utf8
      default: result += String(scalar).utf8
      }
    }
    result += "\"".utf8
    return String(decoding: result, as: UTF8.self)
  }

  private static func isPlain(_ text: String) -> Bool {
    !text.isEmpty && !text.unicodeScalars.contains { $0 == " " || $0.isInvisible }
      && !startsOrEndsSpecially(text)
  }

  /// Whether `text` would open a quote or join the next line.
  private static func startsOrEndsSpecially(_ text: String) -> Bool {
    text.utf8.first.map(Lexer.isQuote) == true || text.utf8.last == UInt8(ascii: "\\")
  }

  /// Whether `text` would be taken for a `key=value`.
  private static func hasKey(_ text: String) -> Bool {
    var lexer = Lexer(text, isTolerant: true)
    return ((try? lexer.next()) ?? nil)?.key != nil
  }
}
