import Base
import Diffusion
import Inspection
import Shell

/// The latents of every step of the last run, in figures.
enum LatentsCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "latents", group: "Pictures", summary: "the last run's latents, a row a step",
      discussion: """
        Step 0 is the initial noise at its noise level. Negative, prompt and difference are L2 norms of the two predictions of \
        a step and of what guidance multiplies by its scale.
        """, givesTable: true,
      examples: [("latents", "after a generate"), ("latents as=csv", "every digit")])
  ) { _, session in
    let run = try session.lastRun()
    var data = DataTable([
      "step", "timestep", "sigma", "mean", "std", "min", "max", "norm_negative", "norm_prompt",
      "norm_difference",
      "sha256",
    ])
    let rows = run.states.map { state in
      let statistics = Statistics(of: state.latents)
      let hash = SHA256(of: state.latents)
      let figures = [
        Double(state.sigma), statistics.mean, statistics.standardDeviation, statistics.minimum,
        statistics.maximum,
      ]
      let norms = [state.guidance?.negative, state.guidance?.prompt, state.guidance?.difference]
      data.append(
        [.integer(state.step), state.timestep.map { .number(Double($0)) } ?? .null]
          + figures.map(JSONValue.number)
          + norms.map { $0.map(JSONValue.number) ?? .null } + [.string(hash.description)])
      return ["\(state.step)", state.timestep.map { Number.significant(Double($0), 6) } ?? ""]
        + figures.map { Number.fixed($0, 3) } + norms.map { $0.map { Number.fixed($0, 2) } ?? "" } + [
          hash.short
        ]
    }
    let titles = [
      "step", "timestep", "sigma", "mean", "std", "min", "max", "negative", "prompt", "difference",
    ]
    let table = Table(columns: titles.map { .init($0, .right) } + [.init("sha256")], rows: rows)
    return .ofLastRun(table.text(maximumWidth: session.width), result: data.json, tables: [data])
  }
}
