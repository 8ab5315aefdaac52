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
      ("{", "expected a JSON document"),
    ])
  func badIndex(text: String, expected: String) throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(Data(text.utf8), "unet/model.safetensors.index.json")
    let fault = #expect(throws: Diagnostic.self) {
      try Checkpoint(ModelFolder(path: folder.path), folder: "unet")
    }
    #expect(fault?.message.contains(expected) == true, "\(fault?.message ?? "")")
  }

  @Test("the fp16 variant is taken before the full one, a single file before shards")
  func variants() throws {
    let folder = try sharded()
    func add(_ name: String, _ tensor: String) throws {
      try SafetensorsWriter.write([(tensor, [1], [1])], to: "\(folder.path)/unet/\(name)")
    }
    func taken() throws -> [String] {
      try Checkpoint(ModelFolder(path: folder.path), folder: "unet").tensors.keys.sorted()
    }
    #expect(try taken().count == 5)
    try add("diffusion_pytorch_model.safetensors", "full")
    #expect(try taken() == ["full"])
    try add("diffusion_pytorch_model.fp16.safetensors", "half")
    #expect(try taken() == ["half"])
  }

  @Test("a folder without weights is refused with what it holds")
  func nothing() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(Data("x".utf8), "vae/model.bin")
    let source = try ModelFolder(path: folder.path)
    let fault = #expect(throws: Diagnostic.self) { try Checkpoint(source, folder: "vae") }
    #expect(fault?.message.hasSuffix("found model.bin") == true)
    let none = #expect(throws: Diagnostic.self) { try Checkpoint(source, folder: "unet") }
    #expect(none?.message.hasSuffix("found no such folder") == true)
    #expect(throws: Diagnostic.self) { try ModelFolder(path: folder.path + "/absent") }
    #expect(source.has("vae/model.bin"))
    #expect(!source.has("vae/model.json"))
  }

  @Test("a text encoder's keys may lack the prefix that published files have")
  func layouts() {
    #expect(KeyLayout.candidates(for: "text_model.encoder.x") == ["text_model.encoder.x", "encoder.x"])
    #expect(KeyLayout.candidates(for: "text_projection.weight") == ["text_projection.weight"])
    #expect(KeyLayout.isIgnorable("text_model.embeddings.position_ids"))
    #expect(!KeyLayout.isIgnorable("text_model.embeddings.position_embedding.weight"))
  }
}
