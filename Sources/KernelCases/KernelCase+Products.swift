import Graph
import Kernels

/// Which parts of an epilogue a product has.
public struct Terms: Sendable, CustomStringConvertible {
  var bias = false
  var perChannel = false
  var activation: Activation?
  var residual = false

  public var description: String {
    let words = [
      bias ? "bias" : nil, perChannel ? "per channel" : nil, activation?.rawValue,
      residual ? "residual" : nil,
    ]
    return words.compactMap { $0 }.joined(separator: " + ")
  }

  static let none = Terms()
  public static let bias = Terms(bias: true)
  public static let all = Terms(bias: true, perChannel: true, activation: .silu, residual: true)

  func epilogue(_ samples: Samples, _ out: Shape) -> Epilogue {
    Epilogue(
      bias: bias ? samples.parameters([out.channels]) : nil,
      perChannel: perChannel ? samples.random([out.batch, out.channels]) : nil, activation: activation,
      residual: residual ? samples.random(out) : nil)
  }
}

extension KernelCase {
  /// Sums of K products in float32 differ from exact ones by some √K · 2⁻²⁵ of their size; measured: 9.2e-7.
  private static let productTolerance = 2e-6
  /// Products of bfloat16 numbers are exact in float32; what is left is the result's rounding, 2⁻⁸; measured: 3.4e-3.
  private static let roundingTolerance = 4e-3

  public static func conv(
    _ n: Int, _ h: Int, _ w: Int, _ c: Int, to out: Int, _ kernel: Int, stride: Int = 1,
    pad: (Int, Int)? = nil,
    _ type: StorageType = .float16, misalignment: Int = 0, terms: Terms = .bias
  ) -> KernelCase {
    let pad = pad ?? (kernel / 2, kernel / 2)
    let convolution = Convolution(out: out, kernel: kernel, stride: stride, padBefore: pad.0, padAfter: pad.1)
    let shape: Shape = [n, convolution.outputExtent(h), convolution.outputExtent(w), out]
    let name =
      "conv \(n)x\(h)x\(w)x\(c) to \(out), kernel \(kernel), stride \(stride), pad \(pad), "
      + "\(type)+\(misalignment), \(terms)"
    return KernelCase(
      name, productTolerance, bfloat16: roundingTolerance, out: shape,
      multiplyAdds: shape.count * c * kernel * kernel
    ) { backend, samples, output in
      let x = samples.random([n, h, w, c])
      let weight = samples.weight([out, c, kernel, kernel], type, misalignment: misalignment)
      let prepared = try backend.prepare(weight, for: .conv2d(convolution), WeightUse())
      let epilogue = terms.epilogue(samples, shape)
      return { try backend.convolve(x, convolution, prepared, epilogue, into: output) }
    }
  }

  /// A 3x3 convolution after a doubling. Four summed weights are rounded to bfloat16 once more; measured: 3.7e-3.
  public static func doubled(
    _ n: Int, _ h: Int, _ w: Int, _ c: Int, to out: Int, _ type: StorageType = .float16,
    misalignment: Int = 0,
    terms: Terms = .bias
  ) -> KernelCase {
    let convolution = Convolution(out: out, kernel: 3, padBefore: 1, padAfter: 1)
    let shape: Shape = [n, 2 * h, 2 * w, out]
    let name = "conv of doubled \(n)x\(h)x\(w)x\(c) to \(out), \(type)+\(misalignment), \(terms)"
    return KernelCase(name, productTolerance, bfloat16: 6e-3, out: shape, multiplyAdds: shape.count * c * 9) {
      backend, samples, output in
      let x = samples.random([n, h, w, c])
      let weight = samples.weight([out, c, 3, 3], type, misalignment: misalignment)
      let prepared = try backend.prepare(weight, for: .conv2d(convolution), WeightUse(followsDoubling: true))
      let epilogue = terms.epilogue(samples, shape)
      return { try backend.convolveDoubled(x, convolution, prepared, epilogue, into: output) }
    }
  }

