import Base
import Diffusion
import Foundation
import Shell
import Terminal

/// The latents of every step of the last run, in figures.
enum LatentsCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "latents", group: "Pictures", summary: "the last run's latents, a row a step",
      discussion: "Step 0 is the initial noise at its noise level.", examples: [("latents", "after a generate")])
  ) { _, session in
    let run = try session.lastRun()
    var table = TextTable(columns: [
      .init("step", .right), .init("timestep", .right), .init("sigma", .right), .init("mean", .right),
      .init("std", .right), .init("min", .right), .init("max", .right), .init("sha256"),
    ])
    var rows: [JSONValue] = []
    for state in run.states {
      let statistics = Statistics(of: state.latents)
      let hash = SHA256(of: state.latents)
      func number(_ value: Double) -> String { String(format: "%.5f", value) }
      table.append([
        "\(state.step)", state.timestep.map { String(format: "%g", $0) } ?? "", number(Double(state.sigma)),
        number(statistics.mean), number(statistics.standardDeviation), number(statistics.minimum),
        number(statistics.maximum), hash.short,
      ])
      rows.append([
        "step": .integer(state.step), "timestep": state.timestep.map { .number(Double($0)) } ?? .null,
        "sigma": .number(Double(state.sigma)), "mean": .number(statistics.mean),
        "std": .number(statistics.standardDeviation), "min": .number(statistics.minimum),
        "max": .number(statistics.maximum), "sha256": .string(hash.description),
      ])
    }
    return CommandOutput(table.rendered(maximumWidth: session.width), result: .array(rows))
  }
}

/// Mean, population standard deviation and range, summed in double precision.
struct Statistics {
  var mean = 0.0
  var standardDeviation = 0.0
  var minimum = 0.0
  var maximum = 0.0

  init(of values: [Float]) {
    guard let first = values.first else { return }
    let count = Double(values.count)
    mean = values.reduce(0.0) { $0 + Double($1) } / count
    standardDeviation = (values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count).squareRoot()
    minimum = Double(values.min() ?? first)
    maximum = Double(values.max() ?? first)
  }
}
