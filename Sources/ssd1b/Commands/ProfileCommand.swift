import Base
import Inspection
import Kernels
import Runtime
import Shell

/// Where the last run's time went, against what the machine can do.
enum ProfileCommand {
  private enum Grouping: String, CaseIterable { case kind, layer, component }

  static let command = Command<Session>(
    CommandDeclaration(
      "profile", group: "Inspection",
      summary: "the last run's time by kind of layer or layer, against the matmul peak",
      discussion: """
        Time is summed over all steps. What is fused into a call belongs to it: a linear layer's residual, a convolution's \
        activation, a convolution that comes after a doubling does 4/9 of its multiply-adds. A multiply-add is two operations; the peak is that of the fastest matrix product here, measured now in the \
        same precision.
        """,
      options: [
        OptionDeclaration("by", .choice(Grouping.allCases.map(\.rawValue)), summary: "kind unless given"),
        OptionDeclaration("top", .integer(1...100_000), summary: "only so many rows; 20 layers unless given"),
      ], givesTable: true, evidence: .none,
      examples: [("profile", "by kind of layer"), ("profile by=layer top=10", "the ten dearest layers")])
  ) { invocation, session in
    _ = try session.lastRun()
    let grouping = invocation.text("by").flatMap { Grouping(rawValue: $0) } ?? .kind
    let backend = try session.model().backend
    var groups: [String: Group] = [:]
    for (component, calls) in try session.profile() {
      for call in calls where call.step.isWork {
        let name =
          switch grouping {
          case .kind: call.step.kind
          case .layer: "\(component.rawValue).\(call.step.node.path)"
          case .component: component.rawValue
          }
        groups[name, default: Group()].add(call, on: backend)
      }
    }
    let ranked = groups.sorted { ($0.value.seconds, $1.key) > ($1.value.seconds, $0.key) }
    guard !groups.isEmpty else {
      throw Diagnostic(
        .usage, at: "profile",
        "the last run's times are gone: the backend was changed, or the run was cut short",
        hint: "generate a picture first")
    }
    let total = groups.values.reduce(into: Group()) { $0.add($1) }
    let precision = backend.precision
    let peak = try session.matmulPeak(precision)
    let top = try invocation.integer("top")
    var data = DataTable([
      grouping.rawValue, "calls", "seconds", "share", "flops_per_second", "share_of_peak",
    ])
    for (name, group) in ranked.prefix(top ?? .max) {
      let rate = group.operationsPerSecond
      data.append([
        .string(name), .integer(group.calls), .number(group.seconds), .number(group.seconds / total.seconds),
        rate.map(JSONValue.number) ?? .null, rate.map { .number($0 / peak) } ?? .null,
      ])
    }
    let shown = ranked.prefix(top ?? (grouping == .layer ? 20 : .max))
    let table = Table(
      columns: [.init(grouping.rawValue, role: grouping == .layer ? .path : .name)]
        + ["calls", "time", "share", "GFLOP/s", "of peak"].map { .init($0, .right) },
      rows: shown.map { name, group in
        let rate = group.operationsPerSecond
        return [
          name, Number.grouped(group.calls), Number.time(.seconds(group.seconds)),
          Number.percent(group.seconds / total.seconds), rate.map { Number.fixed($0 / 1e9, 1) } ?? "",
          rate.map { Number.percent($0 / peak) } ?? "",
        ]
      },
      footer: [
        "\(shown.count) of \(Number.counted(ranked.count, "row"))",
        "total: \(Number.time(.seconds(total.seconds)))"
          + (total.operationsPerSecond.map {
            ", \(Number.fixed($0 / 1e9, 1)) GFLOP/s, \(Number.percent($0 / peak)) of the matmul peak"
          } ?? "") + " of \(Number.fixed(peak / 1e9, 1)) GFLOP/s in \(precision.rawValue)",
      ])
    return .ofLastRun(
      table.text(maximumWidth: session.width),
      result: [
        "by": .string(grouping.rawValue), "rows": data.json, "seconds": .number(total.seconds),
        "peak_flops_per_second": .number(peak), "precision": .string(precision.rawValue),
      ], tables: [data])
  }

  private struct Group {
    var calls = 0
    var seconds = 0.0
    var multiplyAdds = 0.0

    mutating func add(_ call: StepTime, on backend: any Backend) {
      calls += call.runs
      seconds += call.duration.seconds
      let share = call.step.isDoubled ? backend.doubledShare : 1
      multiplyAdds += share * Double(call.step.node.multiplyAdds) * Double(call.runs)
    }

    mutating func add(_ other: Group) {
      calls += other.calls
      seconds += other.seconds
      multiplyAdds += other.multiplyAdds
    }

    /// nil where nothing is multiplied.
    var operationsPerSecond: Double? { multiplyAdds == 0 || seconds == 0 ? nil : 2 * multiplyAdds / seconds }
  }
}

extension Plan.Step {
  /// Whether it computes anything: a reshape is another look at the same numbers.
  fileprivate var isWork: Bool {
    if case .reshape = node.op { return false }
    return true
  }
}
