import Base
import Checkpoints
import Diffusion
import Foundation
import Kernels
import Models
import Testing

/// The embedded model's weights under the configs that five versions of diffusers save, against what diffusers 0.36 computes
/// from their folders; Scripts/goldens/make_folder_goldens.py.
@Suite struct SavedFolderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let version: String
    let scheduler: String
    var testDescription: String { "\(version) \(scheduler)" }
  }

  private static let folder = GoldenRun.repository + "/Tests/Goldens/folders"
  private static let model = GoldenRun.repository + "/Sources/CEmbeddedModel/model"

  private static let versions: [String: JSONValue] = {
    let path = "\(folder)/configs.json"
    guard let data = FileManager.default.contents(atPath: path),
      case .object(let versions)? = try? JSONValue(parsing: data, at: path)
    else { return [:] }
    return versions
  }()

  private static func fields(_ json: JSONValue?, _ name: String) -> [String: JSONValue] {
    guard case .object(let all)? = json, case .object(let fields)? = all[name] else { return [:] }
    return fields
  }

  static let cases = versions.sorted { $0.key < $1.key }.flatMap { version, json in
    fields(json, "schedulers").keys.sorted().map { Case(version: version, scheduler: $0) }
  }

  /// A folder as the version saves it: its configs, its kind of tokenizer, and the embedded model's weights.
  private func withFolder(_ test: Case, _ body: (String) throws -> Void) throws {
    let manager = FileManager.default
    let folder = NSTemporaryDirectory() + "/ssd1b-test-" + UUID().uuidString
    defer { try? manager.removeItem(atPath: folder) }
    func write(_ json: JSONValue, _ path: String) throws {
      try manager.createDirectory(
        atPath: "\(folder)/\(PathName(path).folder)", withIntermediateDirectories: true)
      try json.text().write(toFile: "\(folder)/\(path)", atomically: true, encoding: .utf8)
    }
    let version = Self.versions[test.version]
    let scheduler = Self.fields(version, "schedulers")[test.scheduler] ?? .null
    try write(scheduler, "scheduler/scheduler_config.json")
    for (path, json) in Self.fields(version, "configs") {
      guard path == "model_index.json", case .object(var index) = json, case .object(let fields) = scheduler
      else {
        try write(json, path)
        continue
      }
      // As that version writes it for a pipeline with this scheduler.
      index["scheduler"] = ["diffusers", fields["_class_name"] ?? .null]
      try write(.object(index), path)
    }
    for component in Architecture.Component.allCases.map(\.rawValue) {
      for file in try manager.contentsOfDirectory(atPath: "\(Self.model)/\(component)")
      where file.hasSuffix(".safetensors") {
        try manager.createSymbolicLink(
          atPath: "\(folder)/\(component)/\(file)", withDestinationPath: "\(Self.model)/\(component)/\(file)")
      }
    }
    let isOfTransformers5 = test.version == "0.42.1"
    for part in ["tokenizer", "tokenizer_2"] {
      if isOfTransformers5 {
        let file = GoldenRun.repository + "/Tests/Goldens/tokenizer/json/transformers-5.json"
        try manager.copyItem(atPath: file, toPath: "\(folder)/\(part)/tokenizer.json")
      } else {
        for file in ["vocab.json", "merges.txt"] {
          try manager.copyItem(atPath: "\(Self.model)/\(part)/\(file)", toPath: "\(folder)/\(part)/\(file)")
        }
      }
    }
    try body(folder)
  }

  @Test("there are configs of five versions") func counts() {
    #expect(Self.versions.count == 5 && Self.cases.count == 49)
  }

  /// Measured, relative to the latents: 3.1e-5 for LCM, 1.6e-5 for DPM-Solver with Karras sigmas, at most 7e-6 for the others.
  @Test(
    "a folder gives diffusers' latents, with its own scheduler or with Euler in its place", arguments: cases)
  func latents(test: Case) throws {
    try withFolder(test) { folder in
      let compute = ParityTests.float32[0]
      let model = try DiffusionModel(
        ModelFolder(path: folder), backend: compute.backend(on: ThreadPool(threads: 1)))
      let isStandIn = ["DDIM", "UniPCMultistep"].contains(test.scheduler)
      #expect((model.schedulerConfig.substitution != nil) == isStandIn)
      #expect(model.notes == [model.schedulerConfig.substitution].compactMap { $0 })
      let request = GenerationRequest(
        prompt: "a fox on a blue background", negative: "blue", guidanceScale: 5, steps: 4, seed: 7,
        width: 64,
        height: 64)
      var run = try Generation(request, on: model)
      while run.step < request.steps { _ = try run.next(on: model) }
      let golden = try SafetensorsFile(
        MappedBytes(file: "\(Self.folder)/latents.safetensors"), at: "latents.safetensors")
      let entry = try #require(golden.entries[test.scheduler])
      let error = relativeL2(run.latents, golden.floats(of: entry))
      #expect(error < 1e-4, "\(error)")
    }
  }
}
