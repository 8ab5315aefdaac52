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
  ) {
    let (pictures, channels) = (x.shape.batch, x.shape.channels)
    guard x.count > 0 else { return }
    let rows = x.shape.rows / pictures
    // At most 64 parts a picture, whose sums are then few.
    let part = max(1, (1 << 16) / channels, (rows + 63) / 64)
    let parts = (rows + part - 1) / part

    let sums = SharedMemory<Double>(count: pictures * parts * groups * 2)
    pool.run(pictures * parts) { task, thread in
      let (n, first) = (task / parts, task % parts * part)
      let workspace = pool.scratch(channels * 2 * 8, thread: thread).assumingMemoryBound(to: Double.self)
      ck_group_sums(
        x.elements + (n * rows + first) * channels, min(part, rows - first), channels, groups, workspace,
        sums.elements + task * groups * 2)
    }
    if pool.isCancelled { return }

    let means = SharedMemory<Float>(count: pictures * channels)
    let scales = SharedMemory<Float>(count: pictures * channels)
    let (size, count) = (channels / groups, Double(rows * (channels / groups)))
    for n in 0..<pictures {
      for group in 0..<groups {
        var (sum, squares) = (0.0, 0.0)
        for task in n * parts..<(n + 1) * parts {
          sum += sums.elements[(task * groups + group) * 2]
          squares += sums.elements[(task * groups + group) * 2 + 1]
        }
        let mean = sum / count
        // Written so that a NaN stays one.
        let variance = squares / count - mean * mean
        let inverse = 1 / ((variance < 0 ? 0 : variance) + Double(epsilon)).squareRoot()
        for c in group * size..<(group + 1) * size {
          means.elements[n * channels + c] = Float(mean)
          scales.elements[n * channels + c] = Float(inverse * Double(gamma.elements[c]))
        }
      }
    }

    pool.run(pictures * parts) { task in
      let (n, first) = (task / parts, task % parts * part)
      let start = (n * rows + first) * channels
      ck_normalize_channels(
        x.elements + start, min(part, rows - first), channels, means.elements + n * channels,
        scales.elements + n * channels, beta.elements, activation.native, out.elements + start)
    }
  }
}

/// Memory that tasks of one run write in different places.
final class SharedMemory<Element: BitwiseCopyable>: @unchecked Sendable {
  let elements: UnsafeMutablePointer<Element>

  init(count: Int) { elements = .allocate(capacity: max(1, count)) }
  deinit { elements.deallocate() }
}
