import Graph
import Kernels

/// An op on fixed inputs, which any backend can be given. Tests check them and the benchmark times them.
public struct KernelCase: Sendable, CustomStringConvertible {
  public let name: String
  /// As a share of the greatest magnitude of the result, in float32.
  public let tolerance: Double
  /// The same in bfloat16, given numbers that bfloat16 holds.
  public let bfloat16Tolerance: Double
  public let multiplyAdds: Int
  private let out: Shape
  private let compute: @Sendable (any Backend, Samples, Tensor) throws -> () throws -> Void

  public var description: String { name }

  /// - Parameter compute: makes the inputs and returns what computes on them.
  init(
    _ name: String, _ tolerance: Double, bfloat16: Double, out: Shape, multiplyAdds: Int = 0,
    _ compute: @escaping @Sendable (any Backend, Samples, Tensor) throws -> () throws -> Void
  ) {
    self.name = name
    self.tolerance = tolerance
    bfloat16Tolerance = bfloat16
    self.multiplyAdds = multiplyAdds
    self.out = out
    self.compute = compute
  }

  /// What `backend` computes, into memory that held NaN; nil when it wrote beside its output.
  /// - Parameter isRounded: whether inputs are numbers that bfloat16 holds.
  public func run(on backend: any Backend, isRounded: Bool = false) throws -> [Float]? {
    let samples = Samples(seed: 5, backend.precision, isRounded: isRounded)
    defer { withExtendedLifetime(samples) {} }
    let room = samples.room(out, backend.precision)
    try compute(backend, samples, room.tensor)()
    return room.isUnharmed ? room.tensor.values : nil
  }

  /// Seconds of each of `count` calls.
  public func time(on backend: any Backend, count: Int) throws -> [Duration] {
    let samples = Samples(seed: 5, backend.precision)
    defer { withExtendedLifetime(samples) {} }
    let room = samples.room(out, backend.precision)
    let body = try compute(backend, samples, room.tensor)
    try body()
    return try (0..<count).map { _ in try ContinuousClock().measure(body) }
  }

  public static let all = convolutions + linears + attentions + norms + elementwise
}
