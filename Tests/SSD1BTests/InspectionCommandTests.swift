import Base
import Checkpoints
import Foundation
import Graph
import Imaging
import Models
import Testing

/// What the shell says of the embedded model and its runs.
@Suite(.serialized) struct InspectionCommandTests {
  /// The results of commands in JSON mode, in order. Fails where one failed.
  private func results(_ script: String, in folder: String = "/tmp") throws -> [JSONValue] {
    let result = try Program.run(["--json"], script: script, in: folder)
    #expect(result.code == 0, "\(result.errors)")
    return try result.output.split(separator: "\n").enumerated().map { index, line in
      guard case .object(let fields) = try JSONValue(parsing: Data(line.utf8), at: "record \(index)"),
        fields["v"] == 1, fields["seq"] == .integer(index + 1), fields["ok"] == true,
        let value = fields["result"]
      else { throw Diagnostic(.file, "no record of a success: \(line.prefix(300))") }
      return value
    }
  }

  private func fields(_ value: JSONValue) throws -> [String: JSONValue] {
    guard case .object(let fields) = value else { throw Diagnostic(.file, "no object: \(value.kindName)") }
    return fields
  }

  private func rows(_ value: JSONValue?) throws -> [[String: JSONValue]] {
    guard case .array(let items)? = value else { throw Diagnostic(.file, "no rows") }
    return try items.map(fields)
  }

  private func number(_ value: JSONValue?) throws -> Double {
    switch value {
    case .integer(let number)?: Double(number)
    case .number(let number)?: number
    default: throw Diagnostic(.file, "no number: \(value?.kindName ?? "nothing")")
    }
  }

  @Test("With --json each command gives one record, failures too, and nothing else is on stdout")
  func records() throws {
    try Program.withFolder { folder in
      let result = try Program.run(
        ["--json", "--keep-going"], script: "seed 3\nseed x\ngenerate steps=1 out=a.png\nlayers nope\n",
        in: folder)
      #expect(result.code == 1)
      let records = try result.output.split(separator: "\n").map {
        try fields(JSONValue(parsing: Data($0.utf8), at: "record"))
      }
      #expect(records.map { $0["ok"] } == [true, false, true, false])
      #expect(records.map { $0["seq"] } == [1, 2, 3, 4])
      #expect(records.map { $0["command"] } == ["seed", "seed", "generate", "layers"])
      let error = try fields(try #require(records[1]["error"]))
      #expect(error["code"] == "value" && error["line"] == 2 && error["file"] == "-")
      #expect(result.errors.contains("-:2: error: seed") && result.errors.contains("-:4: error: nope"))
    }
  }

  @Test(
    "Every table comes as text, csv, markdown and JSON, whole in the last three",
    arguments: [
      "layers unet", "layers unet sort=params top=7", "params by=kind", "diff sdxl",
      "diff sdxl level=layer only=removed",
      "tensor unet.conv_in.weight stats", "tensor unet.conv_in.weight hist bins=5",
      "tensor unet.conv_in.bias head=3",
    ])
  func forms(command: String) throws {
    let json = try fields(try #require(try results(command).first))
    let csv = try Program.run(["-c", command + " as=csv"])
    // A blank line only between a histogram and the figures before it.
    #expect(csv.output.utf8.suffix(2).elementsEqual("\r\n".utf8))
    #expect(csv.output.components(separatedBy: "\r\n\r\n").count == (command.contains("hist") ? 2 : 1))
    let lines = csv.output.split(separator: "\r\n", omittingEmptySubsequences: false).dropLast()
    let markdown = try Program.run(["-c", command + " as=markdown"]).output.split(separator: "\n")
    #expect(csv.code == 0 && lines.count > 1)
    #expect(markdown.count == lines.count + 1 && markdown[1].allSatisfy { "| -:".contains($0) })
    if case .array(let items)? = json["rows"] { #expect(items.count == lines.count - 1) }
    let direct = try Program.run(["-c", command + " as=json"])
    #expect(try fields(JSONValue(parsing: Data(direct.output.utf8), at: "json")) == json)
  }

  @Test("Off the terminal's needs, programs get every layer and every block")
  func whole() throws {
    let layers = try fields(try #require(try results("layers unet").first))
    #expect(layers["shown"] == layers["available"])
    let csv = try Program.run(["-c", "layers unet as=csv"]).output
    #expect(csv.contains("unet.up_blocks.0.attentions.2.transformer_blocks.9.ff.net.2,"))
    #expect(!(try Program.run(["-c", "layers unet"]).output.contains("transformer_blocks.9.ff")))
    let diff = try Program.run(["-c", "diff sdxl ssd1b only=removed as=csv"]).output
    #expect(diff.contains("removed,mid_block.attentions.0.transformer_blocks.7,"))
    let none = try Program.run(["-c", "diff sdxl ssd1b only=added,changed"]).output
    #expect(none.contains("no block is added or changed\ntensors: 736 removed"), "\(none)")
  }

  @Test("Columns are chosen, and a wrong one is refused with the right ones")
  func columns() throws {
    let result = try Program.run(["-c", "layers unet depth=0 columns=key,share,dtype"])
    #expect(
      result.output.contains("layer  key    share  dtype\nunet        100.0 %  F16\n"), "\(result.output)")
    let wrong = try Program.run(["-c", "layers columns=parms"])
    #expect(wrong.code == 1 && wrong.errors.contains("did you mean params?"), "\(wrong.errors)")
    #expect(try Program.run(["-c", "layers sort=time"]).errors.contains("generate a picture first"))
    #expect(try Program.run(["-c", "layers filter=/(/"]).errors.contains("expected a regular expression"))
    #expect(
      try Program.run(["-c", "layers unet filter=/attn2\\.to_[kv]$/ sort=params"]).output.contains("68 of"))
  }

  @Test("A tensor's figures are those of its bytes")
  func tensor() throws {
    let result = try fields(try #require(try results("tensor unet.conv_in.weight stats head=2").first))
    let path = Program.model + "/unet/diffusion_pytorch_model.fp16.safetensors"
    let file = try SafetensorsFile(MappedBytes(file: path), at: path)
    let entry = try #require(file.entries["conv_in.weight"])
    #expect(
      result["offset"] == .integer(entry.range.lowerBound) && result["dtype"] == "F16"
        && result["count"] == 1152)
    let bytes = file.bytes(of: entry)
    let values = (0..<1152).map {
      Double(Float16(bitPattern: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)))
    }
    #expect(try number(result["min"]) == values.min() && number(result["max"]) == values.max())
    #expect(abs(try number(result["norm"]) - values.reduce(0) { $0 + $1 * $1 }.squareRoot()) < 1e-12)
    #expect(result["head"] == .array(values.prefix(2).map(JSONValue.number)))
    let both = try Program.run(["-c", "tensor text_model.final_layer_norm.weight"])
    #expect(
      both.code == 1 && both.errors.contains("found it in text_encoder and text_encoder_2"), "\(both.errors)")
    #expect(try Program.run(["-c", "tensor text_encoder_2.text_model.final_layer_norm.weight"]).code == 0)
  }

