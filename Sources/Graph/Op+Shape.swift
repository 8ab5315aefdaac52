import Base

extension Op {
  /// The output's shape. Throws a `Diagnostic` that names `path` when the inputs do not fit the op, which a config can cause.
  func outputShape(of inputs: [Shape], at path: String) throws -> Shape {
    func fault(_ expected: String) -> Diagnostic {
      let found = inputs.map(\.description).joined(separator: " and ")
      return Diagnostic(
        .model, at: path, "expected \(expected), found \(found.isEmpty ? "nothing" : found)",
        hint: "the config's widths, groups, heads or sizes do not fit together")
    }
    switch self {
    case .input(let name):
      preconditionFailure("input \(name) is given its shape by the builder")
    case .conv2d(let convolution):
      guard let x = inputs.first, x.rank == 4,
        x.height + convolution.padBefore + convolution.padAfter >= convolution.kernel,
        x.width + convolution.padBefore + convolution.padAfter >= convolution.kernel
      else { throw fault("a feature map of at least \(convolution.kernel)x\(convolution.kernel)") }
      return [
        x.batch, convolution.outputExtent(x.height), convolution.outputExtent(x.width), convolution.out,
      ]
    case .linear(let out, _):
      guard let x = inputs.first, x.rank >= 2 else { throw fault("rows of features") }
      return Shape(x.extents.dropLast() + [out])
    case .tokenEmbedding(_, let features):
      guard let ids = inputs.first, ids.rank == 2 else { throw fault("token ids [N, T]") }
      return [ids.batch, ids[1], features]
    case .positionEmbedding(let count):
      guard let x = inputs.first, x.rank == 3, x.tokens <= count else {
        throw fault("at most \(count) tokens")
      }
      return x
    case .groupNorm(let groups, _):
      guard let x = inputs.first, x.rank >= 3, x.channels % groups == 0 else {
        throw fault("channels that divide into \(groups) groups")
      }
      return x
    case .layerNorm, .activation:
      guard let x = inputs.first else { throw fault("one tensor") }
      return x
    case .gatedGELU:
      guard let x = inputs.first, x.channels % 2 == 0 else { throw fault("an even number of features") }
      return Shape(x.extents.dropLast() + [x.channels / 2])
    case .attention(let heads, let isCausal):
      guard inputs.count == 3, inputs.allSatisfy({ $0.rank == 3 }), inputs[1] == inputs[2],
        inputs[0].batch == inputs[1].batch, inputs[0].channels == inputs[1].channels,
        inputs[0].channels % heads == 0, !isCausal || inputs[0].tokens == inputs[1].tokens
      else { throw fault("queries, keys and values of a width that divides into \(heads) heads") }
      return inputs[0]
    case .add:
      guard inputs.count == 2, inputs[0] == inputs[1] else { throw fault("two tensors of one shape") }
      return inputs[0]
    case .addPerChannel:
      guard inputs.count == 2, inputs[1] == [inputs[0].batch, inputs[0].channels] else {
        throw fault("a feature map and one number a channel")
      }
      return inputs[0]
    case .concatenate:
      guard inputs.count == 2, inputs[0].extents.dropLast() == inputs[1].extents.dropLast() else {
        throw fault("two tensors that differ in channels only")
      }
      return Shape(inputs[0].extents.dropLast() + [inputs[0].channels + inputs[1].channels])
    case .upsample(let height, let width):
      guard let x = inputs.first, x.rank == 4, height >= x.height, width >= x.width else {
        throw fault("a feature map of at most \(height)x\(width)")
      }
      return [x.batch, height, width, x.channels]
    case .reshape(let shape):
      guard let x = inputs.first, x.count == shape.count else { throw fault("\(shape.count) elements") }
      return shape
    case .sinusoid(let sinusoid):
      guard let x = inputs.first, x.rank == 2, sinusoid.features % 2 == 0 else {
        throw fault("numbers [N, K] and an even number of features")
      }
      return [x.batch, x[1] * sinusoid.features]
    case .takeToken:
      guard inputs.count == 2, inputs[0].rank == 3, inputs[1] == [inputs[0].batch] else {
        throw fault("tokens and one position a row")
      }
      return [inputs[0].batch, inputs[0].channels]
    }
  }
}
