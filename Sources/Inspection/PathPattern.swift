/// A filter over paths: a glob with `*` (any text, dots too) and `?` (one character), else a text to be contained.
public struct PathPattern: Hashable, Sendable {
  public let text: String
  private let isGlob: Bool

  public init(_ text: String) {
    self.text = text
    isGlob = text.contains("*") || text.contains("?")
  }

  /// Whether the pattern fits a path, or for a glob a path around it.
  public func matches(_ path: String) -> Bool {
    guard isGlob else { return path.contains(text) }
    var rest = path[...]
    while true {
      if Self.fits(Array(text.utf8), Array(rest.utf8)) { return true }
      guard let dot = rest.lastIndex(of: ".") else { return false }
      rest = rest[..<dot]
    }
  }

  /// Matches from the left, going back to the last star on a mismatch: linear but for the stars.
  private static func fits(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
    var (p, t) = (0, 0)
    var retry: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        retry = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == UInt8(ascii: "?") || pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let last = retry {
        retry = (last.pattern, last.text + 1)
        (p, t) = (last.pattern + 1, last.text + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
