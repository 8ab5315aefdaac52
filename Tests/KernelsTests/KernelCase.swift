import Graph
import Kernels
import Testing

/// An op on fixed inputs, which any backend can be given.
struct KernelCase: Sendable, CustomTestStringConvertible {
  let name: String
  /// As a share of the greatest magnitude of the result.
  let tolerance: Double
  private let out: Shape
  private let compute: @Sendable (any Backend, Samples, Tensor) -> Void

  var testDescription: String { name }

  init(
    _ name: String, _ tolerance: Double, out: Shape,
    _ compute: @escaping @Sendable (any Backend, Samples, Tensor) -> Void
  ) {
    self.name = name
    self.tolerance = tolerance
    self.out = out
    self.compute = compute
  }

  /// What `backend` computes, into memory that held NaN, with the elements around it unharmed.
  func run(on backend: any Backend) -> [Float] {
    let (samples, edge) = (Samples(seed: 5), 32)
    defer { withExtendedLifetime(samples) {} }
    let room = samples.tensor([out.count + 2 * edge]) { .nan }
    let mark: Float = 12345
    for i in 0..<edge {
      room.elements[i] = mark
      room.elements[edge + out.count + i] = mark
    }
    compute(backend, samples, Tensor(room.elements + edge, out))
    let isUnharmed = (0..<edge).allSatisfy {
      room.elements[$0] == mark && room.elements[edge + out.count + $0] == mark
    }
    #expect(isUnharmed, "\(name) wrote outside its output")
    return Array(UnsafeBufferPointer(start: room.elements + edge, count: out.count))
  }

  static let all = convolutions + linears + attentions + norms + elementwise
}

extension KernelCase {
  /// Sums of K products in float32 differ from exact ones by some √K · 2⁻²⁵ of their size; measured: 7e-7.
  private static let productTolerance = 2e-6

  struct Terms: Sendable, CustomStringConvertible {
    var bias = false
    var perChannel = false
    var activation: Activation?
    var residual = false

    var description: String {
      let words = [
        bias ? "bias" : nil, perChannel ? "per channel" : nil, activation?.rawValue,
        residual ? "residual" : nil,
      ]
      return words.compactMap { $0 }.joined(separator: " + ")
    }

    static let none = Terms()
    static let all = Terms(bias: true, perChannel: true, activation: .silu, residual: true)

    func epilogue(_ samples: Samples, _ out: Shape) -> Epilogue {
      Epilogue(
        bias: bias ? samples.random([out.channels]) : nil,
        perChannel: perChannel ? samples.random([out.batch, out.channels]) : nil, activation: activation,
        residual: residual ? samples.random(out) : nil)
    }
  }

  static func conv(
    _ n: Int, _ h: Int, _ w: Int, _ c: Int, to out: Int, _ kernel: Int, stride: Int = 1,
    pad: (Int, Int)? = nil,
    _ type: StorageType = .float16, misalignment: Int = 0, terms: Terms = Terms(bias: true)
  ) -> KernelCase {
    let pad = pad ?? (kernel / 2, kernel / 2)
    let convolution = Convolution(
      out: out, kernel: kernel, stride: stride, padBefore: pad.0, padAfter: pad.1)
    let shape: Shape = [n, convolution.outputExtent(h), convolution.outputExtent(w), out]
    let name =
      "conv \(n)x\(h)x\(w)x\(c) to \(out), kernel \(kernel), stride \(stride), pad \(pad), "
      + "\(type)+\(misalignment), \(terms)"
    return KernelCase(name, productTolerance, out: shape) { backend, samples, output in
      let x = samples.random([n, h, w, c])
      let weight = samples.weight([out, c, kernel, kernel], type, misalignment: misalignment)
      let prepared = backend.prepare(weight, for: .conv2d(convolution))
      backend.convolve(x, convolution, prepared, terms.epilogue(samples, shape), into: output)
    }
  }

