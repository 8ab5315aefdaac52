import Base
import CLibEdit
import Glibc

/// A prompt with editing, history and completion on a terminal, by libedit.
///
/// Emacs keys unless `~/.editrc` says otherwise. Create and use it on one thread, and one at a time in a
/// process: while it waits, the process's handlers for the terminal's signals are its own.
public final class LineEditor {
  public enum Line: Equatable, Sendable {
    /// What was entered, without the newline.
    case text(String)
    /// Ctrl-C: what stood on the line is given up.
    case interrupted
    /// Ctrl-D on an empty line, or the terminal is gone, or SIGTERM, which the caller's handler has seen by
    /// now.
    case endOfInput
  }

  public typealias Completer = (_ line: String, _ cursorUTF8Offset: Int) -> Completion

  private let editor: OpaquePointer
  private let context: Context
  private var history: History

  /// Opens the terminal at `input` and `output`.
  ///
  /// Sets the process's LC_CTYPE to the environment's, or to C.UTF-8 where that is no UTF-8. `name` is the
  /// program name that the key bindings may test for: those of the file `settingsPath`, nil being `$EDITRC`
  /// or `~/.editrc`. A history that cannot be read is no error but `warning`. Throws `Diagnostic` of kind
  /// `.usage` when `input` is no terminal or libedit cannot use it.
  public init(
    name: String, historyPath: String?, settingsPath: String? = nil, input: Int32 = 0, output: Int32 = 1,
    complete: @escaping Completer
  ) throws {
    guard TerminalInfo.isTerminal(input) else {
      throw Diagnostic(
        .usage, at: "standard input", "expected a terminal to edit lines on, found something else",
        hint: "off a terminal, commands come from -c, -f or standard input")
    }
    _ = clibedit_use_utf8()
    let context = Context(complete: complete)
    let address = Unmanaged.passUnretained(context).toOpaque()
    let onTab: clibedit_complete = { address in
      guard let address else { return }
      Unmanaged<Context>.fromOpaque(address).takeUnretainedValue().completeWord()
    }
    guard
      let editor = clibedit_open(
        name, settingsPath, input, output, Int32(History.capacity), onTab, address)
    else {
      throw Diagnostic(
        .usage, at: "standard input", "no line editor on this terminal: \(String(cString: strerror(errno)))",
        hint: "check TERM, or give commands with -c or -f")
    }
    context.editor = editor
    context.output = output
    self.editor = editor
    self.context = context
    history = History(path: historyPath)
    for entry in history.entries { clibedit_remember(editor, entry) }
  }

  deinit { clibedit_close(editor) }

  /// The entries loaded and those of this session, oldest first.
  public var entries: [String] { history.entries }

  /// What went wrong with the history file, in one sentence, or nil.
  public var warning: String? { history.warning }

  /// Adds an entry to the history and its file, as `History.add` does.
  ///
  /// `readLine` does not: only the caller knows where a command of several lines ends.
  public func remember(_ entry: String) {
    let entry = String(entry.unicodeScalars.filter { $0 != "\0" })
    if history.add(entry) { clibedit_remember(editor, entry) }
  }

  /// Has the next `readLine` begin with keys that were typed before it.
  public func typeAhead(_ text: String) { clibedit_type_ahead(editor, text) }

  /// Says that the terminal has yet to answer a question: its answers are not keystrokes. `begun` is
  /// the part of an answer that has come already.
  public func awaitAnswers(begun: [UInt8]) {
    begun.withUnsafeBytes { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        clibedit_await_answers(editor, $0.baseAddress, Int32($0.count))
      }
    }
  }

  /// Shows `prompt`, which may have colour sequences (SGR), and reads one line.
  public func readLine(prompt: String) -> Line {
    context.prompt = Self.plain(prompt)
    var text: UnsafePointer<CChar>?
    var length: Int32 = 0
    let status = Self.marked(prompt).withCString { clibedit_read(editor, $0, &text, &length) }
    guard status == clibedit_text else { return status == clibedit_interrupted ? .interrupted : .endOfInput }
    return .text(Context.text(text, length))
  }
}

extension LineEditor {
  /// What libedit calls back into. It has no reference to the editor object, which owns it.
  fileprivate final class Context {
    let complete: Completer
    var editor: OpaquePointer?
    var output: Int32 = 1
    var prompt = ""

    init(complete: @escaping Completer) { self.complete = complete }

    static func text(_ bytes: UnsafePointer<CChar>?, _ length: Int32) -> String {
      String(decoding: UnsafeRawBufferPointer(start: bytes, count: Int(length)), as: UTF8.self)
    }

    func completeWord() {
      guard let editor else { return }
      var (length, cursor): (Int32, Int32) = (0, 0)
      let line = Self.text(clibedit_line(editor, &length, &cursor), length)
      let edit = complete(line, Int(cursor)).edit(line: line, cursor: Int(cursor))
      let columns = TerminalInfo.columns(output, environment: [:])
      let before = String(decoding: Array(line.utf8.prefix(Int(cursor))), as: UTF8.self)
      if !edit.list.isEmpty {
        // The cursor may stand on a row above the line's last.
        let rowsDown = row(prompt + line, columns) - row(prompt + before, columns) + 1
        let list = Completion.columns(edit.list, width: columns)
        clibedit_replace(editor, Int32(edit.deletedScalars), edit.insertion)
        clibedit_print_below(editor, Int32(rowsDown), list)
      } else {
        clibedit_replace(editor, Int32(edit.deletedScalars), edit.insertion)
      }
    }

    private func row(_ text: String, _ columns: Int) -> Int { DisplayWidth.of(text) / columns }
  }

  /// A colour sequence: ESC [ digits and semicolons m.
  private static func split(_ prompt: String) -> [(text: String, isColor: Bool)] {
    prompt.split(separator: "\u{1B}", omittingEmptySubsequences: false).enumerated().flatMap {
      index, piece -> [(text: String, isColor: Bool)] in
      guard index > 0 else { return [(String(piece), false)] }
      guard let end = piece.firstIndex(of: "m") else { return [(String(piece), false)] }
      return [("\u{1B}" + piece[...end], true), (String(piece[piece.index(after: end)...]), false)]
    }.filter { !$0.text.isEmpty }
  }

  private static func plain(_ prompt: String) -> String {
    split(prompt).filter { !$0.isColor }.map(\.text).joined()
  }

  /// Colour sequences between \1, which libedit does not count.
  private static func marked(_ prompt: String) -> String {
    var pieces = split(prompt)
    // libedit drops a sequence with nothing after it: the last character goes behind it.
    if let last = pieces.last, last.isColor, let text = pieces.lastIndex(where: { !$0.isColor }) {
      pieces.append((String(pieces[text].text.removeLast()), false))
    }
    // Nor does it take two in a row.
    var text = ""
    var isColor = false
    for piece in pieces where !piece.text.isEmpty {
      if piece.isColor != isColor { text += "\u{1}" }
      text += piece.text
      isColor = piece.isColor
    }
    return text
  }
}
