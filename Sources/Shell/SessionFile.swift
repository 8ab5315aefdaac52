import Base
import Foundation

/// A script that is its own evidence:
///
///     #!ssd1b 1
///     #: model sha256:… precision=f32
///     generate steps=8
///     #= latents[8] sha256:… mean=… std=… probe=…
///     #~ time 3.4 s
///
/// `#:` must hold before it runs, `#=` is compared, `#~` is information; every other line is as in any script.
public struct SessionFile: Sendable {
  /// A command and what is known of it.
  public struct Entry: Sendable {
    public let statement: Statement
    public var evidence: [Evidence] = []
    public var information: [String] = []
    /// The last line of the file that belongs to the command itself.
    let lastLine: Int
  }

  /// The version of the form, which the first line names.
  public static let version = 1
  public static var firstLine: String { "#!ssd1b \(version)" }

  private static let maximumBytes = 256 << 20
  private static let knownConditions = ["model", "precision", "backend", "machine", "commands", "values"]

  public let source: String
  /// The words of the `#:` lines as pairs: `model` and `sha256:…`, `precision` and `f32`.
  public private(set) var conditions: [String: String] = [:]
  /// Where the conditions stand; the first line where there are none.
  public private(set) var conditionsLocation: Location
  public private(set) var entries: [Entry] = []
  private let lines: [String]
  private let lineBreak: String

  /// Takes a session file apart. Throws for what a script could not be run for either, and for evidence that is none.
  public init(file path: String, grammar: StatementGrammar) throws {
    // Read once: it may be a pipe.
    let stream = try ByteStream(path: path)
    var data = Data()
    while data.count <= Self.maximumBytes {
      let more = try stream.next()
      if more.isEmpty { break }
      data += more
    }
    guard data.count <= Self.maximumBytes else {
      throw Diagnostic(
        .file, at: path, "it has more than \(Self.maximumBytes) bytes, which no recorded session has",
        hint: "check that it is the right file")
    }
    try self.init(ScriptReader(source: path, grammar: grammar, data: data), data: data)
  }

  init(_ reader: ScriptReader, data: Data) throws {
    source = reader.source
    conditionsLocation = Location(source: reader.source, line: 1)
    // By bytes: to Swift a carriage return and its line feed are one character.
    let bytes = data.starts(with: [0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data
    let rows = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    lineBreak = rows.first?.last == UInt8(ascii: "\r") ? "\r\n" : "\n"
    lines = rows.map { row in
      String(decoding: row.last == UInt8(ascii: "\r") ? row.dropLast() : row, as: UTF8.self)
    }
    let first = lines.first ?? ""
    guard first == Self.firstLine else {
      let isNewer = first.hasPrefix("#!ssd1b ")
      throw LocatedDiagnostic(
        Diagnostic(
          .usage,
          "expected a recorded session, whose first line is \(Self.firstLine), found \(ErrorText.shown(first))",
          hint: isNewer
            ? "it was recorded by another version of this program"
            : "record FILE writes one; source FILE runs any script"),
        at: conditionsLocation)
    }
    while let item = try reader.nextItem() {
      switch item {
      case .statement(let statement):
        entries.append(Entry(statement: statement, lastLine: reader.lineCount))
      case .comment(let comment):
        do { try add(comment) } catch { throw LocatedDiagnostic(error, at: comment.location) }
      }
    }
  }

  private mutating func add(_ comment: Comment) throws(Diagnostic) {
    let text = comment.text
    let rest = text.dropFirst(2).trimmingCharacters(in: .whitespaces)
    if text.hasPrefix("#:") {
      conditionsLocation = comment.location
      var words = rest.split(separator: " ").map(String.init)[...]
      while let word = words.popFirst() {
        let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
        let (name, value) = parts.count == 2 ? (parts[0], parts[1]) : (word, words.popFirst())
        guard Self.knownConditions.contains(name), let value else {
          throw Diagnostic(
            .usage,
            "condition: expected \(NearestNames.list(Self.knownConditions, "or")) with a value, found \(ErrorText.shown(word))",
            hint: "verify update FILE writes the conditions anew")
        }
        conditions[name] = value
      }
    } else if text.hasPrefix("#="), !entries.isEmpty {
      entries[entries.count - 1].evidence.append(try Evidence(parsing: text))
    } else if text.hasPrefix("#~"), !entries.isEmpty {
      entries[entries.count - 1].information.append(rest)
    }
  }

  /// How many commands and values there are, as `conditions` have it.
  public static func counts(commands: Int, values: Int) -> String { "commands=\(commands) values=\(values)" }

  /// Throws when the file says that it had other commands or values than it has: it was cut off or changed by hand.
  public func checkWhole() throws(LocatedDiagnostic) {
    let found = [("commands", entries.count), ("values", entries.reduce(0) { $0 + $1.evidence.count })]
    for (name, count) in found {
      guard let said = conditions[name], said != "\(count)" else { continue }
      throw LocatedDiagnostic(
        Diagnostic(
          .usage, at: source, "expected \(said) \(name), as the file says, found \(count)",
          hint: "it was cut off or changed by hand: verify update FILE takes it as it is"),
        at: conditionsLocation)
    }
  }

  /// The file with other evidence and times, an element for each entry; every other line stays as it is.
  public func updated(
    conditions: String, with results: [(evidence: [Evidence], information: [String])]
  ) -> String {
    precondition(results.count == entries.count, "evidence for each entry")
    var added: [Int: [String]] = [:]
    for (entry, result) in zip(entries, results) {
      added[entry.lastLine] = result.evidence.map(\.line) + result.information.map { "#~ \($0)" }
    }
    var updated: [String] = []
    var hasConditions = false
    for (index, line) in lines.enumerated() {
      let isInsideText = entries.contains {
        $0.statement.location.line <= index + 1 && index + 1 <= $0.lastLine
      }
      let comment = isInsideText ? "" : line.trimmingCharacters(in: .whitespaces)
      if comment.hasPrefix("#=") || comment.hasPrefix("#~ time ") { continue }
      if comment.hasPrefix("#:") {
        if !hasConditions { updated.append(conditions) }
        hasConditions = true
        continue
      }
      updated.append(line)
      if index == 0, self.conditions.isEmpty { updated.append(conditions) }
      updated += added[index + 1] ?? []
    }
    return updated.joined(separator: lineBreak)
  }
}
