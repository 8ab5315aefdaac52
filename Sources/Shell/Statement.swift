import Base

/// One command as written: a line of a script with its continuation lines joined to it.
public struct Statement: Sendable, Equatable {
  /// The whole command; it holds line breaks only inside a `"""` text.
  public let text: String
  /// Where it starts.
  public let location: Location
  /// The UTF-8 offsets in `text` at which a line joined by `\` starts.
  let joins: [Int]

  public init(_ text: String, at location: Location) {
    self.init(text, at: location, joins: [])
  }

  init(_ text: String, at location: Location, joins: [Int]) {
    self.text = text
    self.location = location
    self.joins = joins
  }

  /// The line of the source on which a UTF-8 offset of `text` stands.
  func location(ofOffset offset: Int) -> Location {
    let breaks = text.utf8.prefix(offset).count { $0 == UInt8(ascii: "\n") }
    return Location(
      source: location.source, line: location.line + breaks + joins.count { $0 <= offset })
  }

  func located(_ fault: Lexer.Fault) -> LocatedDiagnostic {
    LocatedDiagnostic(
      Diagnostic(.usage, fault.message, hint: fault.hint), at: location(ofOffset: fault.offset))
  }

  /// All words, as a command without raw text has them.
  ///
  /// Throws for a quote that is never closed, an unknown escape, or text that touches a closing quote.
  public func words() throws(LocatedDiagnostic) -> [Word] {
    var lexer = Lexer(text)
    var words: [Word] = []
    do {
      while let word = try lexer.next() { words.append(word) }
    } catch {
      throw located(error)
    }
    return words
  }
}

/// A comment line of a script; sessions keep their evidence in these.
public struct Comment: Sendable, Equatable {
  /// The line from its `#` on, without trailing blanks.
  public let text: String
  public let location: Location

  public init(_ text: String, at location: Location) {
    self.text = text
    self.location = location
  }
}
