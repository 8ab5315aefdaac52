import Base
import Checkpoints
import Diffusion
import Graph
import Inspection
import Models

/// What inspection looks at: the loaded model, or a built-in architecture that no checkpoint is needed for.
struct InspectedModel {
  let name: String
  let architecture: Architecture
  /// How the loaded checkpoint stores a tensor; nil for an architecture alone.
  let weights: StoredWeight.Lookup?
  let width: Int
  let height: Int

  /// The loaded model at the present size.
  init(loadedIn session: Session) {
    let model = session.model
    name = model.modelName
    architecture = model.architecture
    weights = { component, key in
      guard let component = Architecture.Component(rawValue: component), let checkpoint = model.checkpoints[component],
        let tensor = KeyLayout.candidates(for: key).lazy.compactMap({ checkpoint.tensors[$0] }).first
      else { return nil }
      return StoredWeight(dtype: tensor.entry.dtype.rawValue, bytes: tensor.bytes.count)
    }
    let request = session.settings.request(start: session.start)
    (width, height) = (request.width, request.height)
  }

  /// A built-in architecture, at the size that was set or else its own. Throws for a name that is none.
  init(named name: String, in session: Session) throws {
    self.name = name
    architecture = try Architecture(named: name)
    weights = nil
    width = session.settings.size?.width ?? architecture.defaultSize
    height = session.settings.size?.height ?? architecture.defaultSize
  }

  func graph(_ component: Architecture.Component) throws -> Graph {
    try architecture.graph(component, width: width, height: height, batch: 1)
  }

  func components() throws -> [(name: String, graph: Graph)] {
    try Architecture.Component.allCases.map { ($0.rawValue, try graph($0)) }
  }

  /// What the numbers are for.
  var caption: String { "\(name) at \(width)x\(height), batch 1" }
}
