import Graph
import Models
import Runtime

/// Something that looks on while a generation runs. What it sees changes no bit of the result.
public protocol RunObserver: AnyObject {
  /// The paths of a component's modules and layers that it wants to see in some step.
  func paths(of component: Architecture.Component) -> Set<String>

  /// What is called with those values as they are computed; nil when none is wanted now.
  ///
  /// - Parameters:
  ///   - step: counted from 1; nil for a component that runs once.
  ///   - batch: rows of the batch: [negative, prompt] with guidance, else [prompt].
  func observer(of component: Architecture.Component, in graph: Graph, step: Int?, batch: Int) -> Executor
    .Observer?
}

extension [any RunObserver] {
  func paths(of component: Architecture.Component) -> Set<String> {
    reduce(into: []) { $0.formUnion($1.paths(of: component)) }
  }

  /// All that look on now, as one.
  func observer(
    of component: Architecture.Component, in graph: Graph, step: Int? = nil, batch: Int
  ) -> Executor.Observer? {
    let present = compactMap { $0.observer(of: component, in: graph, step: step, batch: batch) }
    guard !present.isEmpty else { return nil }
    return { node, output in for observer in present { try observer(node, output) } }
  }
}
