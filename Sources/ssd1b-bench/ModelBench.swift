import ArgumentParser
import Base
import Checkpoints
import Diffusion
import Foundation
import Kernels
import Models
import Runtime

/// A denoising step, a decode, the encoders, loading and memory, at full size.
struct ModelBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "The whole pipeline: step, decode, encoding, loading, memory, time by kind (the default).")

  @OptionGroup var compute: ComputeOptions

  @Option(help: "Picture size, WxH; can be repeated.")
  var size: [String] = []

  @Option(help: "Built-in architecture whose weights are drawn: ssd1b, sdxl or vega; can be repeated.")
  var architecture: [String] = []

  @Option(help: "A pipeline folder to measure instead of random weights.")
  var model: String?

  @Option(help: "Steps that are timed, after one that is not.")
  var steps = 3

  @Option(help: "Seed of the random weights.")
  var seed: UInt64 = 1

  @Flag(inversion: .prefixedNo, help: "Also decode.")
  var decode = true

  func validate() throws {
    guard steps >= 1 else { throw ValidationError("--steps: expected 1 or more, found \(steps)") }
    for size in size where Self.extents(size) == nil {
      throw ValidationError("--size: expected WxH, as 1024x1024, found \(size)")
    }
  }

  private static func extents(_ size: String) -> (width: Int, height: Int)? {
    let parts = size.split(separator: "x").map { Int($0) }
    guard parts.count == 2, let width = parts[0], let height = parts[1] else { return nil }
    return (width, height)
  }

  func run() throws {
    let choice = try compute.choice()
    let pool = compute.pool
    var report = Report(choice: choice, threads: pool.threads)
    try reported {
      let peak = try MatmulPeak(choice.precision, on: pool)
      try peak.measure()
      let names = model.map { [$0] } ?? (architecture.isEmpty ? ["ssd1b"] : architecture)
      for name in names {
        let files: any ModelFiles =
          try model.map { try ModelFolder(path: $0) } ?? RandomModel(architecture: name, seed: seed)
        try measure(files, named: name, on: try choice.backend(on: pool), peak, &report)
      }
    }
    print(compute.json ? report.json.text() : report.text)
  }

  private func measure(
    _ files: any ModelFiles, named name: String, on backend: any Backend, _ peak: MatmulPeak,
    _ report: inout Report
  ) throws {
    let (model, opening) = try measured { try DiffusionModel(files, backend: backend) }
    let texts = ["blurry, ugly", "a fox on a blue background"]
    let (_, firstEncoding) = try measured { try model.embeddings(of: texts) }
    // Other texts, which have to be encoded anew.
    let encodings = try (0..<3).map { index in
      try measured { try model.embeddings(of: texts.map { "\($0) \(index)" }) }.seconds
    }
    try peak.measure()
    report.add(Report.Loading(name: name, opening: opening, firstEncoding: firstEncoding))
    let encoders: [Architecture.Component] = [.textEncoder, .textEncoder2]
    let multiplyAdds = try encoders.reduce(0) { sum, component in
      let graph = try model.architecture.graph(component, width: 64, height: 64, batch: texts.count)
      let outputs = ["hidden_states", "pooled"].compactMap { graph.outputs[$0] }
      return sum + graph.multiplyAdds(reaching: outputs)
    }
    report.add(
      Report.Work(
        name: "\(name) encode prompt and negative", multiplyAdds: multiplyAdds, seconds: encodings,
        peak: peak.operations, preparing: nil,
        activationBytes: encoders.map(model.activationBytes(of:)).max() ?? 0, weightBytes: model.weightBytes,
        kinds: Kind.table([encoders.flatMap(model.profile(of:))])))
    for size in size.isEmpty ? ["1024x1024"] : size {
      guard let (width, height) = Self.extents(size) else { continue }
      let request = GenerationRequest(
        prompt: texts[1], negative: texts[0], guidanceScale: 9, steps: steps + 1, seed: 7, width: width,
        height: height)
      var (run, preparing) = try measured { try Generation(request, on: model) }
      var seconds: [Double] = []
      var profiles: [[StepTime]] = []
      _ = try run.next(on: model)
      for _ in 0..<steps {
        try peak.measure()
        model.resetProfile()
        seconds.append(try measured { try run.next(on: model) }.seconds)
        profiles.append(model.profile(of: .unet))
      }
      try peak.measure()
      let graph = try model.architecture.graph(.unet, width: width, height: height, batch: 2)
      report.add(
        Report.Work(
          name: "\(name) step \(size)", multiplyAdds: graph.multiplyAdds, seconds: seconds,
          peak: peak.operations,
          preparing: preparing, activationBytes: model.activationBytes(of: .unet),
          weightBytes: model.weightBytes,
          kinds: Kind.table(profiles)))
      guard decode else { continue }
      let latents = run.latents.map { max(-3, min(3, $0)) }
      let decodes = try (0..<3).map { _ in
        try measured { try model.decode(latents, height: run.latentHeight, width: run.latentWidth) }.seconds
      }
      try peak.measure()
      let decoder = try model.architecture.graph(.vae, width: width, height: height, batch: 1)
      report.add(
        Report.Work(
          name: "\(name) decode \(size)",
          multiplyAdds: decoder.multiplyAdds(reaching: [decoder.outputs["decoded"]].compactMap { $0 }),
          seconds: decodes, peak: peak.operations, preparing: nil,
          activationBytes: model.activationBytes(of: .vae),
          weightBytes: model.weightBytes, kinds: Kind.table([model.profile(of: .vae)])))
    }
  }
}

/// The calls of one kind in a run.
struct Kind {
  let name: String
  var calls = 0
  var seconds = 0.0
  var multiplyAdds = 0

  /// By kind, the dearest first; times are medians over `profiles` of one plan.
  static func table(_ profiles: [[StepTime]]) -> [Kind] {
    guard let first = profiles.first else { return [] }
    var kinds: [String: Kind] = [:]
    for (index, entry) in first.enumerated() where entry.runs > 0 {
      let name = entry.step.kind
      let times = profiles.map { $0[index].duration.seconds }.sorted()
      var kind = kinds[name] ?? Kind(name: name)
      kind.calls += 1
      kind.seconds += times[times.count / 2]
      kind.multiplyAdds += entry.step.node.multiplyAdds
      kinds[name] = kind
    }
    return kinds.values.sorted { ($0.seconds, $0.name) > ($1.seconds, $1.name) }
  }
}
