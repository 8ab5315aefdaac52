import Base
import Checkpoints
import Graph
import Kernels
import Models
import Runtime

/// A loaded pipeline: the one owner of its weights, tokenizers and executors.
///
/// Opening reads configs and headers and checks all of them against each other; weights are packed when first used.
public final class DiffusionModel {
  public let files: any ModelFiles
  public let architecture: Architecture
  public let checkpoints: [Architecture.Component: Checkpoint]
  public let schedulerConfig: SchedulerConfig
  public let startValues: StartValues
  /// What a user should know of how the files were read, a sentence each.
  public let notes: [String]
  /// Whether no negative prompt at all means zero embeddings rather than an encoded empty text.
  public let zeroesAbsentNegative: Bool
  /// What computes. The layouts of weights that were made for another are dropped when it changes.
  public private(set) var backend: any Backend

  let bindings: [Architecture.Component: WeightBinding]
  private var weights: [WeightsKey: Weights] = [:]
  private var tokenizers: [Architecture.Component: CLIPTokenizer] = [:]
  private var embeddings: [String: PromptEmbedding] = [:]
  private var denoiser: Denoiser?
  /// Where all components compute, one at a time.
  let memory = ActivationMemory()
  /// The last runs of components other than the UNet.
  var lastRuns: [Architecture.Component: (profile: [StepTime], activationBytes: Int)] = [:]

  /// Opens a folder in the diffusers layout.
  ///
  /// Throws one `Diagnostic` of kind `.model` that lists what is wrong in all of its components, or one of kind
  /// `.inspectionOnly` when nothing is, but pictures cannot be made from text with it here.
  public init(_ files: any ModelFiles, backend: any Backend) throws {
    self.files = files
    self.backend = backend
    let index = try ModelIndex(files)
    zeroesAbsentNegative = index.zeroesAbsentNegative
    let scheduler = "scheduler/scheduler_config.json"
    schedulerConfig =
      files.has(scheduler)
      ? try SchedulerConfig(
        files.json(scheduler), at: files.place(scheduler), className: index.schedulerClass)
      : SchedulerConfig()
    let missing = PipelineParts.missingNetworks(in: files)
    // What the model is comes before what its folder lacks.
    let others = try PipelineParts.otherNetworks(in: files)
    let kind = index.obstacles + missing + others + [schedulerConfig.obstacle].compactMap { $0 }
    let lacking = PipelineParts.missingFiles(in: files)
    guard missing.isEmpty, others.isEmpty else { throw Self.inspectionOnly(files, kind + lacking) }
    var architecture = try Architecture(
      name: files.name, configs: { try files.json("\($0)/config.json") },
      place: { files.place("\($0)/config.json") }, hasProjection: index.hasProjection)
    let obstacles = kind + architecture.obstacles + lacking
    guard obstacles.isEmpty else { throw Self.inspectionOnly(files, obstacles) }
    architecture.tokenCount = try PipelineParts.tokenCount(in: files, positions: architecture.tokenCount)
    self.architecture = architecture
    var startValues = try StartValues(files, defaultSize: architecture.defaultSize)
    startValues.scheduler = schedulerConfig.scheduler
    startValues.maximumSteps = schedulerConfig.trainTimesteps
    self.startValues = startValues

    var checkpoints: [Architecture.Component: Checkpoint] = [:]
    var bindings: [Architecture.Component: WeightBinding] = [:]
    var faults: [Diagnostic] = []
    for component in Architecture.Component.allCases {
      do {
        let checkpoint = try Checkpoint(files, folder: component.rawValue)
        // Any size will do: parameters do not depend on it.
        let graph = try architecture.graph(component, width: 64, height: 64, batch: 1)
        bindings[component] = try WeightBinding(graph: graph, checkpoint: checkpoint)
        checkpoints[component] = checkpoint
      } catch let fault as Diagnostic {
        faults.append(fault)
      }
    }
    try Diagnostic.throwAll(faults, at: files.name)
    try Checkpoint.requireVariant(files.variant, among: Array(checkpoints.values), at: files.name)
    self.checkpoints = checkpoints
    self.bindings = bindings
    notes = Self.notes(checkpoints, bindings, schedulerConfig)
  }

  private static func inspectionOnly(_ files: any ModelFiles, _ obstacles: [String]) -> Diagnostic {
    Diagnostic(
      .inspectionOnly, at: files.name, "it cannot generate here: \(obstacles.joined(separator: "; "))",
      hint: "layers, params, tensor and diff look at it")
  }

  /// The weights that an output of a component needs, or all of them, laid out for the backend at first use.
  func weights(of component: Architecture.Component, for output: String? = nil) throws -> Weights {
    let key = WeightsKey(component: component, output: output)
    if let ready = weights[key] { return ready }
    let (graph, nodes) = try parameterNodes(of: component, for: output)
    // Encoders and the activations of a decode, the two large things that are never needed at once.
    if Self.encoders.contains(component) { memory.release() }
    let made = try Weights(graph: graph, nodes: nodes, binding: binding(of: component), backend: backend)
    weights[key] = made
    return made
  }

  /// Whether the weights that an output needs, or all, are laid out.
  func isLaidOut(_ component: Architecture.Component, for output: String? = nil) -> Bool {
    weights[WeightsKey(component: component, output: output)] != nil
  }

  private struct WeightsKey: Hashable {
    let component: Architecture.Component
    let output: String?
  }

