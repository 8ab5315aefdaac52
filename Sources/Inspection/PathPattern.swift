import Base
import Foundation

/// A filter over paths: a glob with `*` (any text, dots too) and `?` (one character), a regular expression between slashes,
/// else a text to be contained.
public struct PathPattern: Hashable, Sendable {
  public let text: String
  private enum Form: Hashable, Sendable {
    case contained, glob
    case expression(NSRegularExpression)
  }
  private let form: Form

  /// Whether it is neither a glob nor a regular expression.
  public var isPlain: Bool { form == .contained }

  /// Throws a `Diagnostic` of kind `.value` for a regular expression that is none.
  public init(_ text: String) throws {
    self.text = text
    if text.count > 2, text.hasPrefix("/"), text.hasSuffix("/") {
      do {
        form = .expression(try NSRegularExpression(pattern: String(text.dropFirst().dropLast())))
      } catch {
        throw Diagnostic(
          .value, at: text, "expected a regular expression between slashes, found one that cannot be read",
          hint: "brackets and parentheses must be closed, and a literal dot is \\.")
      }
    } else {
      form = text.contains("*") || text.contains("?") ? .glob : .contained
    }
  }

  /// Whether the pattern fits a path, or for a glob a path around it.
  ///
  /// Throws when `InterruptFlag` is raised: some regular expressions would run for ever.
  public func matches(_ path: String) throws -> Bool {
    guard case .glob = form else { return try matchesWhole(path) }
    // A path around it is what some dot ends.
    return try matchesWhole(path) || Self.fits(Array((text + ".*").utf8), Array(path.utf8))
  }

  /// Whether a glob fits this very path, an expression some of it, or a text is contained in it.
  public func matchesWhole(_ path: String) throws -> Bool {
    switch form {
    case .contained: return path.contains(text)
    case .glob: return Self.fits(Array(text.utf8), Array(path.utf8))
    case .expression(let expression):
      return try Self.matches(expression, path)
    }
  }

  private static func matches(_ expression: NSRegularExpression, _ path: String) throws -> Bool {
    var isFound = false
    expression.enumerateMatches(
      in: path, options: .reportProgress, range: NSRange(path.startIndex..., in: path)
    ) { match, _, stop in
      if match != nil { isFound = true }
      if match != nil || InterruptFlag.isRaised { stop.pointee = true }
    }
    if !isFound { try InterruptFlag.check() }
    return isFound
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
