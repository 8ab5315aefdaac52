import Base
import Checkpoints
import Models
import Runtime

extension DiffusionModel {
  /// What a user should know of how a model's files were read.
  static func notes(
    _ checkpoints: [Architecture.Component: Checkpoint], _ bindings: [Architecture.Component: WeightBinding],
    _ scheduler: SchedulerConfig
  ) -> [String] {
    var notes = [Checkpoint.note(onVariantsOf: checkpoints), scheduler.substitution].compactMap { $0 }
    for component in Architecture.Component.allCases {
      guard let unused = bindings[component]?.unused, !unused.isEmpty else { continue }
      let names = unused.prefix(4).map(\.escapingInvisibles)
      let others = unused.count > names.count ? ["\(unused.count - names.count) more"] : []
      notes.append(
        "\(component.rawValue) has tensors that are no weights of its network and are not used: "
          + NearestNames.list(names + others, "and"))
    }
    return notes
  }

  /// Names of stored tensors that the network of a component's folder does not use.
  public func unusedTensors(of folder: String) -> [String] {
    Architecture.Component(rawValue: folder).flatMap { bindings[$0]?.unused } ?? []
  }
}

extension Checkpoint {
  /// Says which weights were taken where folders hold several variants; nil where none does.
  static func note(onVariantsOf checkpoints: [Architecture.Component: Checkpoint]) -> String? {
    let several = Architecture.Component.allCases.filter { (checkpoints[$0]?.variants.count ?? 0) > 1 }
    guard let first = several.first, let checkpoint = checkpoints[first] else { return nil }
    func name(_ variant: String?) -> String { variant.map { "the \($0) ones" } ?? "the plain ones" }
    let taken = Set(several.map { checkpoints[$0]?.variant })
    let others = checkpoint.variants.filter { $0 != checkpoint.variant }.compactMap { $0 }
    let which =
      taken.count == 1 ? name(checkpoint.variant) : "those asked for, or the plain ones where there are none"
    return
      "\(NearestNames.list(several.map(\.rawValue), "and")) \(several.count == 1 ? "has" : "have") several variants of "
      + "weights; \(which) are taken" + (others.isEmpty ? "" : " (--variant \(others[0]) takes the others)")
  }
}
