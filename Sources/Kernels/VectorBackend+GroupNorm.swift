import CKernels
import Graph

extension VectorBackend {
  /// Two passes: sums of each group over parts of the rows, added up in their order; then a mean, scale and shift
  /// for each channel.
  ///
  /// Sums and squares are added in double precision: a mean far from zero costs no digits of the variance.
  public func groupNorm(
    _ x: Tensor, gamma: Tensor, beta: Tensor, groups: Int, epsilon: Float, activation: Activation?,
    into out: Tensor
  ) throws {
    let (pictures, channels) = (x.shape.batch, x.shape.channels)
    guard x.count > 0 else { return }
    let rows = x.shape.rows / pictures
    // At most 64 parts a picture, whose sums are then few.
    let part = max(1, (1 << 16) / channels, (rows + 63) / 64)
    let parts = (rows + part - 1) / part

    let sumCount = pictures * parts * groups * 2
    let shared = Address(start: try pool.scratch(sumCount * 8 + 2 * pictures * channels * 4))
    let sums = Doubles(start: shared.start.assumingMemoryBound(to: Double.self))
    try pool.run(pictures * parts) { task, thread in
      let (n, first) = (task / parts, task % parts * part)
      let workspace = try pool.scratch(channels * 2 * 8, thread: thread).assumingMemoryBound(to: Double.self)
      ck_group_sums(
        x.precision.native, x.address((n * rows + first) * channels), min(part, rows - first), channels,
        groups,
        workspace, sums.start + task * groups * 2)
    }

    let means = (shared.start + sumCount * 8).assumingMemoryBound(to: Float.self)
    let scales = means + pictures * channels
    let (size, count) = (channels / groups, Double(rows * (channels / groups)))
    for n in 0..<pictures {
      for group in 0..<groups {
        var (sum, squares) = (0.0, 0.0)
        for task in n * parts..<(n + 1) * parts {
          sum += sums.start[(task * groups + group) * 2]
          squares += sums.start[(task * groups + group) * 2 + 1]
        }
        let mean = sum / count
        // Written so that a NaN stays one.
        let variance = squares / count - mean * mean
        let inverse = 1 / ((variance < 0 ? 0 : variance) + Double(epsilon)).squareRoot()
        for c in group * size..<(group + 1) * size {
          means[n * channels + c] = Float(mean)
          scales[n * channels + c] = Float(inverse * Double(gamma.elements[c]))
        }
      }
    }

    let (mean, scale) = (Tensor(means, [pictures, channels]), Tensor(scales, [pictures, channels]))
    try pool.run(pictures * parts) { task in
      let (n, first) = (task / parts, task % parts * part)
      let start = (n * rows + first) * channels
      ck_normalize_channels(
        x.precision.native, x.address(start), min(part, rows - first), channels, mean.elements + n * channels,
        scale.elements + n * channels, beta.elements, activation.native, out.address(start))
    }
  }
}

/// Numbers that tasks of one run write in different places.
private struct Doubles: @unchecked Sendable { let start: UnsafeMutablePointer<Double> }
