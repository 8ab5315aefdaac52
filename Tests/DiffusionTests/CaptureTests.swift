import Base
import Checkpoints
import Diffusion
import Foundation
import Graph
import Kernels
import Models
import Runtime
import Testing

/// What single layers gave in diffusers, as Scripts/goldens/make_capture_goldens.py writes it.
struct CaptureGolden: CustomTestStringConvertible {
  let name: String
  let model: String
  let request: GenerationRequest
  /// The step that the UNet's tensors are of.
  let step: Int
  private let file: SafetensorsFile
  /// [77][latents].
  let attention: [[Float]]

  var testDescription: String { name }

  init(folder: String, model: String) throws {
    name = folder
    self.model = model
    let text = try Data(contentsOf: URL(fileURLWithPath: folder + "/captures.json"))
    request = try JSONDecoder().decode(GoldenRequest.self, from: text).request
    step = try JSONDecoder().decode(Document.self, from: text).step
    func open(_ name: String) throws -> SafetensorsFile {
      try SafetensorsFile(MappedBytes(file: "\(folder)/\(name).safetensors"), at: name)
    }
    file = try open("captures")
    let maps = try open("attention")
    let words = try Self.values(of: "words", in: maps)
    attention = stride(from: 0, to: words.count, by: words.count / 77).map {
      Array(words[$0..<($0 + words.count / 77)])
    }
  }

  private struct Document: Decodable { let step: Int }

  /// COMPONENT.PATH of every tensor.
  var names: [String] { file.entries.keys.sorted() }

  func values(of name: String) throws -> [Float] { try Self.values(of: name, in: file) }

  private static func values(of name: String, in file: SafetensorsFile) throws -> [Float] {
    file.floats(of: try #require(file.entries[name], "no \(name)"))
  }

  /// The committed ones, and those of any folder in SSD1B_CAPTURE_GOLDENS (split by colons), each with its pipeline in model/.
  static let all: [CaptureGolden] = {
    let committed = try? CaptureGolden(
      folder: GoldenRun.repository + "/Tests/Goldens/captures",
      model: GoldenRun.repository + "/Sources/CEmbeddedModel/model")
    let others = (ProcessInfo.processInfo.environment["SSD1B_CAPTURE_GOLDENS"] ?? "").split(separator: ":")
      .compactMap {
        try? CaptureGolden(folder: String($0), model: "\($0)/model")
      }
    return [committed].compactMap { $0 } + others
  }()
}

@Suite(.serialized) struct CaptureTests {
  private func model(_ golden: CaptureGolden, _ compute: BackendChoice) throws -> DiffusionModel {
    try DiffusionModel(ModelFolder(path: golden.model), backend: compute.backend(on: ThreadPool(threads: 2)))
  }

  private func split(_ name: String) throws -> (Architecture.Component, String) {
    let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
    return (try #require(Architecture.Component(rawValue: parts[0])), parts[1])
  }

  /// Runs the request with what `captures` ask for, and decodes.
  private func run(
    _ golden: CaptureGolden, on model: DiffusionModel, _ captures: [Capture]
  ) throws -> (bits: [UInt32], captured: [Captured]) {
    let recorder = CaptureRecorder(captures, on: model.backend.pool)
    let observers: [any RunObserver] = captures.isEmpty ? [] : [recorder]
    var run = try Generation(golden.request, on: model, observers: observers)
    while try run.next(on: model, observers: observers) != nil {}
    let pixels = try model.decode(
      run.latents, height: run.latentHeight, width: run.latentWidth, observers: observers)
    return ((run.states.flatMap(\.latents) + pixels).map(\.bitPattern), recorder.captured)
  }

  @Test("The committed golden has a layer of every kind that a generation computes")
  func kinds() throws {
    let golden = try #require(CaptureGolden.all.first)
    let model = try model(golden, ParityTests.float32[0])
    let targets = try model.captureTargets(width: golden.request.width, height: golden.request.height)
    let recorded = Set(golden.names)
    let kinds = Set(targets.map(\.kind))
    let covered = Set(targets.filter { recorded.contains($0.name) }.map(\.kind))
    #expect(kinds == covered, "without a golden: \(kinds.subtracting(covered).sorted())")
    #expect(kinds.count >= 17)
  }

  /// Measured on the embedded model: at most 5.2e-6, at the end of the UNet's second step, whose input has the first's error.
  @Test(
    "A capture equals what diffusers' module gave, within 1e-5", arguments: CaptureGolden.all,
    ParityTests.float32)
  func parity(golden: CaptureGolden, compute: BackendChoice) throws {
    let model = try model(golden, compute)
    let captures = try golden.names.map { name in
      let (component, path) = try split(name)
      return Capture(component: component, path: path, keepsValues: true, steps: [golden.step])
    }
    let captured = Dictionary(grouping: try run(golden, on: model, captures).captured) {
      "\($0.component.rawValue).\($0.path)"
    }
    #expect(Set(captured.keys) == Set(golden.names))
    var worst = (name: "", error: 0.0)
    for name in golden.names {
      let ours = try #require(captured[name])
      #expect(ours.map(\.half) == (name.hasPrefix("vae.") ? [nil] : [.negative, .prompt]), "\(name)")
      var expected = try golden.values(of: name)
      // torch has the positions once for all texts.
      let values = ours.flatMap { $0.values ?? [] }
      if name.hasSuffix("position_embedding") {
        expected = Array(expected.prefix(values.count / 2)) + expected.prefix(values.count / 2)
      }
      try #require(values.count == expected.count, "\(name)")
      let error = relativeL2(values, expected)
      if error > worst.error { worst = (name, error) }
      #expect(error < 1e-5, "\(name): \(error)")
    }
    print(
      "captures of \(golden.name) on \(compute.library.rawValue): at most \(worst.error) at \(worst.name)")
  }

  @Test("Capturing everything changes no bit of a result", arguments: CaptureGolden.all, ParityTests.all)
  func sameBits(golden: CaptureGolden, compute: BackendChoice) throws {
    let model = try model(golden, compute)
    let plain = try run(golden, on: model, []).bits
    let targets = try model.captureTargets(width: golden.request.width, height: golden.request.height)
    let all = targets.map { Capture(component: $0.component, path: $0.path, keepsValues: false) }
    let observed = try run(golden, on: model, all)
    #expect(observed.bits == plain)
    // Both texts, both halves of three steps, one decode.
    let counts = targets.reduce(0) { $0 + ($1.component == .unet ? 6 : $1.component == .vae ? 1 : 2) }
    #expect(observed.captured.count == counts)
    #expect(observed.captured.allSatisfy { $0.values == nil && $0.statistics.count > 0 })
    // Two captures at once, some steps only, and afterwards none.
    let some = [
      Capture(component: .unet, path: "mid_block", keepsValues: true, steps: [2]),
      Capture(component: .unet, path: "conv_out", keepsValues: false, halves: [.prompt]),
    ]
    let two = try run(golden, on: model, some)
    #expect(two.bits == plain)
    #expect(
      two.captured.map(\.name) == [
        "unet.conv_out.step1.prompt", "unet.mid_block.step2.negative", "unet.mid_block.step2.prompt",
        "unet.conv_out.step2.prompt", "unet.conv_out.step3.prompt",
      ])
    #expect(try run(golden, on: model, []).bits == plain)
  }

