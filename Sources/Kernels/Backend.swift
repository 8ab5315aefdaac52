import Graph

/// What computes the ops: a method for each family, on tensors of the backend's precision with channels last.
///
/// A product's output without residual may be float32 whatever the precision. Outputs never overlap inputs, except where a
/// method says so. Results depend on the machine and the shapes, never on the number of threads.
/// All throw a `Diagnostic` when the pool was cancelled, memory ran out or a library failed. The output is then incomplete;
/// `prepare` returns no weight.
public protocol Backend: Sendable {
  /// `reference`, `openblas`, `onednn`.
  var name: String { get }
  /// The element type of activations.
  var precision: Precision { get }
  /// What computes, in words: `onednn 2.6.3, bf16, avx512_bf16`.
  var description: String { get }
  var pool: ThreadPool { get }
  /// The share of a convolution's multiply-adds that `convolveDoubled` does.
  var doubledShare: Double { get }

  /// Bytes of memory that `prepare` takes for a weight beyond the checkpoint's own, but for rounding.
  func packedBytes(_ shape: [Int], _ type: StorageType, for op: Op, _ use: WeightUse) -> Int

  /// Bytes that the backend allocates for itself on its first computation; 0 after it.
  var startBytes: Int { get }

  /// Bytes of workspace for an attention over keys and values of these extents, beside its output.
  func attentionBytes(batch: Int, keys: Int, features: Int) -> Int

  /// Brings a matrix or convolution weight into the layout this backend reads, once, at load.
  func prepare(_ weight: StoredTensor, for op: Op, _ use: WeightUse) throws -> PreparedWeight

  /// out[n, y, x, o] = Σ x[n, y·s + i - p, x·s + j - p, c] · w[o, c, i, j], then the epilogue.
  func convolve(
    _ x: Tensor, _ convolution: Convolution, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor)
    throws

  /// The same convolution, 3x3 with a border of one, over x doubled in height and width by nearest neighbour.
  func convolveDoubled(
    _ x: Tensor, _ convolution: Convolution, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor)
    throws

  /// out[r, o] = Σ x[r, d] · w[o, d] over all rows r, then the epilogue.
  func linear(_ x: Tensor, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor) throws

  /// softmax(q kᵀ / √(D/heads)) v for each head; with `isCausal`, token t sees keys 0...t. q, out: [N, T, D]; k, v: [N, S, D].
  func attention(q: Tensor, k: Tensor, v: Tensor, heads: Int, isCausal: Bool, into out: Tensor) throws

  /// (x - mean) / √(variance + ε) · γ + β over each picture's positions and each group's channels, then the activation.
  /// `out` may be `x`.
  func groupNorm(
    _ x: Tensor, gamma: Tensor, beta: Tensor, groups: Int, epsilon: Float, activation: Activation?,
    into out: Tensor) throws

  /// (x - mean) / √(variance + ε) · γ + β over each row. `out` may be `x`.
  func layerNorm(_ x: Tensor, gamma: Tensor, beta: Tensor, epsilon: Float, into out: Tensor) throws

  /// `out` may be `x`.
  func activate(_ x: Tensor, _ function: Activation, into out: Tensor) throws

  /// out[r, d] = x[r, d] · GELU(x[r, D + d]).
  func gatedGELU(_ x: Tensor, into out: Tensor) throws

  /// `out` may be either.
  func add(_ a: Tensor, _ b: Tensor, into out: Tensor) throws

  /// out[n, y, x, c] = x[n, y, x, c] + v[n, c]. `out` may be `x`.
  func addPerChannel(_ x: Tensor, _ v: Tensor, into out: Tensor) throws

  func concatenate(_ a: Tensor, _ b: Tensor, into out: Tensor) throws

  /// Nearest neighbour: out row y is source row ⌊y·H/H'⌋, and so for columns.
  func upsample(_ x: Tensor, into out: Tensor) throws
}

/// What is done to a matrix product's output while it is still in cache, in this order.
public struct Epilogue: Sendable {
  /// [out], float32, added to every row.
  public var bias: Tensor?
  /// [N, out] of the activations' precision, added to every row of its picture.
  public var perChannel: Tensor?
  public var activation: Activation?
  /// Whether the product has twice the columns of `out`, whose first half is multiplied by the GELU of the second. Then
  /// nothing but a bias goes with it.
  public var isGated = false
  /// As `out`, added last.
  public var residual: Tensor?

  public init(
    bias: Tensor? = nil, perChannel: Tensor? = nil, activation: Activation? = nil, isGated: Bool = false,
    residual: Tensor? = nil
  ) {
    self.bias = bias
    self.perChannel = perChannel
    self.activation = activation
    self.isGated = isGated
    self.residual = residual
  }
}

/// What is known of a weight's use when it is laid out. Any weight serves any use; these are the ones it is made ready for.
public struct WeightUse: Sendable {
  /// Its product is gated.
  public var isGated = false
  /// The convolution follows a doubling by nearest neighbour.
  public var followsDoubling = false
  /// Where it is laid out.
  public var storage: WeightStorage

  public init(isGated: Bool = false, followsDoubling: Bool = false, storage: WeightStorage = WeightStorage())
  {
    self.isGated = isGated
    self.followsDoubling = followsDoubling
    self.storage = storage
  }
}

/// A weight in a backend's own layout; only the backend that made it reads it.
public protocol PreparedWeight: Sendable {
  /// Bytes of memory it holds beyond the checkpoint's own.
  var extraBytes: Int { get }
  /// Whether the checkpoint's bytes are still read when it is used.
  var readsCheckpoint: Bool { get }
}
