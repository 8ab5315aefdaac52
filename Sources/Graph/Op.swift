/// What a node computes. The set is closed: shape rules, parameters, cost and execution are exhaustive switches over it.
public enum Op: Hashable, Sendable {
  /// A tensor given from outside, by name.
  case input(String)
  /// [N, H, W, C] -> [N, H', W', out]: cross-correlation, weight [out, C, k, k].
  case conv2d(Convolution)
  /// [..., D] -> [..., out]: x Wᵀ + b, weight [out, D].
  case linear(out: Int, bias: Bool)
  /// Token ids [N, T] -> [N, T, D]: rows of a [count, D] table.
  case tokenEmbedding(count: Int, features: Int)
  /// [N, T, D] -> the same shape: row t of a [count, D] table for token t, whatever the token is.
  case positionEmbedding(count: Int)
  /// [N, H, W, C] or [N, T, C], normalised over all positions and the channels of each group (Wu & He 2018).
  case groupNorm(groups: Int, epsilon: Double)
  /// [..., D], normalised over D (Ba et al. 2016).
  case layerNorm(epsilon: Double)
  case activation(Activation)
  /// [..., 2D] -> [..., D]: the first half times the GELU of the second (GEGLU, Shazeer 2020).
  case gatedGELU
  /// Queries [N, T, D], keys and values [N, S, D] -> [N, T, D]: softmax(q kᵀ / √(D/heads)) v for each head.
  case attention(heads: Int, isCausal: Bool)
  /// Two tensors of one shape.
  case add
  /// [N, H, W, C] plus [N, C] at every position.
  case addPerChannel
  /// [..., A] and [..., B] -> [..., A+B].
  case concatenate
  /// [N, H, W, C] -> [N, height, width, C]: nearest neighbour, source row ⌊y·H/height⌋.
  case upsample(height: Int, width: Int)
  /// The same elements under another shape.
  case reshape(Shape)
  /// [N, K] numbers -> [N, K*features]: sines and cosines of each (Vaswani et al. 2017, Ho et al. 2020).
  case sinusoid(Sinusoid)
  /// [N, T, D] and one position a row, [N] -> [N, D].
  case takeToken
}

/// A square convolution's extents; padding is by zeros, and may differ between the edges.
public struct Convolution: Hashable, Sendable {
  public var out: Int
  public var kernel: Int
  public var stride: Int
  /// Zeros before the first row and column.
  public var padBefore: Int
  /// Zeros after the last row and column.
  public var padAfter: Int

  public init(out: Int, kernel: Int, stride: Int = 1, padBefore: Int, padAfter: Int) {
    self.out = out
    self.kernel = kernel
    self.stride = stride
    self.padBefore = padBefore
    self.padAfter = padAfter
  }

  /// How many positions the kernel takes along an edge of `extent`.
  public func outputExtent(_ extent: Int) -> Int { (extent + padBefore + padAfter - kernel) / stride + 1 }

  /// Whether it only mixes the channels of each position.
  public var isPointwise: Bool { kernel == 1 && stride == 1 && padBefore == 0 && padAfter == 0 }
}

public enum Activation: String, Hashable, Sendable {
  /// x·σ(x).
  case silu
  /// x·Φ(x), by the error function.
  case gelu
  /// x·σ(1.702 x), as OpenAI's CLIP has it.
  case quickGELU = "quick_gelu"
}

/// A sinusoidal embedding: frequencies 10000^(-i/(half - shift)), i < half = features/2.
public struct Sinusoid: Hashable, Sendable {
  public var features: Int
  /// Cosines before sines.
  public var cosineFirst: Bool
  public var shift: Double

  public init(features: Int, cosineFirst: Bool, shift: Double) {
    self.features = features
    self.cosineFirst = cosineFirst
    self.shift = shift
  }
}

extension Op {
  /// The op's name in listings and in the paths of nodes that no checkpoint names.
  public var kind: String {
    switch self {
    case .input: "input"
    case .conv2d: "conv2d"
    case .linear: "linear"
    case .tokenEmbedding, .positionEmbedding: "embedding"
    case .groupNorm: "group_norm"
    case .layerNorm: "layer_norm"
    case .activation(let function): function.rawValue
    case .gatedGELU: "geglu"
    case .attention: "attention"
    case .add: "add"
    case .addPerChannel: "add_per_channel"
    case .concatenate: "concatenate"
    case .upsample: "upsample"
    case .reshape: "reshape"
    case .sinusoid: "sinusoid"
    case .takeToken: "take_token"
    }
  }
}
