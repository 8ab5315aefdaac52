import Base
import Graph
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
  func view(of word: String) throws -> View {
    let subject = Self.isPath(word) ? try Subject(path: word) : try Subject(builtIn: word)
    let edge = subject.defaultSize
    return View(
      subject: subject, width: settings.size?.width ?? edge, height: settings.size?.height ?? edge, isLoaded: false)
  }

  /// Takes a leading architecture's name or checkpoint's path off `words`; without one, the loaded model is meant.
  func takeView(_ words: inout [String]) throws -> View {
    guard let word = words.first, Architecture.names.contains(word) || Self.isPath(word) else { return loadedView }
    words.removeFirst()
    return try view(of: word)
  }

  /// Paths of the loaded model that can be listed, for completion.
  var layerPaths: [String] {
    guard let components = try? loadedView.components() else { return [] }
    return LayerTree(components).paths
  }

  /// The loaded checkpoints' tensors by component and key, for completion.
  var tensorNames: [String] {
    subject.parts.flatMap { part in (part.checkpoint?.tensors.keys.sorted() ?? []).map { "\(part.name).\($0)" } }
  }

  /// Whether a word is a file's or folder's path rather than a layer's: those have no slash.
  static func isPath(_ word: String) -> Bool { word.contains("/") || word.hasSuffix(".safetensors") }
}
