import Base
import Models

/// One picture in the making: a value that can be stopped after any step, kept, and gone on with to the same bits.
public struct Generation: Sendable {
  /// A point of the way from noise to picture. Latents are [C, H, W] in the diffusion model's scaled space.
  public struct State: Sendable {
    /// Steps done: 0 is the initial noise.
    public let step: Int
    /// The timestep whose prediction led here; nil for the initial noise.
    public let timestep: Float?
    /// The noise level of `latents`.
    public let sigma: Float
    public let latents: [Float]
    /// The clean latents that the model predicted on the way here; nil for the initial noise.
    public let denoised: [Float]?
    /// The guided prediction that led here; nil for the initial noise.
    public let noisePrediction: [Float]?
    /// How large the halves of that prediction were; nil for the initial noise and without guidance.
    public let guidance: Guidance?
  }

  /// L2 norms of the UNet's two predictions in a step, and of what guidance multiplies.
  public struct Guidance: Hashable, Sendable {
    /// ‖ε(negative)‖.
    public let negative: Double
    /// ‖ε(prompt)‖.
    public let prompt: Double
    /// ‖ε(prompt) - ε(negative)‖.
    public let difference: Double
  }

  public let request: GenerationRequest
  public let conditioning: Conditioning
  /// Standard normal, [C, H, W], as torch gives it for the seed.
  public let noise: [Float]
  /// Height and width of the latents.
  public let latentHeight: Int
  public let latentWidth: Int
  public let sampler: any Sampler
  /// Where the noise of later steps comes from.
  private var generator: TorchGenerator
  /// Every state so far, the initial noise first.
  public private(set) var states: [State]
  /// How many texts were encoded for this run; 0 where all were known from before.
  public let encodedTexts: Int

  /// Encodes the prompts, lays out the UNet and draws the noise.
  ///
  /// `observers` see what the text encoders compute. Throws a `Diagnostic` of kind `.value` for a request that the model
  /// cannot serve.
  public init(_ request: GenerationRequest, on model: DiffusionModel, observers: [any RunObserver] = [])
    throws
  {
    let scale = model.architecture.vae.scaleFactor
    try request.validate(scaleFactor: scale)
    self.request = request
    latentHeight = request.height / scale
    latentWidth = request.width / scale
    sampler = try model.sampler(for: request)

    model.beginRun()
    let isZeroed = request.negative == nil && model.zeroesAbsentNegative
    let texts = model.texts(of: request)
    encodedTexts = Set(texts).count { !model.isEncoded($0) }
    var embeddings = try model.embeddings(of: texts, observers: observers)
    if request.usesGuidance && isZeroed { embeddings.insert(embeddings[0].zeroed, at: 0) }
    // The steps and the decode need the memory; what the next prompt wants is laid out again then.
    model.dropEncoders()
    // Laying out the UNet's weights belongs to no step.
    _ = try model.denoiser(
      batch: embeddings.count, height: latentHeight, width: latentWidth, observed: observers.paths(of: .unet))
    model.resetProfile()
    let (h, w) = (Float(request.height), Float(request.width))
    conditioning = Conditioning(embeddings: embeddings, timeIDs: [h, w, 0, 0, h, w])

    generator = TorchGenerator(seed: request.seed)
    noise = generator.normal(count: model.architecture.unet.config.inChannels * latentHeight * latentWidth)
    let sigma = sampler.initialNoiseSigma
    states = [
      State(
        step: 0, timestep: nil, sigma: sampler.schedule.sigmas[0], latents: noise.map { $0 * sigma },
        denoised: nil,
        noisePrediction: nil, guidance: nil)
    ]
  }

  /// Steps done.
  public var step: Int { states.count - 1 }
  public var isFinished: Bool { step >= sampler.schedule.steps }
  public var latents: [Float] { states[states.count - 1].latents }

