/// What may stand where the cursor is.
public struct Completion: Sendable, Equatable {
  public struct Candidate: Sendable, Equatable {
    /// What replaces the text from `replaceFrom` to the cursor, quoted where the language asks for it.
    public let text: String
    /// What follows when this is the only candidate: a blank after a word, `=` after an option's key, nothing
    /// after a folder.
    public let suffix: String
    /// One line, for lists; may be empty.
    public let summary: String

    public init(_ text: String, suffix: String, summary: String = "") {
      self.text = text
      self.suffix = suffix
      self.summary = summary
    }
  }

  /// UTF-8 offset in the line.
  public let replaceFrom: Int
  public let candidates: [Candidate]

  public init(replaceFrom: Int, candidates: [Candidate]) {
    self.replaceFrom = replaceFrom
    self.candidates = candidates
  }
}
