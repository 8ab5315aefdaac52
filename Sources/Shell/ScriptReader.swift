import Base
import Foundation

/// Reads a script's statements as its bytes come, so that a command from a pipe runs before the next one is
/// written.
///
/// Lines end in LF or CR LF; a byte order mark may stand at the start. The text is UTF-8 without NUL bytes: a
/// line that is something else is an error at that line, after the statements before it. Reading can go on
/// after an error.
public final class ScriptReader {
  /// A statement or a comment.
  public enum Item: Sendable, Equatable {
    case statement(Statement)
    case comment(Comment)
  }

  public let source: String
  /// The number of lines read so far: after a statement, that of its last line.
  public var lineCount: Int { assembler.lineCount }
  private var lines: LineReader
  private var assembler: StatementAssembler

  /// `nextChunk` gives some more bytes, waiting for them, and nil at the end.
  public init(source: String, grammar: StatementGrammar, nextChunk: @escaping () throws -> Data?) {
    self.source = source
    lines = LineReader(nextChunk: nextChunk)
    assembler = StatementAssembler(source: source, grammar: grammar)
  }

  /// Reads a script that is there as a whole.
  public convenience init(source: String, grammar: StatementGrammar, data: Data) {
    var data: Data? = data
    self.init(source: source, grammar: grammar) {
      defer { data = nil }
      return data
    }
  }

  /// Reads a file or a pipe. Throws a `Diagnostic` of kind `.file` when it cannot be opened.
  public convenience init(file path: String, grammar: StatementGrammar) throws(Diagnostic) {
    let stream = try ByteStream(path: path)
    self.init(source: path, grammar: grammar) { try stream.next() }
  }

  /// Reads an open file descriptor, such as standard input, giving each piece on as soon as it comes.
  public convenience init(source: String, grammar: StatementGrammar, descriptor: Int32) {
    let stream = ByteStream(descriptor: descriptor)
    self.init(source: source, grammar: grammar) { try stream.next() }
  }

  /// The next statement, or nil at the end. Throws what `nextItem` throws.
  public func next() throws(LocatedDiagnostic) -> Statement? {
    while let item = try nextItem() {
      if case .statement(let statement) = item { return statement }
    }
    return nil
  }

  /// The next statement or comment, or nil at the end.
  ///
  /// Throws for a line that is no UTF-8 text, a `"""` that is never closed, a last line that ends in `\`, a
  /// command that is too long, and bytes that cannot be read.
  public func nextItem() throws(LocatedDiagnostic) -> Item? {
    while let line = try nextLine() {
      switch try assembler.append(line.text, fault: line.fault) {
      case .complete(let statement): return .statement(statement)
      case .comment(let comment): return .comment(comment)
      case .incomplete, .empty: continue
      }
    }
    try assembler.finish()
    return nil
  }

  private func nextLine() throws(LocatedDiagnostic) -> LineReader.Line? {
    do {
      return try lines.next()
    } catch {
      assembler.reset()
      let diagnostic =
        error as? Diagnostic ?? Diagnostic(.file, "cannot be read: \(error.localizedDescription)")
      throw LocatedDiagnostic(diagnostic, at: Location(source: source, line: assembler.lineCount + 1))
    }
  }
}
