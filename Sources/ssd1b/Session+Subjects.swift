import Base
import Foundation
import Inspection
import Models
import Shell

extension Session {
  /// What a command looks at, and the picture's size it counts for.
  struct View {
    let subject: Subject
    let width: Int
    let height: Int
    /// Whether it is the loaded model, whose last run was measured.
    let isLoaded: Bool

    func components() throws -> [LayerTree.Component] { try subject.components(width: width, height: height) }

    /// What the numbers are for, and what a lone checkpoint is.
    var caption: String {
      let networks = subject.parts.contains { $0.network != nil }
      let name = subject.name.escapingInvisibles
      return ([networks ? "\(name) at \(width)x\(height), batch 1" : name] + subject.notes)
        .joined(separator: "\n")
    }
  }

  /// The loaded model, at the present size.
  var loadedView: View {
    let request = settings.request(start: start)
    return View(subject: subject, width: request.width, height: request.height, isLoaded: true)
  }

  /// A built-in architecture by its name, or what lies at a path; at the size that was set, else its own.
  ///
  /// Here a word can be nothing else, so a folder needs no slash.
  func view(ofModel word: String) throws -> View {
    let isBuiltIn = Architecture.names.contains(word)
    let isThere = Self.isPath(word) || (!isBuiltIn && FileManager.default.fileExists(atPath: word))
    return try view(of: word, isPath: isThere)
  }

  private func view(of word: String, isPath: Bool) throws -> View {
    let subject = isPath ? try Subject(path: word) : try Subject(builtIn: word)
    let edge = subject.defaultSize
    return View(
      subject: subject, width: settings.size?.width ?? edge, height: settings.size?.height ?? edge,
      isLoaded: false)
  }

  /// Takes a leading architecture's name or checkpoint's path off `words`; without one, the loaded model is meant.
  func takeView(_ words: inout [String]) throws -> View {
    try refreshModel()
    guard let word = words.first, Architecture.names.contains(word) || Self.isPath(word) else {
      return loadedView
    }
    words.removeFirst()
    return try view(of: word, isPath: Self.isPath(word))
  }

  /// What to do about a word that is no layer's path: it may be meant to be a model.
  static func hint(forUnknownPath word: String) -> String? {
    if FileManager.default.fileExists(atPath: word) {
      return "a folder's or file's path has a slash: ./\(word)"
    }
    let near = NearestNames.suggest(word, among: Architecture.names)
    return near.isEmpty ? nil : "did you mean the architecture \(NearestNames.list(near, "or"))?"
  }

  /// Paths of the loaded model's parts that begin so, for completion: no further than the next dot.
  func layerPaths(beginning: String) -> [String] {
    guard let components = try? loadedView.components() else { return [] }
    var found: [String] = []
    for path in LayerTree(components).paths where path.hasPrefix(beginning) {
      let rest = path.dropFirst(beginning.count)
      let next = rest.firstIndex(of: ".").map { String(path[...$0]) } ?? path
      if found.last != next { found.append(next) }
    }
    // A part that has parts is offered with its dot alone.
    let whole = Set(found)
    return whole.filter { !whole.contains($0 + ".") }.sorted()
  }

  /// The loaded checkpoints' tensors by component and key, for completion.
  var tensorNames: [String] {
    subject.parts.flatMap { part in
      (part.checkpoint?.tensors.keys.sorted() ?? []).map { "\(part.name).\($0)" }
    }
  }

  /// Whether a word is a file's or folder's path rather than a layer's: those have no slash.
  static func isPath(_ word: String) -> Bool { word.contains("/") || word.hasSuffix(".safetensors") }
}
