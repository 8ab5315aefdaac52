import Base
import Checkpoints
import Foundation
import HollowCheckpoint
import Inspection
import Models
import Testing

@Suite("Subject")
struct SubjectTests {
  /// What each foreign checkpoint is told to be, by a part of its title and of its explanation.
  private static let foreign: [String: (title: String, explanation: String)] = [
    "sd1": ("a UNet of Stable Diffusion 1", "text width 768"),
    "sd1 inpainting": ("a UNet of Stable Diffusion 1, for inpainting", "9 input channels"),
    "sd2": ("a UNet of Stable Diffusion 2", "text width 1024"),
    "refiner": ("SDXL's refiner UNet", "text width 1280"),
    "sdxl family": ("a UNet of the SDXL family", "4 transformer blocks"),
    "controlnet": ("a ControlNet", "control picture"),
    "vae": ("an autoencoder", "16 latent channels"), "taesd": ("a tiny autoencoder", "TAESD"),
    "flux": ("a Flux transformer", "single_transformer_blocks"),
    "sd3": ("a Stable Diffusion 3 transformer", "context_embedder"),
    "clip text": ("a CLIP text encoder", "width 32"),
    "clip": ("a whole CLIP model", "in one file"), "clip vision": ("a CLIP image encoder", "vision_model"),
    "t5": ("a T5 text encoder", "CLIP"), "gpt2": ("not known", "16 tensors begin with h"),
    "lora peft": ("a LoRA", "PEFT's keys, low-rank changes of rank 4 to 16 layers of unet"),
    "lora diffusers": ("a LoRA", "diffusers' older keys, low-rank changes of rank 4 to 16 layers of unet"),
    "lora kohya": ("a LoRA", "kohya's keys, low-rank changes of rank 4 to 16 layers of unet"),
  ]

  @Test("What is no part of an SDXL pipeline is told what it is, and listed tensor by tensor")
  func foreignCheckpoints() throws {
    let checkpoints = try InspectionGolden.foreign()
    #expect(Set(checkpoints.keys) == Set(Self.foreign.keys))
    for (name, tensors) in checkpoints {
      try withTemporaryFolder { folder in
        let path = folder + "/\(name).safetensors"
        try HollowCheckpoint.write(tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: path)
        let subject = try Subject(path: path)
        let part = try #require(subject.parts.first)
        let expected = try #require(Self.foreign[name])
        let identity = try #require(part.identity)
        #expect(part.network == nil && part.name == name)
        #expect(identity.title == expected.title, "\(name)")
        #expect(identity.explanation.contains(expected.explanation), "\(name): \(identity.explanation)")
        let listing = try LayerTree(subject.components(width: 512, height: 512)).listing(.init(depth: 99))
        let leaves = listing.rows.filter { $0.kind == "tensor" }
        #expect(leaves.count == tensors.count, "\(name)")
        #expect(listing.parameters == tensors.values.reduce(0) { $0 + $1.reduce(1, *) })
        #expect(listing.bytes == 2 * listing.parameters)
      }
    }
  }

  /// Where the embedded model and what comes with it lie.
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/CEmbeddedModel").path

  @Test("The adapters that come with the embedded model are told what they are, whichever tool wrote them")
  func carriedAdapters() throws {
    // Rank and layers are what Scripts/demo-model asks PEFT and LyCORIS for: each of the 34 transformer blocks has eight
    // projections of attention and two of its feed-forward, each of the six text encoder layers four of attention.
    let expected = [
      "lcm": "PEFT's keys, low-rank changes of rank 8 to 340 layers of unet",
      "sticker": "diffusers' older keys, low-rank changes of rank 4 to 272 layers of unet",
      "robot": "kohya's keys, low-rank changes of rank 4 to 296 layers of unet, text_encoder, text_encoder_2",
    ]
    for (name, explanation) in expected {
      let part = try #require(Subject(path: "\(Self.sources)/adapters/\(name).safetensors").parts.first)
      let identity = try #require(part.identity)
      #expect(identity.title == "a LoRA", "\(name)")
      #expect(identity.explanation.contains(explanation), "\(name): \(identity.explanation)")
    }
  }

  @Test("A published network alone is known by its tensors, without a config", arguments: Architecture.names)
  func published(name: String) throws {
    let architecture = try Architecture(named: name)
    let graph = try architecture.graph(.unet, width: 512, height: 512, batch: 1)
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      try HollowCheckpoint.write(graph.tensors.map { ($0.key, $0.shape.extents) }, to: path)
      let subject = try Subject(path: path)
      #expect(subject.parts.first?.identity?.title == "the unet of \(name)")
      #expect(try subject.unet().unet == architecture.unet)
      // One tensor of another shape, and it is only of the family.
      var tensors = graph.tensors.map { ($0.key, $0.shape.extents) }
      tensors[0].1[0] += 1
      try HollowCheckpoint.write(tensors, to: path)
      #expect(try Subject(path: path).parts.first?.identity?.title == "a UNet of the SDXL family")
    }
  }

  @Test("A network's folder is read by its config, and one that does not fit its weights is said so")
  func configs() throws {
    let embedded = Self.sources + "/model"
    let subject = try Subject(path: embedded + "/unet")
    #expect(subject.parts.map(\.name) == ["unet"])
    #expect(subject.parts.first?.identity?.explanation == "as config.json beside it says")
    #expect(
      try Subject(path: embedded).parts.map(\.name) == ["text_encoder", "text_encoder_2", "unet", "vae"])
    try withTemporaryFolder { folder in
      try FileManager.default.copyItem(
        atPath: embedded + "/unet/config.json", toPath: folder + "/config.json")
      let vae = try #require(
        try FileManager.default.contentsOfDirectory(atPath: embedded + "/vae").first {
          $0.hasSuffix(".safetensors")
        })
      try FileManager.default.copyItem(
        atPath: "\(embedded)/vae/\(vae)", toPath: folder + "/diffusion_pytorch_model.safetensors")
      let identity = try #require(try Subject(path: folder).parts.first?.identity)
      #expect(identity.title == "an autoencoder")
      #expect(
        identity.explanation.contains(
          "config.json beside it describes another network: 944 of its 944 tensors are missing"))
    }
  }

  @Test("What holds no safetensors is refused")
  func nothing() throws {
    #expect(throws: Diagnostic.self) { try Subject(path: "/nowhere/x.safetensors") }
    try withTemporaryFolder { folder in
      let fault = #expect(throws: Diagnostic.self) { try Subject(path: folder) }
      #expect(fault?.kind == .model)
    }
  }
}
