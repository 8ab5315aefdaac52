import Base
import Diffusion
import Foundation
import Imaging
import Shell

/// The autoencoder on a latent that the last run passed through.
enum DecodeCommand {
  static let command = Command<Session>(
    CommandDeclaration(
      "decode", group: "Pictures", summary: "the picture of a step of the last run",
      discussion:
        "By default the latents as they were; `denoised` the clean picture that the model predicted in that step.",
      arguments: [
        ArgumentDeclaration(
          "WHAT", .choice(["latents", "denoised"]), isOptional: true, summary: "latents unless given")
      ],
      options: [
        OptionDeclaration("step", .integer, summary: "which state; -1, the last, unless given"),
        OptionDeclaration("out", .file, summary: "the PNG to write; step-N.png unless given"),
      ],
      evidence: .result(without: ["path"]),
      examples: [
        ("decode step=10 out=half.png", "half-way, noise and all"),
        ("decode denoised step=10", "what the model saw in it"),
      ])
  ) { invocation, session in
    let run = try session.lastRun()
    let model = try session.model()
    try session.useBackendOfLastRun()
    let state = try DumpCommand.chosenStates([invocation.integer("step") ?? -1], of: run, option: "step")[0]
    let isDenoised = invocation.text("WHAT") == "denoised"
    guard let latents = isDenoised ? state.denoised : state.latents else {
      throw Diagnostic(
        .value, at: "step", "expected a step from 1 to \(run.step), found 0",
        hint: "step 0 is noise, before any prediction")
    }
    let path = session.place(
      for: invocation.text("out") ?? "step-\(state.step)\(isDenoised ? "-denoised" : "").png")
    try OutputPath.checkPicture(path)
    let pixels = try model.decode(latents, height: run.latentHeight, width: run.latentWidth)
    let image = Image(width: run.request.width, height: run.request.height, decoded: pixels)
    let facts: [String: JSONValue] = [
      "step": .integer(state.step), "decoded": isDenoised ? "denoised" : "latents",
    ]
    try PNG.write(image, text: session.record(of: run).text(facts), to: path)
    let hash = SHA256(of: latents)
    return .ofLastRun(
      "\(path.escapingInvisibles)  step \(state.step)  latents \(hash.short)",
      result: [
        "path": .string(path), "step": .integer(state.step), "latents": .string(hash.description),
        "pixels": .string(image.pixels.withUnsafeBytes { SHA256(of: $0) }.description),
      ])
  }
}
