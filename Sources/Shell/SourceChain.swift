import Base
import Foundation

/// The scripts that run each other at a moment, outermost first; it keeps `source` from going round in
/// circles.
public struct SourceChain: Sendable, Equatable {
  /// How many scripts may run inside each other.
  public static let maximumDepth = 16

  /// As they were given.
  public let paths: [String]
  private let resolved: [String]

  /// Of a terminal, standard input or `-c`: no script runs yet.
  public init() { self.init(paths: [], resolved: []) }

  private init(paths: [String], resolved: [String]) {
    self.paths = paths
    self.resolved = resolved
  }

  /// The chain inside the script at `path`.
  ///
  /// Throws a `Diagnostic` that names the chain when the script runs already, also by another path or a link,
  /// or the chain would be longer than `maximumDepth`.
  public func entering(_ path: String) throws(Diagnostic) -> SourceChain {
    let file = URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    let names = (paths + [path]).joined(separator: " → ")
    if resolved.contains(file) {
      throw Diagnostic(
        .usage, at: "source", "\(path) is running already: \(names)", hint: "a script cannot run itself")
    }
    guard paths.count < Self.maximumDepth else {
      throw Diagnostic(
        .usage, at: "source", "more than \(Self.maximumDepth) scripts inside each other: \(names)",
        hint: "let one script run the others in turn")
    }
    return SourceChain(paths: paths + [path], resolved: resolved + [file])
  }
}
