extension LineEditor {
  /// What could stand at the cursor.
  public struct Completion: Equatable, Sendable {
    /// The whole words that fit, in the order to show them.
    public var candidates: [String]
    /// The UTF-8 offset in the line where the word to replace starts; it ends at the cursor.
    public var replaceFrom: Int
    /// What follows a word that is complete: " " or "=", or nothing.
    public var suffix: String

    public init(candidates: [String], replaceFrom: Int, suffix: String = " ") {
      self.candidates = candidates
      self.replaceFrom = replaceFrom
      self.suffix = suffix
    }
  }

  /// What pressing Tab does to the line: code points deleted before the cursor, text put there, a list shown.
  public struct CompletionEdit: Equatable, Sendable {
    public var deletedScalars = 0
    public var insertion = ""
    public var list: [String] = []

    public init(deletedScalars: Int = 0, insertion: String = "", list: [String] = []) {
      self.deletedScalars = deletedScalars
      self.insertion = insertion
      self.list = list
    }
  }
}

extension LineEditor.Completion {
  /// The edit for `line` with the cursor at the UTF-8 offset `cursor`.
  ///
  /// One candidate is inserted with the suffix, unless the suffix stands there already. Of several, what all
  /// begin with is inserted and all are listed. None, or a word start outside the line: nothing.
  public func edit(line: String, cursor: Int) -> LineEditor.CompletionEdit {
    let bytes = line.utf8
    guard !candidates.isEmpty, replaceFrom >= 0, replaceFrom <= cursor, cursor <= bytes.count else {
      return LineEditor.CompletionEdit()
    }
    let start = bytes.index(bytes.startIndex, offsetBy: replaceFrom)
    let end = bytes.index(bytes.startIndex, offsetBy: cursor)
    let word = String(line[start..<end])
    if candidates.count == 1 {
      let isSuffixThere = !suffix.isEmpty && line[end...].utf8.starts(with: suffix.utf8)
      return replacement(of: word, by: candidates[0] + (isSuffixThere ? "" : suffix))
    }
    let common = candidates.dropFirst().reduce(candidates[0]) { $0.commonPrefix(with: $1) }
    // Candidates that fit in another way than by their beginning must not take away what was typed.
    var edit =
      common.unicodeScalars.count > word.unicodeScalars.count
      ? replacement(of: word, by: common) : LineEditor.CompletionEdit()
    edit.list = candidates
    return edit
  }

  private func replacement(of word: String, by text: String) -> LineEditor.CompletionEdit {
    if text.utf8.starts(with: word.utf8) {
      return .init(insertion: String(decoding: text.utf8.dropFirst(word.utf8.count), as: UTF8.self))
    }
    return .init(deletedScalars: word.unicodeScalars.count, insertion: text)
  }

  /// `words` in as many columns as fit into `width`, filled downwards like ls(1), each line ended by a
  /// newline.
  ///
  /// Of more than `limit` words the first are shown and the rest counted.
  public static func columns(_ words: [String], width: Int, limit: Int = 200) -> String {
    let shown = words.prefix(limit).map {
      DisplayWidth.truncated(DisplayWidth.sanitized($0), to: max(1, width))
    }
    let cell = (shown.map { DisplayWidth.of($0) }.max() ?? 0) + 2
    // The last column needs no gap behind it.
    let perRow = max(1, (width + 2) / cell)
    let rows = (shown.count + perRow - 1) / perRow
    var text = ""
    for row in 0..<rows {
      let cells = stride(from: row, to: shown.count, by: rows).map { shown[$0] }
      text += cells.dropLast().map { DisplayWidth.padded($0, to: cell) }.joined() + (cells.last ?? "") + "\n"
    }
    if words.count > limit { text += "and \(words.count - limit) more\n" }
    return text
  }
}

extension String {
  fileprivate func commonPrefix(with other: String) -> String {
    String(zip(self, other).prefix { $0 == $1 }.map(\.0))
  }
}