  /// The tokenizer of a text encoder.
  public func tokenizer(of component: Architecture.Component) throws -> CLIPTokenizer {
    if let ready = tokenizers[component] { return ready }
    let folder = component == .textEncoder ? "tokenizer" : "tokenizer_2"
    let made = try CLIPTokenizer(files, folder: folder)
    tokenizers[component] = made
    return made
  }

  /// What the UNet reads of a text, from memory if it was encoded before.
  public func embedding(of text: String) throws -> PromptEmbedding { try embeddings(of: [text])[0] }

  /// What the UNet reads of some texts, from memory where they were encoded before.
  public func embeddings(of texts: [String]) throws -> [PromptEmbedding] {
    try embeddings(of: texts, observers: [])
  }

  /// The same; an observer that wants to see the text encoders has them run in any case.
  func embeddings(of texts: [String], observers: [any RunObserver]) throws -> [PromptEmbedding] {
    let isObserved = Self.encoders.contains { !observers.paths(of: $0).isEmpty }
    let unknown = texts.filter { isObserved || embeddings[$0] == nil }
    var found = embeddings
    if !unknown.isEmpty {
      defer { for component in Self.encoders { bindings[component]?.releasePages() } }
      for (text, embedding) in zip(unknown, try encode(unknown, observers)) { found[text] = embedding }
    }
    embeddings = found.count > 64 ? found.filter { texts.contains($0.key) } : found
    return texts.compactMap { found[$0] }
  }

  /// The texts that a request has encoded, the negative one first where it is.
  func texts(of request: GenerationRequest) -> [String] {
    let isZeroed = request.negative == nil && zeroesAbsentNegative
    return request.usesGuidance && !isZeroed ? [request.negative ?? "", request.prompt] : [request.prompt]
  }

  /// What walks a request's latents from noise to picture. Throws a `Diagnostic` for steps that it has no schedule for.
  public func sampler(for request: GenerationRequest) throws -> any Sampler {
    try (request.scheduler ?? schedulerConfig.scheduler).sampler(schedulerConfig, steps: request.steps)
  }

  /// Whether a text's embedding is kept.
  func isEncoded(_ text: String) -> Bool { embeddings[text] != nil }

  /// How long a step of the last run took, if it was at this batch and size and came to an end.
  func measuredStep(batch: Int, width: Int, height: Int) -> Duration? {
    let scale = architecture.vae.scaleFactor
    guard let denoiser, denoiser.batch == batch, denoiser.width == width / scale,
      denoiser.height == height / scale
    else {
      return nil
    }
    return denoiser.stepTime
  }

  /// The tensors that a component's parameters are bound to.
  func binding(of component: Architecture.Component) -> WeightBinding {
    guard let binding = bindings[component] else { preconditionFailure("\(component) has no weights") }
    return binding
  }

  static let encoders: [Architecture.Component] = [.textEncoder, .textEncoder2]

  /// Lets go of the text encoders' layouts until a text is encoded again.
  func dropEncoders() { weights = weights.filter { !Self.encoders.contains($0.key.component) } }

  /// Lets go of the layout of the weights that an output needs.
  func dropWeights(of component: Architecture.Component, for output: String) {
    weights[WeightsKey(component: component, output: output)] = nil
  }

  /// Computes on another backend from now on.
  public func use(_ backend: any Backend) {
    self.backend = backend
    weights = [:]
    embeddings = [:]
    denoiser = nil
    lastRuns = [:]
  }

  /// The UNet at a batch and size, with what an observer may see; the last one used is kept with its memory.
  func denoiser(batch: Int, height: Int, width: Int, observed: Set<String> = []) throws -> Denoiser {
    if let denoiser, denoiser.batch == batch, denoiser.height == height, denoiser.width == width,
      denoiser.observed == observed
    {
      return denoiser
    }
    denoiser = nil
    let made = try Denoiser(model: self, batch: batch, height: height, width: width, observed: observed)
    denoiser = made
    return made
  }

  /// Whether the UNet at a batch and size of latents is the one that was used last.
  func hasDenoiser(batch: Int, height: Int, width: Int) -> Bool {
    denoiser.map { $0.batch == batch && $0.height == height && $0.width == width } ?? false
  }

  /// Begins to measure the UNet's steps anew.
  public func resetProfile() { denoiser?.resetProfile() }

  /// What is measured from here on is the next run's.
  func beginRun() { forgetMeasurements() }

  /// Forgets what was measured of the last run.
  public func forgetMeasurements() {
    lastRuns = [:]
    resetProfile()
  }

  /// The kernel calls of a component in the last run, and how long each took in all its steps.
  public func profile(of component: Architecture.Component) -> [StepTime] {
    component == .unet ? denoiser?.profile ?? [] : lastRuns[component]?.profile ?? []
  }

  /// Bytes of activations that a component's last run needed.
  public func activationBytes(of component: Architecture.Component) -> Int {
    component == .unet ? denoiser?.activationBytes ?? 0 : lastRuns[component]?.activationBytes ?? 0
  }

  /// Bytes of weights laid out in memory beside the checkpoint.
  public var weightBytes: Int { weights.values.reduce(0) { $0 + $1.extraBytes } }

  /// What happened to the model's files since they were opened; nothing while they are as they were.
  /// - Parameter inPlace: as in `ModelFiles.changes`.
  public func changes(inPlace: Bool = false) -> [Diagnostic] {
    let lost = checkpoints.values.flatMap(\.files).filter(\.isLost).map { Diagnostic.changed($0.place) }
    return lost + files.changes(inPlace: inPlace)
  }

  /// Lets go of the checkpoints' mapped pages; they are read again when next touched.
  func releaseWeightPages() { for binding in bindings.values { binding.releasePages() } }
}
