import Foundation
import Testing

/// Model folders with one thing wrong each: exit code, file, field and remedy.
@Suite struct DamagedModelTests {
  private static let unet = "unet/diffusion_pytorch_model.fp16.safetensors"

  /// Rewrites a safetensors file's header and data.
  private func edit(_ path: String, _ change: (inout [String: Any], inout Data) throws -> Void) throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: path))
    let length = Int(file.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    var header = try #require(JSONSerialization.jsonObject(with: file[8..<(8 + length)]) as? [String: Any])
    var data = Data(file[(8 + length)...])
    try change(&header, &data)
    let text = try JSONSerialization.data(withJSONObject: header)
    try (withUnsafeBytes(of: UInt64(text.count)) { Data($0) } + text + data).write(
      to: URL(fileURLWithPath: path))
  }

  private func expectRefused(_ model: String, _ parts: [String], code: Int32 = 4) throws {
    let result = try Program.run(
      ["--model", model], script: "generate steps=1 out=/dev/shm/ssd1b-never.png\n")
    #expect(result.code == code, "\(result.errors)")
    for part in parts { #expect(result.errors.contains(part), "no '\(part)' in \(result.errors)") }
    #expect(result.errors.contains("hint: "))
    #expect(!FileManager.default.fileExists(atPath: "/dev/shm/ssd1b-never.png"))
  }

  @Test("A missing folder is named")
  func missingFolder() throws {
    try expectRefused("/nonexistent", ["/nonexistent", "there is no such file or folder"])
  }

  @Test("Missing, extra and misshapen tensors are listed together")
  func tensors() throws {
    try Program.withModel { model in
      try edit("\(model)/\(Self.unet)") { header, _ in
        header["extra.weight"] = header.removeValue(forKey: "conv_in.weight")
        var bias = try #require(header["conv_out.bias"] as? [String: Any])
        bias["shape"] = [2, 2]
        header["conv_out.bias"] = bias
      }
      try expectRefused(
        model,
        [
          "conv_in.weight is missing (shape [32, 4, 3, 3])", "extra.weight is not part of the model",
          "conv_out.bias has shape [2, 2], not [4]", "3 faults",
        ])
    }
  }

  @Test("A file cut short is one fault")
  func truncated() throws {
    try Program.withModel { model in
      let path = "\(model)/\(Self.unet)"
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try handle.truncate(atOffset: 8_000_000)
      try expectRefused(model, [path, "tensors are cut off"])
    }
  }

  @Test("A header length of 2^63 is refused")
  func headerLength() throws {
    try Program.withModel { model in
      let path = "\(model)/\(Self.unet)"
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try handle.write(contentsOf: withUnsafeBytes(of: UInt64(1) << 63) { Data($0) })
      try handle.close()
      try expectRefused(model, [path, "its header would have 9223372036854775808 bytes"])
    }
  }

  @Test("Overlapping tensors are named")
  func overlap() throws {
    try Program.withModel { model in
      try edit("\(model)/\(Self.unet)") { header, _ in
        let other = try #require((header["conv_in.bias"] as? [String: Any])?["data_offsets"] as? [Int])
        var bias = try #require(header["conv_out.bias"] as? [String: Any])
        bias["data_offsets"] = [other[0], other[0] + 8]
        header["conv_out.bias"] = bias
      }
      try expectRefused(model, ["conv_in.bias: overlaps conv_out.bias"])
    }
  }

  @Test("A config's unknown key, wrong type and missing field are listed together")
  func config() throws {
    try Program.withModel { model in
      let path = "\(model)/unet/config.json"
      let text = try Data(contentsOf: URL(fileURLWithPath: path))
      var fields = try #require(JSONSerialization.jsonObject(with: text) as? [String: Any])
      fields["surprise"] = 1
      fields["layers_per_block"] = "two"
      fields["addition_time_embed_dim"] = nil
      try JSONSerialization.data(withJSONObject: fields).write(to: URL(fileURLWithPath: path))
      try expectRefused(
        model,
        [
          path, "3 faults", "surprise is an unknown field", "layers_per_block must be a positive integer",
          "addition_time_embed_dim is missing",
        ])
    }
  }

  @Test("NaN weights stop the run with the first layer that gave one")
  func nan() throws {
    try Program.withModel { model in
      try edit("\(model)/\(Self.unet)") { header, data in
        let layer = try #require(header["down_blocks.1.resnets.0.conv1.weight"] as? [String: Any])
        let offset = try #require(layer["data_offsets"] as? [Int])[0]
        data.replaceSubrange(offset..<(offset + 2), with: [0x00, 0x7e])
      }
      try expectRefused(model, ["unet.down_blocks.1.resnets.0.conv1:", "first layer"], code: 1)
    }
  }

  private func setMaximumLength(_ length: Int, in folders: [String], of model: String) throws {
    for folder in folders {
      let path = "\(model)/\(folder)/tokenizer_config.json"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try text.replacing(#/"model_max_length": \d+/#, with: "\"model_max_length\": \(length)").write(
        toFile: path, atomically: true, encoding: .utf8)
    }
  }

  @Test("Tokenizers may give fewer tokens than the encoders take, but both as many, and not more")
  func tokenCounts() throws {
    try Program.withModel { model in
      try setMaximumLength(75, in: ["tokenizer", "tokenizer_2"], of: model)
      let result = try Program.run(
        ["--model", model], script: "prompt a fox\ngenerate steps=1 size=64x64 out=x.png\nattention fox\n",
        in: model)
      #expect(result.code == 0 && result.output.contains("of 75"), "\(result.errors)")
      try setMaximumLength(64, in: ["tokenizer_2"], of: model)
      try expectRefused(model, ["its tokenizers give 75 and 64 tokens"])
      try setMaximumLength(78, in: ["tokenizer"], of: model)
      try expectRefused(
        model, ["tokenizer/tokenizer_config.json: model_max_length is 78, but the text encoders have 77"])
    }
  }

  static let foreign: [(content: String, name: String)] = [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "this is a Git LFS pointer"),
    ("<!DOCTYPE html>\n<html><body>404</body></html>\n", "this is a web page"),
    (#"{"error":"Repository not found"}"#, "this is a JSON error reply: Repository not found"),
    ("", "this is an empty file"),
  ]

  @Test("What lies in the place of any file is named when the folder is opened", arguments: foreign)
  func foreignContent(content: String, name: String) throws {
    try Program.withModel { model in
      for file in [
        "model_index.json", "unet/config.json", "vae/config.json", "text_encoder/config.json",
        "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer_2/merges.txt",
        "tokenizer/tokenizer_config.json", "tokenizer_2/special_tokens_map.json", Self.unet,
      ] {
        let path = "\(model)/\(file)"
        let whole = try Data(contentsOf: URL(filePath: path))
        try content.write(toFile: path, atomically: true, encoding: .utf8)
        let result = try Program.run(["--model", model], script: "scheduler\n")
        #expect(
          result.code == 4 && result.errors.contains(file) && result.errors.contains(name), "\(result.errors)"
        )
        try whole.write(to: URL(filePath: path))
      }
    }
  }

  @Test("A list of merges without merges is refused, and tokens of added_tokens.json are found")
  func tokenizerFiles() throws {
    try Program.withModel { model in
      let merges = "\(model)/tokenizer/merges.txt"
      let whole = try Data(contentsOf: URL(filePath: merges))
      try "Entry not found\n".write(toFile: merges, atomically: true, encoding: .utf8)
      let bare = try Program.run(["--model", model, "-c", "tokens a fox"])
      #expect(
        bare.code == 4 && bare.errors.contains("it has no merges, only the line \"Entry not found\""),
        "\(bare.errors)")
      try whole.write(to: URL(filePath: merges))
      for (file, text) in [
        ("added_tokens.json", #"{"<s0>": 1078}"#),
        ("tokenizer_config.json", #"{"model_max_length": 77, "pad_token": "<|endoftext|>"}"#),
        ("special_tokens_map.json", #"{"additional_special_tokens": ["<s0>"]}"#),
      ] { try text.write(toFile: "\(model)/tokenizer/\(file)", atomically: true, encoding: .utf8) }
      let added = try Program.run(["--model", model, "--json", "-c", "tokens a <s0>"])
      #expect(added.code == 0 && added.output.contains(",1078,"), "\(added.output)\(added.errors)")
    }
  }

  @Test("A pipeline with another autoencoder is listed, and says what it is")
  func otherAutoencoder() throws {
    try Program.withModel { model in
      try #"{"_class_name": "AutoencoderTiny", "latent_channels": 4}"#.write(
        toFile: "\(model)/vae/config.json", atomically: true, encoding: .utf8)
      let result = try Program.run(
        ["--model", model, "--keep-going"], script: "layers unet depth=0\ngenerate steps=1\n")
      #expect(result.code == 1 && result.output.contains("unet"))
      #expect(result.errors.contains("its vae is of another kind, AutoencoderTiny"), "\(result.errors)")
    }
  }
}