  public static func linear(
    _ batch: Int, _ rows: Int, _ d: Int, to out: Int, _ type: StorageType = .float16, misalignment: Int = 0,
    terms: Terms = .bias
  ) -> KernelCase {
    let shape: Shape = [batch, rows, out]
    let name = "linear \(batch)x\(rows)x\(d) to \(out), \(type)+\(misalignment), \(terms)"
    return KernelCase(
      name, productTolerance, bfloat16: roundingTolerance, out: shape, multiplyAdds: shape.count * d
    ) { backend, samples, output in
      let x = samples.random([batch, rows, d])
      let weight = samples.weight([out, d], type, misalignment: misalignment)
      let prepared = try backend.prepare(weight, for: .linear(out: out, bias: terms.bias), WeightUse())
      let epilogue = terms.epilogue(samples, shape)
      return { try backend.linear(x, prepared, epilogue, into: output) }
    }
  }

  /// A linear layer to twice `out` features, whose first half is multiplied by the GELU of the second.
  ///
  /// Inputs are scaled so that gates are of the order of one; their float32 sums' rounding is multiplied in.
  public static func gated(
    _ batch: Int, _ rows: Int, _ d: Int, to out: Int, _ type: StorageType = .float16, bias: Bool = true
  ) -> KernelCase {
    let shape: Shape = [batch, rows, out]
    let name = "linear \(batch)x\(rows)x\(d) to 2x\(out), gated, \(type), \(Terms(bias: bias))"
    return KernelCase(
      name, productTolerance, bfloat16: roundingTolerance, out: shape, multiplyAdds: 2 * shape.count * d
    ) { backend, samples, output in
      let x = samples.random([batch, rows, d], scale: 3 / Float(d).squareRoot())
      let weight = samples.weight([2 * out, d], type)
      let use = WeightUse(isGated: true)
      let prepared = try backend.prepare(weight, for: .linear(out: 2 * out, bias: bias), use)
      let epilogue = Epilogue(bias: bias ? samples.parameters([2 * out]) : nil, isGated: true)
      return { try backend.linear(x, prepared, epilogue, into: output) }
    }
  }

  static let convolutions: [KernelCase] = [
    conv(2, 5, 7, 1, to: 1, 3), conv(1, 1, 1, 3, to: 2, 3), conv(1, 2, 9, 4, to: 5, 3, .float32),
    conv(2, 9, 6, 130, to: 33, 3), conv(1, 11, 5, 40, to: 130, 3, .bfloat16, misalignment: 1),
    conv(2, 8, 8, 6, to: 7, 3, stride: 2), conv(2, 9, 7, 6, to: 7, 3, stride: 2, pad: (0, 1)),
    conv(1, 8, 10, 5, to: 6, 3, stride: 2, pad: (0, 1), .float32, misalignment: 3),
    conv(2, 6, 5, 17, to: 19, 1), conv(2, 6, 5, 17, to: 19, 1, stride: 2, pad: (0, 0)),
    conv(1, 4, 3, 2, to: 3, 1, pad: (1, 1)), conv(1, 7, 7, 3, to: 4, 5, pad: (2, 1)),
    conv(1, 3, 3, 2, to: 3, 3, pad: (3, 3)), conv(2, 6, 5, 8, to: 9, 3, terms: .none),
    conv(2, 6, 5, 8, to: 9, 3, terms: .all), conv(2, 6, 5, 8, to: 9, 1, terms: .all),
    // More than one piece of the depth, and the second tile's epilogue.
    conv(1, 5, 4, 300, to: 70, 3, terms: .all), conv(2, 40, 30, 9, to: 40, 3, terms: .all),
    doubled(1, 1, 1, 1, to: 1), doubled(2, 5, 7, 3, to: 4),
    doubled(2, 3, 4, 9, to: 70, .float32, terms: .all),
    doubled(1, 7, 5, 40, to: 130, .bfloat16, misalignment: 1, terms: .none), doubled(1, 4, 3, 600, to: 8),
    doubled(2, 20, 30, 8, to: 16, terms: .all),
  ]

  static let linears: [KernelCase] = [
    linear(1, 1, 1, to: 1), linear(2, 1, 320, to: 1280, terms: Terms(bias: true, activation: .silu)),
    linear(2, 77, 64, to: 130), linear(1, 3, 5000, to: 20, .bfloat16), linear(1, 5, 2500, to: 9, .float32),
    linear(1, 9, 31, to: 700, .float32, misalignment: 1), linear(2, 5, 31, to: 37, .float16, misalignment: 1),
    linear(2, 5, 31, to: 37, .bfloat16, misalignment: 3), linear(1, 1300, 20, to: 33, terms: .none),
    linear(2, 20, 31, to: 37, terms: Terms(bias: true, activation: .gelu)),
    linear(2, 20, 31, to: 37, terms: Terms(activation: .quickGELU, residual: true)),
    linear(2, 20, 31, to: 37, terms: Terms(residual: true)), linear(2, 20, 31, to: 37, terms: .all),
    linear(1, 3, 500, to: 70, .float32, terms: .all),
    gated(2, 20, 31, to: 37), gated(1, 1, 1, to: 1), gated(2, 77, 64, to: 256),
    gated(1, 300, 96, to: 65, .bfloat16),
    gated(2, 9, 130, to: 100, .float32, bias: false), gated(1, 5, 64, to: 70),
  ]

