import Base
import Graph
import Kernels
import Models
import Runtime

/// What a run shall keep of one layer or module.
public struct Capture: Hashable, Sendable {
  /// Which rows of a batch: with guidance the UNet and the text encoders compute both.
  public enum Half: String, Hashable, Sendable, CaseIterable {
    case negative, prompt
  }

  public var component: Architecture.Component
  /// The path within the component.
  public var path: String
  /// Keeps all values rather than statistics alone.
  public var keepsValues: Bool
  /// The steps, counted from 1; nil for all. For the UNet alone: the other components run once.
  public var steps: Set<Int>?
  public var halves: Set<Half>

  public init(
    component: Architecture.Component, path: String, keepsValues: Bool, steps: Set<Int>? = nil,
    halves: Set<Half> = Set(Half.allCases)
  ) {
    self.component = component
    self.path = path
    self.keepsValues = keepsValues
    self.steps = steps
    self.halves = halves
  }

  func isOf(step: Int?) -> Bool { step.map { steps?.contains($0) ?? true } ?? true }
}

/// What a layer or module computed for one picture.
public struct Captured: Sendable {
  public let component: Architecture.Component
  public let path: String
  /// Counted from 1; nil for a component that runs once.
  public let step: Int?
  /// nil where the component has no halves: the autoencoder.
  public let half: Capture.Half?
  /// N is 1; a feature map's is [1, C, H, W], as torch has it.
  public let shape: [Int]
  public let statistics: Statistics
  /// In the order of `shape`; nil when only statistics were asked for.
  public let values: [Float]?

  /// `unet.mid_block.step3.prompt`.
  public var name: String {
    (["\(component.rawValue).\(path)"] + [step.map { "step\($0)" }, half?.rawValue].compactMap { $0 })
      .joined(separator: ".")
  }
}

/// An observer that collects what some captures ask for.
public final class CaptureRecorder: RunObserver {
  private let captures: [Capture]
  public private(set) var captured: [Captured] = []

  private let pool: ThreadPool

  public init(_ captures: [Capture], on pool: ThreadPool) {
    self.captures = captures
    self.pool = pool
  }

  public func paths(of component: Architecture.Component) -> Set<String> {
    Set(captures.lazy.filter { $0.component == component }.map(\.path))
  }

  public func observer(
    of component: Architecture.Component, in graph: Graph, step: Int?, batch: Int
  ) -> Executor.Observer? {
    var wanted: [Int: [Capture]] = [:]
    let chosen = captures.filter { $0.component == component && $0.isOf(step: step) }
    let values = chosen.isEmpty ? [:] : graph.valuesByPath
    for capture in chosen {
      if let value = values[capture.path] { wanted[value.id, default: []].append(capture) }
    }
    guard !wanted.isEmpty else { return nil }
    let halves: [Capture.Half?] =
      component == .vae ? [nil] : batch == 2 ? [.negative, .prompt] : Array(repeating: .prompt, count: batch)
    return { [self] node, output in
      // A module and the layer that it returns are one value under two paths.
      let captures = wanted[node.id] ?? []
      for path in captures.map(\.path).uniqued {
        for (row, half) in halves.enumerated() {
          let fitting = captures.filter { $0.path == path && (half.map($0.halves.contains) ?? true) }
          // Asked for more than once, it is kept once, with its values if any wants them.
          guard let capture = fitting.first(where: \.keepsValues) ?? fitting.first else { continue }
          let rows = output.shape.batch / batch
          try keep(capture, step, half, output.slice(row * rows, rows))
        }
      }
    }
  }

  private func keep(_ capture: Capture, _ step: Int?, _ half: Capture.Half?, _ tensor: Tensor) throws {
    let shape = tensor.shape
    var values: [Float]?
    if capture.keepsValues {
      values = shape.rank == 4 ? Channels.first(tensor.values, channels: shape.channels) : tensor.values
    }
    let statistics = try tensor.statistics(on: pool)
    captured.append(
      Captured(
        component: capture.component, path: capture.path, step: step, half: half,
        shape: shape.rank == 4 ? [shape.batch, shape.channels, shape.height, shape.width] : shape.extents,
        statistics: statistics, values: values))
  }
}

extension Tensor {
  /// The figures of its elements. They do not depend on the number of threads.
  fileprivate func statistics(on pool: ThreadPool) throws -> Statistics {
    let part = 16 * Statistics.partCount
    let parts = try pool.map((count + part - 1) / part) { task in
      let first = task * part
      let range = Tensor(address(first), precision, [min(part, count - first)])
      return Statistics(of: range.values)
    }
    return parts.reduce(into: Statistics()) { $0.merge($1) }
  }
}

/// A layer or module that a generation computes and a capture can be of.
public struct CaptureTarget: Sendable {
  public let component: Architecture.Component
  public let path: String
  /// The op of a layer; `module` for one that has several.
  public let kind: String
  /// At batch 1, channels last.
  public let shape: Shape

  public var name: String { "\(component.rawValue).\(path)" }
}

extension DiffusionModel {
  /// Everything that a generation of pictures of `width` x `height` pixels computes, by component, in order.
  public func captureTargets(width: Int, height: Int) throws -> [CaptureTarget] {
    try Architecture.Component.allCases.flatMap { component in
      let graph = try architecture.graph(component, width: width, height: height, batch: 1)
      // Pictures are decoded in a generation, not encoded.
      let outputs = component == .vae ? graph.outputs.filter { $0.key == "decoded" } : graph.outputs
      let computed = graph.nodes(reaching: Array(outputs.values))
      let ids = Set(computed.map(\.id))
      var targets = graph.modules.filter { ids.contains($0.value.id) }.map {
        (
          CaptureTarget(component: component, path: $0.path, kind: "module", shape: $0.value.shape),
          $0.value.id
        )
      }
      let taken = Set(targets.map(\.0.path))
      targets += computed.filter { !taken.contains($0.path) }.map {
        (CaptureTarget(component: component, path: $0.path, kind: $0.op.kind, shape: $0.output.shape), $0.id)
      }
      // A module stands after the layer that it returns.
      return targets.enumerated().sorted { ($0.element.1, -$0.offset) < ($1.element.1, -$1.offset) }.map(
        \.element.0)
    }
  }
}

extension [String] {
  /// Each once, in order.
  fileprivate var uniqued: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}

extension Graph {
  /// What the module or node at each path returns.
  var valuesByPath: [String: Value] {
    let ofNodes = Dictionary(nodes.map { ($0.path, $0.output) }) { first, _ in first }
    return ofNodes.merging(modules.map { ($0.path, $0.value) }) { $1 }
  }
}
