import Base
import Foundation
import Models
import Testing

/// Inspection of checkpoints of full size, whose headers and configs are real and whose data are holes.
@Suite(.serialized) struct FullSizeInspectionTests {
  /// Measured on an idle machine: 0.04 s and 34 MB; here other tests run beside it.
  @Test(
    "layers, params and diff answer within a second of process start, in less than 200 MB",
    arguments: [
      "layers", "params by=dtype", "diff sdxl", "layers unet sort=macs top=10 as=csv", "layers ssd1b",
    ])
  func quick(command: String) throws {
    try Program.withHollowModel("ssd1b") { folder in
      // The best of three: the machine is shared with the other tests.
      let runs = try (0..<3).map { _ in try Program.measure(command, model: folder) }
      #expect((runs.map(\.seconds).min() ?? 9) < 1, "\(runs)")
      #expect((runs.map(\.peakBytes).max() ?? 0) < 200_000_000, "\(runs)")
    }
  }

  @Test("Totals are the published ones, by component, dtype and size of picture")
  func totals() throws {
    try Program.withHollowModel("ssd1b") { folder in
      let result = try Program.run(
        ["--model", folder, "--json"],
        script: """
          params
          params by=dtype
          size 512x512
          layers unet depth=0
          size 768x768
          layers unet depth=0
          size 1024x1024
          layers unet depth=0
          diff sdxl level=tensor only=removed
          diff sdxl
          """)
      #expect(result.code == 0, "\(result.errors)")
      let records = try result.output.split(separator: "\n").map { line -> [String: JSONValue] in
        guard case .object(let fields) = try JSONValue(parsing: Data(line.utf8), at: "record"),
          case .object(let value)? = fields["result"]
        else { throw Diagnostic(.file, "no record: \(line.prefix(200))") }
        return value
      }
      func rows(_ index: Int) -> [[String: JSONValue]] {
        guard case .array(let rows)? = records[index]["rows"] else { return [] }
        return rows.compactMap { if case .object(let fields) = $0 { fields } else { nil } }
      }
      #expect(rows(0).map { $0["parameters"] } == [123_060_480, 694_659_840, 1_331_334_404, 83_653_863])
      #expect(rows(0).map { $0["tensors"] } == [196, 517, 944, 248])
      #expect(rows(1).map { $0["bytes"] } == [.integer(2 * 2_232_708_587)])
      // Exact, from the facts that this program has to agree with.
      let multiplyAdds = [3, 5, 7].map { rows($0).first?["multiply_adds"] }
      #expect(multiplyAdds == [489_772_482_560, 1_129_287_516_160, 2_103_880_908_800])
      #expect(rows(8).count == 736)
      let saved = rows(9).reduce(0) { sum, row in
        if case .integer(let value)? = row["parameters_saved"] { sum + value } else { sum }
      }
      #expect(saved == 1_236_129_280)
      #expect(records[9]["tensors"] == ["removed": 736, "added": 0, "changed": 0, "same": 944])
      #expect(records[9]["transformer_blocks"] == ["old": 70, "new": 34])
    }
  }

  @Test("One network's file or folder is looked at by itself, as the model or beside it")
  func parts() throws {
    try Program.withHollowModel("ssd1b") { folder in
      let file = folder + "/unet/diffusion_pytorch_model.fp16.safetensors"
      let alone = try Program.run(["--model", file], script: "model\nlayers depth=0\nparams\ngenerate\n")
      #expect(alone.code == 1)
      #expect(
        alone.output.hasPrefix(
          "model      diffusion_pytorch_model.fp16.safetensors\nunet            1,331,334,404"))
      #expect(
        alone.output.contains("note: unet: the unet of ssd1b: all 944 tensors have its names and shapes\n"))
      #expect(alone.output.contains("1,331,334,404"))
      #expect(
        alone.errors.contains("this is the unet of ssd1b, not a whole pipeline to compute with"),
        "\(alone.errors)")
      let beside = try Program.run([
        "-c", "layers \(folder)/vae depth=0", "-c", "diff sdxl \(folder)/unet only=removed",
      ])
      #expect(beside.code == 0, "\(beside.errors)")
      #expect(beside.output.contains("83,653,863") && beside.output.contains("736 removed"))
      #expect(beside.output.contains("2.3 GiB saved"))
    }
  }
}
