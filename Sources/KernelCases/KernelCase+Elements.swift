import Graph
import Kernels

extension KernelCase {
  public static func groupNorm(
    _ shape: Shape, groups: Int, _ activation: Activation? = nil, offset: Float = 0
  ) -> KernelCase {
    // x - mean holds the mean's rounding, which an offset of 200 makes 100 times as large; measured: 1.7e-7 and 2.4e-6.
    let tolerance = offset == 0 ? 5e-7 : 8e-6
    let name = "group norm \(shape), \(groups) groups, \(activation?.rawValue ?? "plain"), offset \(offset)"
    return KernelCase(name, tolerance, bfloat16: elementRounding, out: shape) { backend, samples, output in
      let x = samples.random(shape, scale: 2, offset: offset)
      let (gamma, beta) = (samples.parameters([shape.channels]), samples.parameters([shape.channels]))
      return {
        try backend.groupNorm(
          x, gamma: gamma, beta: beta, groups: groups, epsilon: 1e-5, activation: activation, into: output)
      }
    }
  }

  public static func layerNorm(_ shape: Shape, offset: Float = 0) -> KernelCase {
    // As for the group norm; measured: 1.4e-7 and 6.3e-6.
    KernelCase(
      "layer norm \(shape), offset \(offset)", offset == 0 ? 5e-7 : 2e-5, bfloat16: elementRounding,
      out: shape
    ) { backend, samples, output in
      let x = samples.random(shape, scale: 2, offset: offset)
      let (gamma, beta) = (samples.parameters([shape.channels]), samples.parameters([shape.channels]))
      return { try backend.layerNorm(x, gamma: gamma, beta: beta, epsilon: 1e-5, into: output) }
    }
  }

  static let norms: [KernelCase] = [
    groupNorm([2, 7, 5, 64], groups: 32), groupNorm([2, 7, 5, 64], groups: 8, .silu),
    groupNorm([1, 1, 1, 6], groups: 1), groupNorm([2, 9, 30], groups: 1, .gelu),
    groupNorm([2, 60, 70, 32], groups: 32, .silu), groupNorm([2, 20, 20, 32], groups: 8, offset: 200),
    groupNorm([1, 3, 3, 130], groups: 130), layerNorm([2, 5, 64]), layerNorm([1, 1, 1]),
    layerNorm([2, 77, 769]), layerNorm([1, 300, 640]), layerNorm([1, 30, 320], offset: 200),
  ]

  /// The result's rounding and some of the exponential's; measured: 7e-8.
  private static let elementTolerance = 2e-7
  /// The result's rounding, 2⁻⁸ of its size; measured: 3.7e-3.
  private static let elementRounding = 4e-3

  static func activation(_ shape: Shape, _ function: Activation) -> KernelCase {
    element("\(function.rawValue) \(shape)", elementTolerance, shape) { backend, samples, output in
      let x = samples.random(shape, scale: 8)
      return { try backend.activate(x, function, into: output) }
    }
  }

  private static func element(
    _ name: String, _ tolerance: Double, _ out: Shape,
    _ compute: @escaping @Sendable (any Backend, Samples, Tensor) -> () throws -> Void
  ) -> KernelCase {
    KernelCase(name, tolerance, bfloat16: elementRounding, out: out, compute)
  }

  static let elementwise: [KernelCase] =
    [Activation.silu, .gelu, .quickGELU].flatMap { function in
      [activation([17], function), activation([2, 3, 37], function), activation([2, 300, 131], function)]
    } + [
      element("geglu 2x300x111", elementTolerance, [2, 300, 111]) { backend, samples, output in
        let x = samples.random([2, 300, 222], scale: 4)
        return { try backend.gatedGELU(x, into: output) }
      },
      element("add 2x300x131", 0, [2, 300, 131]) { backend, samples, output in
        let (a, b) = (samples.random([2, 300, 131]), samples.random([2, 300, 131]))
        return { try backend.add(a, b, into: output) }
      },
      element("add in place", 0, [3, 7]) { backend, samples, output in
        let (a, b) = (samples.random([3, 7]), samples.random([3, 7]))
        return {
          output.base.copyMemory(from: b.base, byteCount: b.bytes)
          try backend.add(a, output, into: output)
        }
      },
      element("activation in place", elementTolerance, [3, 70]) { backend, samples, output in
        let x = samples.random([3, 70])
        return {
          output.base.copyMemory(from: x.base, byteCount: x.bytes)
          try backend.activate(output, .gelu, into: output)
        }
      },
      element("add per channel 3x20x15x130", 0, [3, 20, 15, 130]) { backend, samples, output in
        let (x, v) = (samples.random([3, 20, 15, 130]), samples.random([3, 130]))
        return { try backend.addPerChannel(x, v, into: output) }
      },
      element("concatenate 2x20x30x(65+66)", 0, [2, 20, 30, 131]) { backend, samples, output in
        let (a, b) = (samples.random([2, 20, 30, 65]), samples.random([2, 20, 30, 66]))
        return { try backend.concatenate(a, b, into: output) }
      },
      element("upsample 2x7x5x33 to 14x10", 0, [2, 14, 10, 33]) { backend, samples, output in
        let x = samples.random([2, 7, 5, 33])
        return { try backend.upsample(x, into: output) }
      },
      element("upsample 1x4x5x3 to 7x9", 0, [1, 7, 9, 3]) { backend, samples, output in
        let x = samples.random([1, 4, 5, 3])
        return { try backend.upsample(x, into: output) }
      },
    ]
}
