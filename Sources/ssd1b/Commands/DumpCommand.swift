import Base
import Checkpoints
import Diffusion
import Foundation
import Shell

/// Writes the last run's tensors to files that other programs read.
enum DumpCommand {
  private static let kinds = ["latents", "noise", "denoised"]

  static let command = Command<Session>(
    CommandDeclaration(
      "dump", group: "Pictures", summary: "writes the last run's tensors to files",
      discussion: "Shapes are [1, C, H, W], float32, in the diffusion model's scaled space, as diffusers has them.",
      arguments: [
        ArgumentDeclaration("WHAT", .choice(kinds), summary: "which tensors"),
        ArgumentDeclaration("FOLDER", .folder, summary: "where to; it is made if it is not there"),
      ],
      options: [
        OptionDeclaration("steps", .text, summary: "which states, such as 0,5,-1; all unless given"),
        OptionDeclaration("format", .choice(["safetensors", "npy"]), summary: "safetensors unless given"),
      ],
      examples: [("dump latents states", "every step"), ("dump latents states steps=0,-1 format=npy", "first and last")])
  ) { invocation, session in
    let run = try session.lastRun()
    let what = try invocation.required("WHAT")
    let folder = try invocation.required("FOLDER")
    let format = invocation.texts("format").last ?? "safetensors"
    let states = try chosen(invocation.integers("steps"), of: run)
    let tensors: [(name: String, values: [Float])] = states.compactMap { state in
      switch what {
      case "latents": ("latents.\(state.step)", state.latents)
      case "noise": state.noisePrediction.map { ("noise_pred.\(state.step - 1)", $0) }
      default: state.denoised.map { ("denoised.\(state.step)", $0) }
      }
    }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw Diagnostic(
        .file, at: folder, "the folder cannot be made: \(error.localizedDescription)", hint: "choose another folder")
    }
    let channels = run.latents.count / (run.latentHeight * run.latentWidth)
    let shape = [1, channels, run.latentHeight, run.latentWidth]
    var lines: [String] = []
    var files: [JSONValue] = []
    for tensor in tensors {
      let path = "\(folder)/\(tensor.name).\(format)"
      if format == "npy" {
        try NPYWriter.write(shape: shape, values: tensor.values, to: path)
      } else {
        try SafetensorsWriter.write(
          [(tensor.name, shape, tensor.values)], metadata: ["prompt": run.request.prompt, "seed": "\(run.request.seed)"],
          to: path)
      }
      let hash = SHA256(of: tensor.values)
      lines.append("\(path)  sha256 \(hash.short)")
      files.append(["path": .string(path), "sha256": .string(hash.description)])
    }
    return CommandOutput(lines.joined(separator: "\n"), result: .array(files))
  }

  private static func chosen(_ steps: [Int]?, of run: Generation) throws -> [Generation.State] {
    guard let steps else { return run.states }
    return try steps.map { step in
      let index = step < 0 ? run.states.count + step : step
      guard run.states.indices.contains(index) else {
        throw Diagnostic(
          .value, at: "steps", "expected steps from 0 to \(run.step), or -1 for the last, found \(step)",
          hint: "latents lists them")
      }
      return run.states[index]
    }
  }
}