  /// Scores of some tens, rounded to 2⁻²⁴ of themselves, then exponentials of them; measured: 1.5e-6. In bfloat16 the
  /// exponentials are rounded before they are multiplied with the values, and the result once more; measured: 3.5e-3.
  public static func attention(
    _ n: Int, _ tokens: Int, _ keys: Int, heads: Int, _ size: Int, causal: Bool = false, scale: Float = 2
  ) -> KernelCase {
    let name =
      "attention \(n)x\(tokens)x\(keys), \(heads) heads of \(size)\(causal ? ", causal" : ""), scale \(scale)"
    let features = heads * size
    // Scores of hundreds bring that much more of their rounding into the exponent; measured: 3.1e-5.
    let tolerance = scale > 10 ? 1e-4 : 5e-6
    return KernelCase(
      name, tolerance, bfloat16: 6e-3, out: [n, tokens, features],
      multiplyAdds: 2 * n * tokens * keys * features
    ) { backend, samples, output in
      let q = samples.random([n, tokens, features], scale: scale)
      let k = samples.random([n, keys, features], scale: scale)
      let v = samples.random([n, keys, features])
      return { try backend.attention(q: q, k: k, v: v, heads: heads, isCausal: causal, into: output) }
    }
  }

  static let attentions: [KernelCase] = [
    attention(1, 1, 1, heads: 1, 8), attention(2, 77, 77, heads: 2, 64, causal: true),
    attention(2, 40, 77, heads: 5, 64), attention(1, 1500, 1500, heads: 1, 8),
    attention(1, 700, 1100, heads: 2, 16), attention(1, 600, 600, heads: 2, 16, causal: true),
    attention(1, 90, 30, heads: 1, 40, causal: true), attention(1, 130, 600, heads: 1, 512),
    attention(2, 33, 65, heads: 5, 13), attention(1, 70, 1200, heads: 1, 64, scale: 20),
  ]

  /// What the published model's UNet and decoder spend their time on, too large for the reference backend.
  public static let large: [KernelCase] = [
    conv(2, 64, 64, 320, to: 320, 3, terms: .all), conv(2, 64, 64, 960, to: 320, 3),
    conv(2, 32, 32, 640, to: 640, 3),
    conv(2, 16, 16, 1280, to: 1280, 3), conv(2, 32, 32, 2560, to: 1280, 3),
    conv(1, 256, 256, 512, to: 512, 3),
    conv(1, 512, 512, 128, to: 128, 3), conv(1, 512, 512, 256, to: 128, 3),
    conv(1, 256, 256, 256, to: 256, 3),
    conv(1, 512, 512, 256, to: 128, 1), conv(1, 512, 512, 128, to: 3, 3), conv(2, 64, 64, 320, to: 4, 3),
    conv(2, 64, 64, 640, to: 320, 1),
    doubled(2, 16, 16, 1280, to: 1280), doubled(1, 128, 128, 512, to: 512),
    linear(2, 4096, 640, to: 640, terms: Terms(bias: true, residual: true)),
    linear(2, 1024, 1280, to: 1280, terms: Terms(bias: true, residual: true)),
    linear(2, 1024, 5120, to: 1280),
    linear(2, 77, 2048, to: 1280), linear(2, 77, 1280, to: 5120), linear(2, 77, 5120, to: 1280),
    gated(2, 4096, 640, to: 2560), gated(2, 1024, 1280, to: 5120), gated(2, 256, 1280, to: 5120),
    attention(2, 4096, 4096, heads: 10, 64), attention(2, 1024, 1024, heads: 20, 64),
    attention(2, 256, 256, heads: 20, 64),
    attention(2, 1024, 77, heads: 20, 64), attention(1, 4096, 4096, heads: 1, 512),
    groupNorm([2, 64, 64, 320], groups: 32, .silu), groupNorm([1, 512, 512, 128], groups: 32, .silu),
    layerNorm([2, 1024, 1280]),
  ]
}
