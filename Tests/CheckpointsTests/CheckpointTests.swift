import Base
import Checkpoints
import Foundation
import Testing

@Suite("Checkpoint")
struct CheckpointTests {
  private static let shard = "diffusion_pytorch_model-0000"

  @Test("shards are read by their index, every tensor as it was saved")
  func shards() throws {
    let source = try ModelFolder(path: CheckpointGolden.folder.appending(path: "sharded").path)
    let checkpoint = try Checkpoint(source, folder: "unet")
    let expected = try CheckpointGolden.document().shards
    #expect(checkpoint.files.count == 3)
    #expect(Set(checkpoint.tensors.keys) == Set(expected.keys))
    for (name, digest) in expected {
      let tensor = try #require(checkpoint.tensors[name])
      #expect(SHA256(of: tensor.bytes).description == digest)
    }
  }

  private func sharded() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: CheckpointGolden.folder.appending(path: "sharded/unet").path, toPath: "\(folder.path)/unet")
    return folder
  }

  @Test("missing shards, and tensors that index and shards disagree on, are all listed at once")
  func disagreements() throws {
    let folder = try sharded()
    let index = "\(folder.path)/unet/diffusion_pytorch_model.safetensors.index.json"
    let text = try String(contentsOfFile: index, encoding: .utf8)
    try text.replacing("blocks.0.weight", with: "blocks.7.weight").write(
      toFile: index, atomically: true, encoding: .utf8)
    try FileManager.default.removeItem(atPath: "\(folder.path)/unet/\(Self.shard)3-of-00003.safetensors")
    let fault = #expect(throws: Diagnostic.self) {
      try Checkpoint(ModelFolder(path: folder.path), folder: "unet")
    }
    let message = fault?.message ?? ""
    #expect(fault?.place == index)
    #expect(message.hasPrefix("3 faults:"))
    #expect(
      message.contains("blocks.7.weight: not in \(Self.shard)1-of-00003.safetensors, where the index puts it")
    )
    #expect(
      message.contains(
        "blocks.0.weight: in \(Self.shard)1-of-00003.safetensors, but the index does not say so"))
    #expect(
      message.contains("\(Self.shard)3-of-00003.safetensors: cannot be read: No such file or directory"))
  }

  @Test(
    "an index that names no files is refused",
    arguments: [
      ("{}", "expected an object with a weight_map"), ("[]", "expected an object with a weight_map"),
      ("{\"weight_map\":{\"a\":1}}", "weight_map.a: expected a file name, found the integer 1"),
      ("{\"weight_map\":{\"a\":\"../b\"}}", "weight_map.a: expected a file name"),
      ("{", "this is no JSON document"),
    ])
  func badIndex(text: String, expected: String) throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(Data(text.utf8), "unet/model.safetensors.index.json")
    let fault = #expect(throws: Diagnostic.self) {
      try Checkpoint(ModelFolder(path: folder.path), folder: "unet")
    }
    #expect(fault?.message.contains(expected) == true, "\(fault?.message ?? "")")
  }

  @Test("the plain weights are taken before a variant, unless that is asked for and there")
  func variants() throws {
    let folder = try TemporaryFolder()
    func add(_ name: String) throws {
      _ = try folder.write(Data(), "unet/x")
      try SafetensorsWriter.write([(name, [1], [1])], to: "\(folder.path)/unet/\(name).safetensors")
    }
    func taken(_ variant: String? = nil) throws -> [String] {
      try Checkpoint(ModelFolder(path: folder.path, variant: variant), folder: "unet").tensors.keys.sorted()
    }
    let stem = "diffusion_pytorch_model"
    try add("\(stem).fp16")
    #expect(try taken() == ["\(stem).fp16"])
    #expect(try taken("bf16") == ["\(stem).fp16"])
    try add("\(stem).non_ema")
    #expect(try taken() == ["\(stem).fp16"])
    #expect(try taken("non_ema") == ["\(stem).non_ema"])
    try add(stem)
    #expect(try taken() == [stem])
    #expect(try taken("fp16") == ["\(stem).fp16"])
    #expect(try taken("bf16") == [stem])
    let checkpoint = try Checkpoint(ModelFolder(path: folder.path), folder: "unet")
    #expect(checkpoint.variants == [nil, "fp16", "non_ema"] && checkpoint.variant == nil)
    try FileManager.default.removeItem(atPath: "\(folder.path)/unet/\(stem).safetensors")
    try FileManager.default.removeItem(atPath: "\(folder.path)/unet/\(stem).fp16.safetensors")
    try add("\(stem).ema")
    let fault = #expect(throws: Diagnostic.self) { try taken() }
    #expect(fault?.message == "it has no plain weights, but those of the variants ema and non_ema")
  }

  @Test("of shards and a single file, each library's first choice is taken")
  func shardsOrFile() throws {
    let folder = try sharded()
    let single = "\(folder.path)/unet/diffusion_pytorch_model.safetensors"
    try SafetensorsWriter.write([("single", [1], [1])], to: single)
    #expect(try Checkpoint(ModelFolder(path: folder.path), folder: "unet").tensors.count == 5)
    for name in ["model.fp16.safetensors.index.json", "model.safetensors.index.fp16.json"] {
      _ = try folder.write(Data("{\"weight_map\":{}}".utf8), "text/\(name)")
      #expect(try Checkpoint(ModelFolder(path: folder.path), folder: "text").tensors.isEmpty)
    }
    try SafetensorsWriter.write([("single", [1], [1])], to: "\(folder.path)/text/model.fp16.safetensors")
    #expect(
      try Checkpoint(ModelFolder(path: folder.path), folder: "text").tensors.keys.sorted() == ["single"])
  }

  @Test("a folder without weights is refused with what it holds")
  func nothing() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(Data("x".utf8), "vae/model.bin")
    let source = try ModelFolder(path: folder.path)
    let fault = #expect(throws: Diagnostic.self) { try Checkpoint(source, folder: "vae") }
    #expect(fault?.message == "its weights are no safetensors: model.bin")
    let none = #expect(throws: Diagnostic.self) { try Checkpoint(source, folder: "unet") }
    #expect(none?.message == "there is no such folder")
    #expect(throws: Diagnostic.self) { try ModelFolder(path: folder.path + "/absent") }
    #expect(source.has("vae/model.bin"))
    #expect(!source.has("vae/model.json"))
  }

  @Test("a text encoder's keys may lack the prefix that published files have")
  func layouts() {
    #expect(KeyLayout.candidates(for: "text_model.encoder.x") == ["text_model.encoder.x", "encoder.x"])
    #expect(KeyLayout.candidates(for: "text_projection.weight") == ["text_projection.weight"])
  }

  @Test("an autoencoder's attention may have older names, a UNet's may not")
  func olderAttention() {
    let names = ["to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"]
    for (name, older) in names {
      let found = KeyLayout.candidates(for: "decoder.mid_block.attentions.0.\(name).bias")
      #expect(found.last == "decoder.mid_block.attentions.0.\(older).bias")
    }
    let key = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    #expect(KeyLayout.candidates(for: key) == [key])
  }

  @Test("buffers and other networks' tensors are not used; weights of network modules are never passed over")
  func unused() {
    for name in [
      "text_model.embeddings.position_ids", "logit_scale", "text_projection.weight", "model_ema.decay",
      "betas",
      "sqrt_one_minus_alphas_cumprod", "vision_model.encoder.layers.0.mlp.fc1.weight", "loss.logvar",
    ] { #expect(KeyLayout.isUnused(name), "\(name)") }
    for name in [
      "text_model.embeddings.position_embedding.weight", "time_embedding.cond_proj.weight",
      "mid_block.attentions.0.norm.weight",
      "down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_q.weight",
      "encoder_hid_proj.weight", "surprise",
    ] { #expect(!KeyLayout.isUnused(name), "\(name)") }
  }
}
