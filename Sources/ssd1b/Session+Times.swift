import Base
import Diffusion
import Graph
import Models
import Runtime

/// What was measured of the loaded model's last run.
extension Session {
  /// The kernel calls of each component in the last run; a component that did not run has none.
  func profile() throws -> [(component: Architecture.Component, calls: [StepTime])] {
    let model = try model()
    return Architecture.Component.allCases.map { component in
      (component, model.profile(of: component).filter { $0.runs > 0 })
    }
  }

  /// How long the nodes of the loaded model took in the last run; nil unless that had the present size.
  var measuredTimes: ((_ component: String, _ path: String) -> Duration?)? {
    guard isLastRunOfThisSize, let profile = try? profile() else { return nil }
    var times: [String: [String: Duration]] = [:]
    for (component, calls) in profile {
      for call in calls {
        times[component.rawValue, default: [:]][call.step.node.path, default: .zero] += call.duration
      }
    }
    return { times[$0]?[$1] }
  }

  /// How long a UNet's layer of a kind and shape took in the last run, by the mean of those alike; nil unless the last run
  /// had the present size.
  var timesOfAlikeLayers: ((Node) -> Duration?)? {
    guard isLastRunOfThisSize,
      let calls = try? profile().first(where: { $0.component == .unet })?.calls, !calls.isEmpty
    else { return nil }
    var sums: [Signature: (time: Duration, count: Int)] = [:]
    for call in calls {
      let signature = Signature(call.step.node)
      sums[signature, default: (.zero, 0)].time += call.duration
      sums[signature, default: (.zero, 0)].count += 1
    }
    return { node in sums[Signature(node)].map { $0.time / $0.count } }
  }

  private var isLastRunOfThisSize: Bool {
    let request = settings.request(start: start)
    return last.map { $0.request.width == request.width && $0.request.height == request.height } ?? false
  }

  /// What decides a layer's work but for the number of pictures.
  private struct Signature: Hashable {
    let op: Op
    let inputs: [[Int]]

    init(_ node: Node) {
      op = node.op
      inputs = node.inputs.map { Array($0.shape.extents.dropFirst()) }
    }
  }
}
