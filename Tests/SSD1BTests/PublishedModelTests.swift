import Base
import Foundation
import Graph
import HollowCheckpoint
import Models
import Testing

/// Pipelines with the configs that their authors published and hollow weights of full size.
@Suite(.serialized) struct PublishedModelTests {
  private static let goldens = Program.repository + "/Tests/Goldens/published"

  /// A published pipeline's folder with hollow weights for each of its networks.
  private func withPipeline(_ name: String, hasTokenizers: Bool = true, _ body: (String) throws -> Void)
    throws
  {
    try Program.withFolder { parent in
      let manager = FileManager.default
      let folder = "\(parent)/\(name)"
      try manager.copyItem(atPath: "\(Self.goldens)/\(name)", toPath: folder)
      for component in Architecture.Component.allCases.map(\.rawValue) {
        let path = "\(folder)/\(component)/config.json"
        guard let config = manager.contents(atPath: path) else { continue }
        let network = try Network(config: JSONValue(parsing: config, at: path), at: path)
        let graph = try network.graph(width: 512, height: 512, scaleFactor: 8, tokens: 77)
        let stem = component.hasPrefix("text") ? "model" : "diffusion_pytorch_model"
        try HollowCheckpoint.write(
          graph.tensors.map { ($0.key, $0.shape.extents) }, to: "\(folder)/\(component)/\(stem).safetensors")
      }
      for part in ["tokenizer", "tokenizer_2"] where hasTokenizers {
        for file in ["vocab.json", "merges.txt"] where manager.fileExists(atPath: "\(folder)/\(part)") {
          try manager.copyItem(
            atPath: "\(Program.model)/\(part)/\(file)", toPath: "\(folder)/\(part)/\(file)")
        }
      }
      try body(folder)
    }
  }

  private func results(_ output: String) throws -> [JSONValue] {
    try output.split(separator: "\n").map { try JSONValue(parsing: Data($0.utf8), at: "record") }
  }