  @Test("Capturing says its bytes before, changes no bit, and its files hold what its figures say")
  func capture() throws {
    try Program.withFolder { folder in
      let plain = try results("prompt a fox\ngenerate steps=3 out=a.png\n", in: folder)
      let script = """
        prompt a fox
        steps 3
        capture unet.mid_block full steps=1,-1 half=prompt
        capture unet.*.attn2.to_k
        capture list
        generate out=b.png
        capture
        dump captures c format=npy
        dump captures s steps=3
        dump captures p format=png
        capture clear
        generate steps=1 out=d.png
        generate out=c.png
        capture
        """
      let results = try results(script, in: folder)
      func images(_ value: JSONValue) throws -> JSONValue? { try rows(fields(value)["images"])[0]["latents"] }
      #expect(try images(results[5]) == images(plain[1]))
      #expect(try images(results[12]) == images(plain[1]))
      // 96 channels of 4x4, two steps, one half, four bytes.
      #expect(try fields(results[2])["bytes"] == .integer(96 * 16 * 2 * 4))
      #expect(try fields(results[3])["layers"] == 34)
      let captured = try rows(results[6])
      #expect(captured.count == 2 + 34 * 3 * 2)
      let files = try rows(results[7])
      #expect(files.count == 2)
      #expect(try rows(results[8]).count == 1 && rows(results[9]).count == 1)
      #expect(results[13] == .array([]))
      // The npy's own bytes against the figures.
      let path = folder + "/c/unet.mid_block.step3.prompt.npy"
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      let values = data.suffix(96 * 16 * 4).withUnsafeBytes { raw in
        (0..<(96 * 16)).map { Double(raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)) }
      }
      let row = try #require(captured.first { $0["layer"] == "unet.mid_block" && $0["step"] == 3 })
      #expect(row["shape"] == [1, 96, 4, 4])
      #expect(try number(row["max"]) == values.max() && number(row["min"]) == values.min())
      let settings = try fields(
        JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: folder + "/c/settings.json")), at: "s"))
      #expect(settings["prompt"] == "a fox" && settings["steps"] == "3")
      let one = folder + "/s/unet.mid_block.step3.prompt.safetensors"
      let file = try SafetensorsFile(MappedBytes(file: one), at: one)
      #expect(
        file.metadata["layer"] == "unet.mid_block" && file.metadata["half"] == "prompt"
          && file.metadata["seed"] == "0")
      // What two patterns mean is kept once, with its values if either wants them.
      let twice = try self.results(
        "steps 2\ncapture unet.conv_in\ncapture unet.conv_in full steps=2\ngenerate out=e.png\ncapture\ndump captures t\n",
        in: folder)
      #expect(try rows(twice[4]).count == 4 && rows(twice[5]).count == 2)
      let text = try Program.run(
        script: "capture unet.conv_in full\ngenerate steps=1 out=d.png\n", in: folder
      ).output
      #expect(
        text.contains("armed 1 layer, 40 tensors: 1.3 MiB\ncapturing 1 layer, 2 tensors: 64.0 KiB\n"),
        "\(text)")
    }
  }

  @Test(
    "A capture that cannot be is refused before a run",
    arguments: [
      ("capture unet.nope", "expected a layer or module"),
      ("capture unet.mid_blok", "did you mean unet.mid_block"),
      ("capture unet.conv_in steps=0", "expected steps from 1 to 20"),
      ("capture /[/", "expected a regular expression"),
      ("capture vae.encoder.conv_in", "expected a layer or module"), ("dump captures x", "there is none yet"),
      ("attention fox", "there is none yet"), ("profile", "there is none yet"),
      ("decode", "there is none yet"),
      ("size 8192x8192\ncapture * full", "of memory that are free"),
    ])
  func refusedCapture(line: String, error: String) throws {
    let result = try Program.run(script: line + "\n")
    #expect(result.code == 1 && result.errors.contains(error), "\(result.errors)")
  }

  @Test("dump writes ComfyUI's keys and scale, and sheets; decode makes the picture of any step")
  func dump() throws {
    try Program.withFolder { folder in
      let results = try results(
        """
        prompt a fox on a blue background
        generate steps=4 out=a.png
        dump latents c format=comfy steps=-1
        dump latents s steps=-1
        dump denoised p format=png
        dump noise n
        decode out=last.png
        decode denoised step=2 out=two.png
        latents
        """, in: folder)
      func file(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(MappedBytes(file: "\(folder)/\(name)"), at: name)
      }
      func values(_ file: SafetensorsFile, _ name: String) throws -> [Float] {
        let bytes = file.bytes(of: try #require(file.entries[name]))
        return (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
      // As ComfyUI's SaveLatent writes and LoadLatent reads them.
      let comfy = try file("c/latents.4.latent")
      #expect(Set(comfy.entries.keys) == ["latent_tensor", "latent_format_version_0"])
      #expect(
        comfy.entries["latent_format_version_0"]?.shape == [0]
          && comfy.entries["latent_tensor"]?.shape == [1, 4, 16, 16])
      let config = try fields(
        JSONValue(
          parsing: Data(contentsOf: URL(fileURLWithPath: Program.model + "/vae/config.json")), at: "vae"))
      let scale = Float(try number(config["scaling_factor"]))
      let scaled = try values(file("s/latents.4.safetensors"), "latents.4")
      #expect(try values(comfy, "latent_tensor") == scaled.map { $0 / scale })
      #expect(try file("s/latents.4.safetensors").metadata["prompt"] == "a fox on a blue background")
      #expect(try rows(results[5]).count == 4)
      let (sheet, _) = try PNG.read(path: folder + "/p/denoised.png")
      #expect(sheet.width > 200 && sheet.height > 200)
      // The last latents' picture is the picture.
      #expect(try PNG.read(path: folder + "/last.png").0 == PNG.read(path: folder + "/a.png").0)
      #expect(try PNG.read(path: folder + "/two.png").0 != PNG.read(path: folder + "/a.png").0)
      let states = try rows(results[8])
      #expect(states.count == 5 && states[0]["norm_prompt"] == .null)
      #expect(try number(states[1]["norm_difference"]) > 0)
    }
  }

  @Test("After a run, attention, profile, times and estimate tell of it")
  func afterRun() throws {
    try Program.withFolder { folder in
      let results = try results(
        """
        prompt a small fox on a blue background
        estimate
        generate steps=4 out=a.png
        estimate
        attention fox
        attention blue background steps=1,4 out=b.png
        profile by=component
        profile by=layer
        layers sort=time top=3
        layers unet depth=0
        diff sdxl only=removed
        """, in: folder)
      #expect(try fields(results[1])["basis"] != "last_run" && fields(results[3])["basis"] == "last_run")
      #expect(try number(fields(results[3])["bytes"]) > 8e6)
      let map = try fields(results[4])
      #expect(map["tokens"] == [3] && map["height"] == 16 && map["path"] == "attention-fox.png")
      #expect(try fields(results[5])["tokens"] == [6, 7] && fields(results[5])["steps"] == [1, 4])
      let overlay = try PNG.read(path: folder + "/attention-fox.png")
      #expect(overlay.0.width == 128 && FileManager.default.fileExists(atPath: folder + "/b.png"))
      let components = try rows(fields(results[6])["rows"])
      #expect(
        components.count == 4
          && ["unet", "vae", "text_encoder", "text_encoder_2"].allSatisfy { name in
            components.contains { $0["component"] == .string(name) }
          })
      let total = try number(fields(results[6])["seconds"])
      #expect(abs(try components.reduce(0) { try $0 + number($1["share"]) } - 1) < 1e-9 && total > 0)
      #expect(
        abs(try rows(fields(results[7])["rows"]).reduce(0) { try $0 + number($1["seconds"]) } - total) < 1e-9)
      // Multiply-adds of the UNet's calls: four steps of both halves, but what depends on the prompt alone once.
      let unet = try #require(components.first { $0["component"] == "unet" })
      let done = try number(unet["flops_per_second"]) * number(unet["seconds"]) / 2
      let architecture = try Architecture(
        name: "embedded",
        configs: {
          try JSONValue(
            parsing: Data(contentsOf: URL(fileURLWithPath: "\(Program.model)/\($0)/config.json")), at: $0)
        },
        place: { $0 })
      let graph = try architecture.graph(.unet, width: 128, height: 128, batch: 2)
      let step = graph.nodes(
        reaching: Array(graph.outputs.values),
        from: Set(graph.invariants(whenVarying: ["sample", "timestep"]))
      )
      .reduce(0) { $0 + $1.multiplyAdds }
      // A convolution after a doubling is done as four of 2x2.
      let doublings = Set(graph.nodes.filter { $0.op.kind == "upsample" }.map(\.id))
      let doubled = graph.nodes.filter { $0.inputs.contains { doublings.contains($0.id) } }.reduce(0) {
        $0 + $1.multiplyAdds
      }
      #expect(abs(done - (Double(4 * step + graph.multiplyAdds - step) - 4 * 5 / 9 * Double(doubled))) < 1)
      let slowest = try rows(fields(results[8])["rows"])
      #expect(try slowest.count == 3 && number(slowest[0]["seconds"]) >= number(slowest[1]["seconds"]))
      let all = try fields(fields(results[9])["total"] ?? .null)
      // The tree has the time of reshapes too, which do nothing.
      #expect(abs(try number(all["seconds"]) / number(unet["seconds"]) - 1) < 0.01)
      #expect(try rows(fields(results[10])["rows"]).allSatisfy { try number($0["seconds_saved"]) > 0 })
      // Asking of another backend takes nothing of the run away.
      let other = try self.results(
        "generate steps=1 out=f.png\nestimate backend=reference\nprofile by=component\nestimate\n", in: folder
      )
      #expect(try fields(other[1])["basis"] == "speed" && fields(other[3])["basis"] == "last_run")
      #expect(try rows(fields(other[2])["rows"]).count >= 2)
      // Gathered while running: the same map, but for the rounding of the batch of two.
      let live = try self.results(
        """
        precision f32
        prompt a small fox on a blue background
        capture attention
        capture list
        generate steps=4 out=c.png
        attention fox out=c2.png
        capture clear
        generate steps=4 out=d.png
        attention fox out=d2.png
        """, in: folder)
      #expect(try rows(live[3])[0]["pattern"] == "attention")
      let (gathered, again) = (try fields(live[5]), try fields(live[8]))
      #expect(try abs(number(gathered["max"]) - number(again["max"])) < 1e-5 * number(again["max"]))
      let wrong = try Program.run(
        script: "prompt a fox\ngenerate steps=1 out=c.png\nattention foxx\nattention the\n", in: folder)
      #expect(wrong.code == 1 && wrong.errors.contains("did you mean fox?"), "\(wrong.errors)")
    }
  }

  /// Layers of SDXL's depths at the embedded model's widths: the shortened stacks' layers are taken from these, the others
  /// are noise, and so the comparison has to find them again.
  @Test("Where a pruned model's layers came from is read off the weights")
  func provenance() throws {
    try Program.withFolder { folder in
      let path = Program.model + "/unet/diffusion_pytorch_model.fp16.safetensors"
      let student = try SafetensorsFile(MappedBytes(file: path), at: path)
      let text = try Data(contentsOf: URL(fileURLWithPath: Program.model + "/unet/config.json"))
      var config = try fields(JSONValue(parsing: text, at: "config"))
      config["transformer_layers_per_block"] = [1, 2, 10]
      config["reverse_transformer_layers_per_block"] = .null
      config["mid_block_type"] = "UNetMidBlock2DCrossAttn"
      let unet = UNet(config: try UNetConfig(config: .object(config), at: "teacher"))
      let graph = try unet.graph(batch: 1, height: 8, width: 8, tokens: 77)
      try FileManager.default.createDirectory(atPath: folder + "/teacher", withIntermediateDirectories: true)
      try JSONValue.object(config).text().write(
        toFile: folder + "/teacher/config.json", atomically: true, encoding: .utf8)
      var state: UInt64 = 1
      func noise() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / Float(1 << 24) - 0.5
      }
      // A teacher's layer 0, 3, 6, 9 is the student's 0, 1, 2, 3.
      let sources = [0: 0, 3: 1, 6: 2, 9: 3]
      let tensors = graph.tensors.map { key, shape -> (String, [Int], [Float]) in
        var source: String? = student.entries[key] == nil ? nil : key
        let parts = key.components(separatedBy: ".transformer_blocks.")
        if parts.count == 2, student.entries["\(parts[0]).transformer_blocks.9.norm1.weight"] == nil,
          student.entries["\(parts[0]).transformer_blocks.3.norm1.weight"] != nil
        {
          let rest = parts[1].split(separator: ".", maxSplits: 1)
          source = Int(rest[0]).flatMap { sources[$0] }.map {
            "\(parts[0]).transformer_blocks.\($0).\(rest[1])"
          }
        }
        guard let entry = source.flatMap({ student.entries[$0] }) else {
          return (key, shape.extents, (0..<shape.count).map { _ in noise() })
        }
        let bytes = student.bytes(of: entry)
        return (
          key, shape.extents,
          (0..<shape.count).map {
            Float(Float16(bitPattern: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)))
          }
        )
      }
      try SafetensorsWriter.write(
        tensors.map { (name: $0.0, shape: $0.1, values: $0.2) },
        to: folder + "/teacher/diffusion_pytorch_model.safetensors")
      let result = try #require(
        try results("diff ./teacher values\n".replacing("./", with: folder + "/")).first)
      let provenance = try rows(fields(result)["provenance"])
      let deep = provenance.filter { $0["new"] == [0, 1, 2, 3] }
      #expect(deep.count == 4)
      #expect(deep.allSatisfy { $0["nearest"] == [0, 3, 6, 9] }, "\(deep.map { $0["nearest"] })")
      let kept = try rows(fields(result)["rows"]).filter { $0["status"] == "same" }
      let still = try #require(kept.first { $0["path"] == "conv_in" })
      #expect(still["relative_l2"] == 0)
      #expect(abs(try number(still["cosine"]) - 1) < 1e-12)
      let moved = try #require(kept.first { $0["path"] == "down_blocks.2.attentions.0.transformer_blocks.1" })
      #expect(try number(moved["relative_l2"]) > 0.1 && number(moved["cosine"]) < 0.9)
      let text2 = try Program.run(["-c", "diff \(folder)/teacher values only=changed"]).output
      #expect(text2.contains("nearest layers of teacher") && text2.contains("1.000"))
      let without = try Program.run(["-c", "diff sdxl values"])
      #expect(without.code == 1 && without.errors.contains("expected two checkpoints to compare"))
    }
  }
}
