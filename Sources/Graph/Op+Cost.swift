/// A tensor that a checkpoint holds for a node: the last part of its key, and its shape there.
public struct Parameter: Hashable, Sendable {
  public let name: String
  /// As the checkpoint has it: a convolution's is [out, in, k, k], a linear layer's [out, in].
  public let shape: Shape

  public init(name: String, shape: Shape) {
    self.name = name
    self.shape = shape
  }
}

extension Op {
  /// The parameters, in the checkpoint's order and layout.
  func parameters(inputs: [Shape]) -> [Parameter] {
    func weightAndBias(_ count: Int) -> [Parameter] {
      [Parameter(name: "weight", shape: [count]), Parameter(name: "bias", shape: [count])]
    }
    switch self {
    case .conv2d(let convolution):
      let kernel = convolution.kernel
      return [
        Parameter(name: "weight", shape: [convolution.out, inputs[0].channels, kernel, kernel]),
        Parameter(name: "bias", shape: [convolution.out]),
      ]
    case .linear(let out, let bias):
      let weight = Parameter(name: "weight", shape: [out, inputs[0].channels])
      return bias ? [weight, Parameter(name: "bias", shape: [out])] : [weight]
    case .tokenEmbedding(let count, let features):
      return [Parameter(name: "weight", shape: [count, features])]
    case .positionEmbedding(let count):
      return [Parameter(name: "weight", shape: [count, inputs[0].channels])]
    case .groupNorm, .layerNorm:
      return weightAndBias(inputs[0].channels)
    case .input, .activation, .gatedGELU, .attention, .add, .addPerChannel, .concatenate, .upsample, .reshape,
      .sinusoid, .takeToken:
      return []
    }
  }

  /// Multiply-adds of convolutions, linear layers and the two products of attention; everything else counts as none.
  ///
  /// A convolution at a padded border counts like one inside. One multiply-add is two floating-point operations.
  func multiplyAdds(inputs: [Shape], output: Shape) -> Int {
    switch self {
    case .conv2d(let convolution):
      output.count * inputs[0].channels * convolution.kernel * convolution.kernel
    case .linear:
      output.count * inputs[0].channels
    case .attention:
      2 * inputs[0].count * inputs[1].tokens
    case .input, .tokenEmbedding, .positionEmbedding, .groupNorm, .layerNorm, .activation, .gatedGELU, .add,
      .addPerChannel, .concatenate, .upsample, .reshape, .sinusoid, .takeToken:
      0
    }
  }
}