  @Test(
    "a pipeline for making pictures from text opens with what its scheduler means",
    arguments: [("sdxl-base", 1024, "euler"), ("sdxl-0.19-dev", 512, "euler_ancestral")])
  func opens(name: String, edge: Int, scheduler: String) throws {
    try withPipeline(name) { folder in
      let result = try Program.run(
        ["--model", folder + "/model_index.json", "--json"],
        script: "model\nlayers unet depth=0\ndiff sdxl\nscheduler\nsize\n")
      #expect(result.code == 0, "\(result.errors)")
      let records = try results(result.output)
      #expect(records.count == 5)
      #expect(result.output.contains("2567463684"))
      #expect(
        records[2].field("result")?.field("tensors") == [
          "removed": 0, "added": 0, "changed": 0, "same": 1680,
        ])
      #expect(records[3].field("result") == ["scheduler": .string(scheduler)])
      #expect(records[4].field("result") == ["size": .string("\(edge)x\(edge)")])
    }
  }

  static let others: [(name: String, reasons: [String])] = [
    (
      "sdxl-inpainting",
      ["its UNet takes 9 input channels, not the 4 of the latents: it was trained for inpainting"]
    ),
    ("sdxl-refiner", ["its UNet is conditioned on an aesthetic score", "it has no text_encoder_2"]),
    (
      "playground-v2.5",
      ["EDMDPMSolverMultistepScheduler, is for EDM models", "latents have a mean and a standard deviation"]
    ),
  ]

  @Test(
    "a pipeline that is something else is listed, and refuses to generate for what it is", arguments: others)
  func isListed(name: String, reasons: [String]) throws {
    try withPipeline(name) { folder in
      let result = try Program.run(
        ["--model", folder, "--keep-going"], script: "model\nlayers unet depth=0\ndiff sdxl\ngenerate\n")
      #expect(result.code == 1)
      #expect(result.output.hasPrefix("model      \(name)\n"))
      #expect(
        result.output.contains("unet            2,") && result.output.contains(" at 1024x1024, batch 1"))
      #expect(result.output.contains("tensors: "))
      // The one error is of generate.
      #expect(result.errors.split(separator: "\n").count == 2, "\(result.errors)")
      #expect(result.errors.contains("it cannot generate here"))
      for reason in reasons {
        #expect(result.errors.contains(reason) && result.output.contains(reason), "\(result.errors)")
      }
    }
  }

  @Test("what a folder lacks is said when it is opened")
  func lacks() throws {
    try withPipeline("sdxl-base", hasTokenizers: false) { folder in
      try FileManager.default.removeItem(atPath: "\(folder)/scheduler")
      let result = try Program.run(["--model", folder], script: "model\n")
      #expect(result.code == 0)
      #expect(
        result.output.contains(
          "note: it cannot generate here: its tokenizer and tokenizer_2 have neither vocab.json and merges.txt nor a "
            + "tokenizer.json; it has no scheduler/scheduler_config.json"), "\(result.output)")
    }
  }

  @Test("a fine-tune's plain weights are taken, --variant takes the others, and both are told of")
  func variants() throws {
    try Program.withModel { model in
      let plain = "\(model)/unet/diffusion_pytorch_model.safetensors"
      let half = "\(model)/unet/diffusion_pytorch_model.fp16.safetensors"
      try FileManager.default.copyItem(atPath: half, toPath: plain)
      // One bit of a weight, so that the two differ.
      let handle = try #require(FileHandle(forUpdatingAtPath: plain))
      try handle.seek(toOffset: handle.seekToEnd() - 2)
      try handle.write(contentsOf: Data([1]))
      try handle.close()
      func latents(_ arguments: [String], _ note: String?) throws -> JSONValue? {
        let script = "model\ngenerate steps=1 size=64x64 out=x.png\n"
        let result = try Program.run(["--model", model, "--json"] + arguments, script: script, in: model)
        let records = try results(result.output)
        #expect(result.code == 0, "\(result.errors)")
        let notes = records[0].field("notes")?.text() ?? ""
        if let note { #expect(notes.contains(note), "\(notes)") } else { #expect(notes.isEmpty) }
        guard case .array(let images)? = records[1].field("result")?.field("images") else { return nil }
        return images.first?.field("latents")
      }
      let several = "unet has several variants of weights; "
      let taken = try latents([], several + "the plain ones are taken (--variant fp16 takes the others)")
      let other = try latents(["--variant", "fp16"], several + "the fp16 ones are taken")
      try FileManager.default.removeItem(atPath: plain)
      let alone = try latents([], nil)
      let absent = try Program.run(["--model", model, "--variant", "fp61"], script: "model\n")
      #expect(absent.code == 4 && absent.errors.contains("weights of the variant fp61\nhint: there is fp16"))
      #expect(taken != nil && taken != other && other == alone)
    }
  }

  @Test("a model's folder in Hugging Face's cache opens its main snapshot; a name on the hub says what to do")
  func hub() throws {
    try Program.withModel { model in
      let cache = PathName(model).folder + "/hub"
      let entry = "\(cache)/models--org--name"
      let manager = FileManager.default
      try manager.createDirectory(atPath: "\(entry)/refs", withIntermediateDirectories: true)
      try manager.createDirectory(atPath: "\(entry)/snapshots/old", withIntermediateDirectories: true)
      try manager.createSymbolicLink(atPath: "\(entry)/snapshots/abc", withDestinationPath: model)
      try Data("abc".utf8).write(to: URL(filePath: "\(entry)/refs/main"))
      let opened = try Program.run(["--model", entry], script: "scheduler\n")
      #expect(opened.code == 0 && opened.output == "scheduler euler\n", "\(opened.errors)")
      try Data("gone\n".utf8).write(to: URL(filePath: "\(entry)/refs/main"))
      let stale = try Program.run(["--model", entry], script: "scheduler\n")
      #expect(
        stale.code == 4 && stale.errors.contains("its refs/main is gone, of which there is no snapshot"))
      let cached = try Program.run(["--model", "org/name"], script: "", environment: ["HF_HUB_CACHE": cache])
      #expect(cached.code == 4 && cached.errors.contains("hint: --model \(entry)"), "\(cached.errors)")
      let absent = try Program.run(
        ["--model", "segmind/SSD-1B"], script: "", environment: ["HF_HUB_CACHE": cache])
      #expect(
        absent.code == 4 && absent.errors.contains("hint: hf download segmind/SSD-1B"), "\(absent.errors)")
    }
  }
}

extension JSONValue {
  fileprivate func field(_ name: String) -> JSONValue? {
    if case .object(let fields) = self { fields[name] } else { nil }
  }
}