  @Test("Statistics are those of the values, in torch's layout")
  func statistics() throws {
    let golden = try #require(CaptureGolden.all.first)
    let model = try model(golden, ParityTests.float32[0])
    let captured = try run(
      golden, on: model, [Capture(component: .unet, path: "down_blocks.0", keepsValues: true)]
    ).captured
    #expect(captured.count == 6)
    for one in captured {
      let values = try #require(one.values)
      #expect(one.shape == [1, 32, 4, 6])
      #expect(one.statistics.count == values.count && one.statistics.minimum == values.min().map(Double.init))
      #expect(
        abs(one.statistics.mean - values.reduce(0.0) { $0 + Double($1) } / Double(values.count)) < 1e-12)
    }
  }

  @Test("A step that is cut short leaves no times and no half captures behind")
  func interrupted() throws {
    let golden = try #require(CaptureGolden.all.first)
    let flag = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    flag.initialize(to: 0)
    defer { flag.deallocate() }
    let pool = ThreadPool(threads: 2, cancelFlag: flag)
    let model = try DiffusionModel(
      ModelFolder(path: golden.model), backend: ParityTests.float32[0].backend(on: pool))
    /// Raises the flag in the middle of a step.
    final class Interrupter: RunObserver {
      let flag: UnsafeMutablePointer<Int32>
      init(_ flag: UnsafeMutablePointer<Int32>) { self.flag = flag }
      func paths(of component: Architecture.Component) -> Set<String> {
        component == .unet ? ["mid_block"] : []
      }
      func observer(of component: Architecture.Component, in graph: Graph, step: Int?, batch: Int)
        -> Executor.Observer?
      { step == 2 ? { [flag] _, _ in flag.pointee = 1 } : nil }
    }
    let recorder = CaptureRecorder(
      [
        Capture(component: .unet, path: "conv_in", keepsValues: false),
        Capture(component: .unet, path: "up_blocks.0", keepsValues: false),
      ], on: pool)
    let observers: [any RunObserver] = [Interrupter(flag), recorder]
    var run = try Generation(golden.request, on: model, observers: observers)
    _ = try run.next(on: model, observers: observers)
    let whole = model.profile(of: .unet).filter { $0.runs > 0 }.map(\.duration)
    let fault = #expect(throws: Diagnostic.self) { try run.next(on: model, observers: observers) }
    #expect(fault?.kind == .interrupted && run.step == 1)
    #expect(model.profile(of: .unet).filter { $0.runs > 0 }.map(\.duration) == whole)
    // Two layers of both halves in the first step; of the second what came before the interruption.
    #expect(recorder.captured.map(\.path).count { $0 == "up_blocks.0" } == 2)
    #expect(recorder.captured.allSatisfy { $0.statistics.count > 0 })
    flag.pointee = 0
    #expect(try run.next(on: model, observers: observers.suffix(1).map { $0 })?.step == 2)
  }

  @Test("The norms of the guidance pair are those of the captured predictions")
  func guidance() throws {
    let golden = try #require(CaptureGolden.all.first)
    let model = try model(golden, ParityTests.float32[0])
    let recorder = CaptureRecorder(
      [Capture(component: .unet, path: "conv_out", keepsValues: true)], on: model.backend.pool)
    var run = try Generation(golden.request, on: model, observers: [recorder])
    let state = try #require(try run.next(on: model, observers: [recorder]))
    let halves = recorder.captured.map { $0.values ?? [] }
    func norm(_ values: [Float]) -> Double {
      values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    let norms = try #require(state.guidance)
    #expect(abs(norms.negative - norm(halves[0])) < 1e-9 * norms.negative)
    #expect(abs(norms.prompt - norm(halves[1])) < 1e-9 * norms.prompt)
    #expect(abs(norms.difference - norm(zip(halves[1], halves[0]).map { $0 - $1 })) < 1e-6 * norms.difference)
    #expect(run.states[0].guidance == nil)
    var alone = golden.request
    alone.guidanceScale = 1
    var unguided = try Generation(alone, on: model)
    #expect(try unguided.next(on: model)?.guidance == nil)
  }
}
