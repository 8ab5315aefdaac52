import Base
import Checkpoints
import Foundation

extension Generation {
  private static let key = "ssd1b_run"

  /// Writes the run as far as it came, so that another process can go on with it to the same bits.
  ///
  /// A safetensors file: `latents.K`, `denoised.K` and `noise.K` of each step K, [1, C, H, W] float32, as `dump` names
  /// them, and in its metadata under `ssd1b_run` the request, beside `facts` of the caller's. `mode` and `isDurable` are
  /// `AtomicFile`'s. Throws `Diagnostic` of kind `.file`.
  @discardableResult
  public func write(
    to path: String, facts: [String: String], mode: mode_t = 0o666, isDurable: Bool = true
  ) throws -> FileLock? {
    let shape = [1, latents.count / (latentHeight * latentWidth), latentHeight, latentWidth]
    var tensors: [(name: String, shape: [Int], values: [Float])] = []
    for state in states {
      tensors.append(("latents.\(state.step)", shape, state.latents))
      if let denoised = state.denoised { tensors.append(("denoised.\(state.step)", shape, denoised)) }
      if let noise = state.noisePrediction { tensors.append(("noise.\(state.step)", shape, noise)) }
    }
    let guidance = states.dropFirst().map { state -> JSONValue in
      state.guidance.map { [.number($0.negative), .number($0.prompt), .number($0.difference)] } ?? .null
    }
    let document: JSONValue = [
      "v": 1, "request": .object(request.fields), "step": .integer(step), "guidance": .array(Array(guidance)),
      "facts": .object(facts.mapValues(JSONValue.string)),
    ]
    return try SafetensorsWriter.write(
      tensors, metadata: [Self.key: document.text()], to: path, mode: mode, isDurable: isDurable)
  }

  /// A run as `write` kept it, before it is put on a model.
  public struct Kept {
    public let request: GenerationRequest
    public let facts: [String: String]
    /// Steps done.
    public let step: Int
    fileprivate let file: Checkpoint
    fileprivate let guidance: [Guidance?]

    /// Reads a file's header. Throws a `Diagnostic` of kind `.file` when it is no run.
    public init(path: String) throws {
      guard FileManager.default.fileExists(atPath: path) else {
        throw Diagnostic(
          .file, at: path, "expected a kept run, found nothing",
          hint: "save FILE writes one of an interrupted run")
      }
      func fault(_ found: String) -> Diagnostic {
        Diagnostic(
          .file, at: path, "expected a run that save kept, found \(found)",
          hint: "the file is damaged or something else: save FILE writes one of an interrupted run")
      }
      do {
        let name = PathName(path)
        file = try Checkpoint(
          ModelFolder(path: name.folder), file: name.last)
      } catch let error as Diagnostic {
        throw fault(error.message)
      }
      guard let text = file.files.first?.metadata[Generation.key] else { throw fault("other tensors") }
      let document = try JSONValue(parsing: Data(text.utf8), at: path, kind: .file)
      guard case .object(let fields) = document, case .integer(let step)? = fields["step"], step >= 0,
        case .array(let guidance)? = fields["guidance"], case .object(let facts)? = fields["facts"],
        case .object(let asked)? = fields["request"], let request = GenerationRequest(fields: asked),
        step <= request.steps,
        guidance.count == step
      else { throw fault("settings that cannot be read") }
      self.request = request
      self.step = step
      self.guidance = guidance.map(Guidance.init(json:))
      self.facts = facts.compactMapValues { if case .string(let text) = $0 { text } else { nil } }
    }

    fileprivate func values(_ name: String, count: Int) throws -> [Float] {
      guard let tensor = file.tensors[name], tensor.entry.type.dataType == .float32,
        tensor.bytes.count == 4 * count
      else {
        throw Diagnostic(
          .file, at: file.place, "expected a tensor \(name) of \(count) float32 values, found none",
          hint: "the run is of another model, or the file is damaged")
      }
      return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: tensor.bytes)
        initialized = count
      }
    }
  }

  /// Takes a kept run up where it stopped; the steps that are left give the bits that they would have given.
  public init(_ kept: Kept, on model: DiffusionModel, observers: [any RunObserver] = []) throws {
    try self.init(kept.request, on: model, observers: observers)
    let count = noise.count
    for step in 0...kept.step {
      let latents = try kept.values("latents.\(step)", count: count)
      try append(
        step: step, latents: latents,
        denoised: step == 0 ? nil : kept.values("denoised.\(step)", count: count),
        noisePrediction: step == 0 ? nil : kept.values("noise.\(step)", count: count),
        guidance: step == 0 ? nil : kept.guidance[step - 1])
    }
  }
}

extension Generation.Guidance {
  fileprivate init?(json: JSONValue) {
    guard case .array(let values) = json, values.count == 3 else { return nil }
    let numbers = values.compactMap(Double.init(json:))
    guard numbers.count == 3 else { return nil }
    self.init(negative: numbers[0], prompt: numbers[1], difference: numbers[2])
  }
}