  /// Goes one step on and returns where that led; nil when all steps are done.
  ///
  /// `observers` see what the UNet computes; that changes no bit of it. An interrupted step (`Diagnostic` of kind
  /// `.interrupted`) leaves this value as it was before it.
  public mutating func next(on model: DiffusionModel, observers: [any RunObserver] = []) throws -> State? {
    guard !isFinished else { return nil }
    let index = step
    let timestep = sampler.schedule.timesteps[index]
    let batch = conditioning.embeddings.count
    let denoiser = try model.denoiser(
      batch: batch, height: latentHeight, width: latentWidth, observed: observers.paths(of: .unet))
    let halves = try denoiser.predict(
      sampler.modelInput(latents, step: index), timestep: timestep, conditioning: conditioning,
      observer: observers.observer(of: .unet, in: denoiser.graph, step: index + 1, batch: batch))
    let prediction = Self.guide(halves, scale: Float(request.guidanceScale))
    let denoised = sampler.denoised(latents, modelOutput: prediction, step: index)
    let latents = sampler.step(
      latents, denoised: denoised, previous: states[index].denoised,
      noise: sampler.drawsNoise ? generator.normal(count: noise.count) : [], step: index)
    let state = State(
      step: index + 1, timestep: timestep, sigma: sampler.schedule.sigmas[index + 1], latents: latents,
      denoised: denoised, noisePrediction: prediction, guidance: Guidance(halves))
    states.append(state)
    return state
  }

  /// Appends a state that another process computed; step 0 takes the place of the one that was drawn here.
  mutating func append(
    step: Int, latents: [Float], denoised: [Float]?, noisePrediction: [Float]?, guidance: Guidance?
  ) throws {
    let state = State(
      step: step, timestep: step == 0 ? nil : sampler.schedule.timesteps[step - 1],
      sigma: sampler.schedule.sigmas[step], latents: latents, denoised: denoised,
      noisePrediction: noisePrediction, guidance: guidance)
    if step == 0 {
      states = [state]
      return
    }
    precondition(step == states.count, "states in their order")
    // What the step drew is drawn again, so that the next one draws what follows.
    if sampler.drawsNoise { _ = generator.normal(count: noise.count) }
    states.append(state)
  }

  /// Classifier-free guidance: ε̂ = ε(negative) + s · (ε(prompt) - ε(negative)).
  static func guide(_ halves: [[Float]], scale: Float) -> [Float] {
    guard halves.count == 2 else { return halves[0] }
    return zip(halves[0], halves[1]).map { negative, prompt in negative + scale * (prompt - negative) }
  }
}

extension Generation.Guidance {
  /// nil without guidance, where there is one prediction only.
  fileprivate init?(_ halves: [[Float]]) {
    guard halves.count == 2 else { return nil }
    var (negative, prompt, difference) = (0.0, 0.0, 0.0)
    for (a, b) in zip(halves[0], halves[1]) {
      let (a, b) = (Double(a), Double(b))
      negative += a * a
      prompt += b * b
      difference += (b - a) * (b - a)
    }
    self.init(
      negative: negative.squareRoot(), prompt: prompt.squareRoot(), difference: difference.squareRoot())
  }
}

extension GenerationRequest {
  /// Sizes above this are refused: an edge of 8192 pixels is 64 times SSD-1B's area.
  static let maximumEdge = 8192

  /// Throws a `Diagnostic` that names the setting and the nearest value that can be used.
  public func validate(scaleFactor: Int) throws {
    for edge in [width, height]
    where edge % scaleFactor != 0 || edge < 2 * scaleFactor || edge > Self.maximumEdge {
      func nearest(_ edge: Int) -> Int {
        let edge = min(edge, Self.maximumEdge)
        return max(2 * scaleFactor, (edge + scaleFactor / 2) / scaleFactor * scaleFactor)
      }
      throw Diagnostic(
        .value, at: "size",
        "expected multiples of \(scaleFactor) from \(2 * scaleFactor) to \(Self.maximumEdge), found \(width)x\(height)",
        hint: "the nearest is \(nearest(width))x\(nearest(height))")
    }
    guard steps >= 1 else {
      throw Diagnostic(.value, at: "steps", "expected 1 or more, found \(steps)", hint: "20 to 50 are usual")
    }
    guard guidanceScale.isFinite, guidanceScale >= 0 else {
      throw Diagnostic(
        .value, at: "cfg", "expected a number of 0 or more, found \(guidanceScale)",
        hint: "SSD-1B likes about 9")
    }
  }
}
