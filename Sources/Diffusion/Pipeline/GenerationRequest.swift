import Base

/// What decides a picture: the same request on the same model and machine gives the same bits.
public struct GenerationRequest: Equatable, Sendable {
  public var prompt: String
  /// nil is no negative prompt at all, which the model may take as zero embeddings; "" is an encoded empty text.
  public var negative: String?
  /// Classifier-free guidance scale (Ho & Salimans 2022); 1 or less runs the prompt alone.
  public var guidanceScale: Double
  public var steps: Int
  public var seed: UInt64
  /// Picture pixels, multiples of 8.
  public var width: Int
  public var height: Int
  /// nil is what the model's own config says.
  public var scheduler: Scheduler?

  public init(
    prompt: String, negative: String? = nil, guidanceScale: Double, steps: Int, seed: UInt64, width: Int,
    height: Int,
    scheduler: Scheduler? = nil
  ) {
    self.prompt = prompt
    self.negative = negative
    self.guidanceScale = guidanceScale
    self.steps = steps
    self.seed = seed
    self.width = width
    self.height = height
    self.scheduler = scheduler
  }

  public var usesGuidance: Bool { guidanceScale > 1 }
}
