import Graph

/// What computes the ops: a method for each family, on float32 tensors with channels last.
///
/// Outputs never overlap inputs, except where a method says so. Results depend on the machine and the shapes, never on
/// the number of threads. A run whose pool was cancelled leaves its output unfinished; the caller asks the pool.
public protocol Backend: Sendable {
  /// `reference`, `openblas`.
  var name: String { get }
  var pool: ThreadPool { get }

  /// Brings a matrix or convolution weight into the layout this backend reads, once, at load.
  func prepare(_ weight: StoredTensor, for op: Op) -> PreparedWeight

  /// out[n, y, x, o] = Σ x[n, y·s + i - p, x·s + j - p, c] · w[o, c, i, j], then the epilogue.
  func convolve(_ x: Tensor, _ convolution: Convolution, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor)

  /// out[r, o] = Σ x[r, d] · w[o, d] over all rows r, then the epilogue.
  func linear(_ x: Tensor, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor)

  /// softmax(q kᵀ / √(D/heads)) v for each head; with `isCausal`, token t sees keys 0...t. q, out: [N, T, D]; k, v: [N, S, D].
  func attention(q: Tensor, k: Tensor, v: Tensor, heads: Int, isCausal: Bool, into out: Tensor)

  /// (x - mean) / √(variance + ε) · γ + β over each picture's positions and each group's channels, then the activation.
  func groupNorm(
    _ x: Tensor, gamma: Tensor, beta: Tensor, groups: Int, epsilon: Float, activation: Activation?, into out: Tensor)

  /// (x - mean) / √(variance + ε) · γ + β over each row.
  func layerNorm(_ x: Tensor, gamma: Tensor, beta: Tensor, epsilon: Float, into out: Tensor)

  /// `out` may be `x`.
  func activate(_ x: Tensor, _ function: Activation, into out: Tensor)

  /// out[r, d] = x[r, d] · GELU(x[r, D + d]).
  func gatedGELU(_ x: Tensor, into out: Tensor)

  /// `out` may be either.
  func add(_ a: Tensor, _ b: Tensor, into out: Tensor)

  /// out[n, y, x, c] = x[n, y, x, c] + v[n, c]. `out` may be `x`.
  func addPerChannel(_ x: Tensor, _ v: Tensor, into out: Tensor)

  func concatenate(_ a: Tensor, _ b: Tensor, into out: Tensor)

  /// Nearest neighbour: out row y is source row ⌊y·H/H'⌋, and so for columns.
  func upsample(_ x: Tensor, into out: Tensor)
}

/// What is done to a matrix product's output while it is still in cache, in this order.
public struct Epilogue: Sendable {
  /// [out], added to every row.
  public var bias: Tensor?
  /// [N, out], added to every row of its picture.
  public var perChannel: Tensor?
  public var activation: Activation?
  /// As `out`, added last.
  public var residual: Tensor?

  public init(
    bias: Tensor? = nil, perChannel: Tensor? = nil, activation: Activation? = nil, residual: Tensor? = nil
  ) {
    self.bias = bias
    self.perChannel = perChannel
    self.activation = activation
    self.residual = residual
  }
}

/// A weight in a backend's own layout; only the backend that made it reads it.
public protocol PreparedWeight: Sendable {
  /// Bytes of memory it holds beyond the checkpoint's own.
  var extraBytes: Int { get }
}
