import Base
import Diffusion

/// How runs go on, as one line of JSON for each step on standard output: `--events`.
struct RunEvents {
  /// The number that the record of the command being run will have.
  var seq = 1

  func step(_ run: Generation, _ state: Generation.State, secondsPerStep: Double) -> JSONValue {
    [
      "v": 1, "seq": .integer(seq), "event": "step", "step": .integer(state.step),
      "steps": .integer(run.request.steps), "seed": .seed(run.request.seed),
      "timestep": state.timestep.map { .number(Double($0)) } ?? .null, "sigma": .number(Double(state.sigma)),
      "seconds_per_step": .number(secondsPerStep),
      "seconds_left": .number(secondsPerStep * Double(run.request.steps - state.step)),
      "latents": .string(SHA256(of: state.latents).description),
    ]
  }
}