  static func linear(
    _ batch: Int, _ rows: Int, _ d: Int, to out: Int, _ type: StorageType = .float16, misalignment: Int = 0,
    terms: Terms = Terms(bias: true)
  ) -> KernelCase {
    let shape: Shape = [batch, rows, out]
    let name = "linear \(batch)x\(rows)x\(d) to \(out), \(type)+\(misalignment), \(terms)"
    return KernelCase(name, productTolerance, out: shape) { backend, samples, output in
      let x = samples.random([batch, rows, d])
      let weight = samples.weight([out, d], type, misalignment: misalignment)
      let prepared = backend.prepare(weight, for: .linear(out: out, bias: terms.bias))
      backend.linear(x, prepared, terms.epilogue(samples, shape), into: output)
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
    conv(2, 6, 5, 8, to: 9, 3, terms: .all),
    conv(2, 6, 5, 8, to: 9, 1, terms: .all),
    // More than one piece of the depth, and the second tile's epilogue.
    conv(1, 5, 4, 300, to: 70, 3, terms: .all), conv(2, 40, 30, 9, to: 40, 3, terms: .all),
  ]

  static let linears: [KernelCase] = [
    linear(1, 1, 1, to: 1), linear(2, 1, 320, to: 1280, terms: Terms(bias: true, activation: .silu)),
    linear(2, 77, 64, to: 130), linear(1, 3, 5000, to: 20, .bfloat16), linear(1, 5, 2500, to: 9, .float32),
    linear(1, 9, 31, to: 700, .float32, misalignment: 1), linear(2, 5, 31, to: 37, .float16, misalignment: 1),
    linear(2, 5, 31, to: 37, .bfloat16, misalignment: 3), linear(1, 1300, 20, to: 33, terms: .none),
    linear(2, 20, 31, to: 37, terms: Terms(bias: true, activation: .gelu)),
    linear(2, 20, 31, to: 37, terms: Terms(activation: .quickGELU, residual: true)),
    linear(2, 20, 31, to: 37, terms: Terms(residual: true)), linear(2, 20, 31, to: 37, terms: .all),
  ]

  /// Scores of some tens, rounded to 2⁻²⁴ of themselves, then exponentials of them; measured: 1.5e-6.
  static func attention(
    _ n: Int, _ tokens: Int, _ keys: Int, heads: Int, _ size: Int, causal: Bool = false, scale: Float = 2
  ) -> KernelCase {
    let name =
      "attention \(n)x\(tokens)x\(keys), \(heads) heads of \(size)\(causal ? ", causal" : ""), scale \(scale)"
    let features = heads * size
    // Scores of hundreds bring that much more of their rounding into the exponent; measured: 3.1e-5.
    let tolerance = scale > 10 ? 1e-4 : 5e-6
    return KernelCase(name, tolerance, out: [n, tokens, features]) { backend, samples, output in
      let q = samples.random([n, tokens, features], scale: scale)
      let k = samples.random([n, keys, features], scale: scale)
      let v = samples.random([n, keys, features])
      backend.attention(q: q, k: k, v: v, heads: heads, isCausal: causal, into: output)
    }
  }

  static let attentions: [KernelCase] = [
    attention(1, 1, 1, heads: 1, 8), attention(2, 77, 77, heads: 2, 64, causal: true),
    attention(2, 40, 77, heads: 5, 64), attention(1, 1500, 1500, heads: 1, 8),
    attention(1, 700, 1100, heads: 2, 16), attention(1, 600, 600, heads: 2, 16, causal: true),
    attention(1, 90, 30, heads: 1, 40, causal: true), attention(1, 130, 600, heads: 1, 512),
    attention(2, 33, 65, heads: 5, 13), attention(1, 70, 1200, heads: 1, 64, scale: 20),
  ]

  static func groupNorm(
    _ shape: Shape, groups: Int, _ activation: Activation? = nil, offset: Float = 0
  ) -> KernelCase {
    // x - mean holds the mean's rounding, which an offset of 200 makes 100 times as large; measured: 1.7e-7 and 2.4e-6.
    let tolerance = offset == 0 ? 5e-7 : 8e-6
    let name = "group norm \(shape), \(groups) groups, \(activation?.rawValue ?? "plain"), offset \(offset)"
    return KernelCase(name, tolerance, out: shape) { backend, samples, output in
      let x = samples.random(shape, scale: 2, offset: offset)
      let (gamma, beta) = (samples.random([shape.channels]), samples.random([shape.channels]))
      backend.groupNorm(
        x, gamma: gamma, beta: beta, groups: groups, epsilon: 1e-5, activation: activation, into: output)
    }
  }

  static func layerNorm(_ shape: Shape, offset: Float = 0) -> KernelCase {
    // As for the group norm; measured: 1.4e-7 and 6.3e-6.
    KernelCase("layer norm \(shape), offset \(offset)", offset == 0 ? 5e-7 : 2e-5, out: shape) {
      backend, samples, output in
      let x = samples.random(shape, scale: 2, offset: offset)
      let (gamma, beta) = (samples.random([shape.channels]), samples.random([shape.channels]))
      backend.layerNorm(x, gamma: gamma, beta: beta, epsilon: 1e-5, into: output)
    }
  }

  static let norms: [KernelCase] = [
    groupNorm([2, 7, 5, 64], groups: 32), groupNorm([2, 7, 5, 64], groups: 8, .silu),
    groupNorm([1, 1, 1, 6], groups: 1), groupNorm([2, 9, 30], groups: 1, .gelu),
    groupNorm([2, 60, 70, 32], groups: 32, .silu), groupNorm([2, 20, 20, 32], groups: 8, offset: 200),
    groupNorm([1, 3, 3, 130], groups: 130), layerNorm([2, 5, 64]), layerNorm([1, 1, 1]),
    layerNorm([2, 77, 769]),
    layerNorm([1, 300, 640]), layerNorm([1, 30, 320], offset: 200),
  ]

  /// The result's rounding and some of the exponential's; measured: 7e-8.
  private static let elementTolerance = 2e-7

  static func activation(_ shape: Shape, _ function: Activation) -> KernelCase {
    KernelCase("\(function.rawValue) \(shape)", elementTolerance, out: shape) { backend, samples, output in
      backend.activate(samples.random(shape, scale: 8), function, into: output)
    }
  }

  static let elementwise: [KernelCase] =
    [Activation.silu, .gelu, .quickGELU].flatMap { function in
      [activation([17], function), activation([2, 3, 37], function), activation([2, 300, 131], function)]
    } + [
      KernelCase("geglu 2x300x111", elementTolerance, out: [2, 300, 111]) { backend, samples, output in
        backend.gatedGELU(samples.random([2, 300, 222], scale: 4), into: output)
      },
      KernelCase("add 2x300x131", 0, out: [2, 300, 131]) { backend, samples, output in
        backend.add(samples.random([2, 300, 131]), samples.random([2, 300, 131]), into: output)
      },
      KernelCase("add in place", 0, out: [3, 7]) { backend, samples, output in
        for i in 0..<output.count { output.elements[i] = samples.next() }
        backend.add(samples.random([3, 7]), output, into: output)
      },
      KernelCase("activation in place", elementTolerance, out: [3, 70]) { backend, samples, output in
        for i in 0..<output.count { output.elements[i] = samples.next() }
        backend.activate(output, .gelu, into: output)
      },
      KernelCase("add per channel 3x20x15x130", 0, out: [3, 20, 15, 130]) { backend, samples, output in
        backend.addPerChannel(samples.random([3, 20, 15, 130]), samples.random([3, 130]), into: output)
      },
      KernelCase("concatenate 2x20x30x(65+66)", 0, out: [2, 20, 30, 131]) { backend, samples, output in
        backend.concatenate(samples.random([2, 20, 30, 65]), samples.random([2, 20, 30, 66]), into: output)
      },
      KernelCase("upsample 2x7x5x33 to 14x10", 0, out: [2, 14, 10, 33]) { backend, samples, output in
        backend.upsample(samples.random([2, 7, 5, 33]), into: output)
      },
      KernelCase("upsample 1x4x5x3 to 7x9", 0, out: [1, 7, 9, 3]) { backend, samples, output in
        backend.upsample(samples.random([1, 4, 5, 3]), into: output)
      },
    ]
}
