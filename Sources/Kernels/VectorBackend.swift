import CKernels
import Graph

/// A backend whose norms, activations and copies are this package's own C loops, cut into tasks of its pool.
///
/// What conforms brings only the matrix products and attention. Where an op adds numbers up, tasks are cut by shape
/// alone, so that results do not depend on the number of threads.
public protocol VectorBackend: Backend {}

extension VectorBackend {
  /// Elements of a task: enough to outlast its start, few enough to stay in a core's cache.
  private var taskElements: Int { 1 << 16 }

  /// Calls `body` with ranges that together are 0..<rows, of about `taskElements` elements each.
  private func forRows(_ rows: Int, of elements: Int, _ body: @Sendable (Range<Int>) -> Void) throws {
    let part = max(1, taskElements / max(1, elements))
    try pool.run((rows + part - 1) / part) { task in body(task * part..<min(rows, (task + 1) * part)) }
  }

  public func layerNorm(_ x: Tensor, gamma: Tensor, beta: Tensor, epsilon: Float, into out: Tensor) throws {
    let features = x.shape.channels
    try forRows(x.shape.rows, of: features) { rows in
      let start = rows.lowerBound * features
      ck_layer_norm(
        x.precision.native, x.address(start), rows.count, features, gamma.elements, beta.elements, epsilon,
        out.address(start))
    }
  }

  public func activate(_ x: Tensor, _ function: Activation, into out: Tensor) throws {
    try forRows(x.count, of: 1) { range in
      let start = range.lowerBound
      ck_activate(x.precision.native, function.native, x.address(start), out.address(start), range.count)
    }
  }

  public func gatedGELU(_ x: Tensor, into out: Tensor) throws {
    let features = out.shape.channels
    try forRows(out.shape.rows, of: 2 * features) { rows in
      for r in rows {
        ck_gated_gelu(
          x.precision.native, x.address(r * 2 * features), x.address((r * 2 + 1) * features),
          out.address(r * features), features)
      }
    }
  }

  public func add(_ a: Tensor, _ b: Tensor, into out: Tensor) throws {
    try forRows(out.count, of: 1) { range in
      let start = range.lowerBound
      ck_add(out.precision.native, a.address(start), b.address(start), out.address(start), range.count)
    }
  }

  public func addPerChannel(_ x: Tensor, _ v: Tensor, into out: Tensor) throws {
    let (channels, rows) = (x.shape.channels, x.shape.rows / max(1, x.shape.batch))
    try forRows(x.shape.rows, of: channels) { range in
      for r in range {
        ck_add(
          x.precision.native, x.address(r * channels), v.address(r / rows * channels),
          out.address(r * channels),
          channels)
      }
    }
  }

  public func concatenate(_ a: Tensor, _ b: Tensor, into out: Tensor) throws {
    let (left, right) = (a.shape.channels, b.shape.channels)
    let width = out.precision.width
    try forRows(out.shape.rows, of: left + right) { range in
      for r in range {
        let row = out.address(r * (left + right))
        row.copyMemory(from: a.address(r * left), byteCount: left * width)
        (row + left * width).copyMemory(from: b.address(r * right), byteCount: right * width)
      }
    }
  }

  public func upsample(_ x: Tensor, into out: Tensor) throws {
    let (channels, width, height) = (x.shape.channels, out.shape.width, out.shape.height)
    let bytes = channels * out.precision.width
    try forRows(out.shape.batch * height, of: width * channels) { lines in
      for line in lines {
        let (n, y) = (line / height, line % height)
        let source = x.address((n * x.shape.height + y * x.shape.height / height) * x.shape.width * channels)
        let target = out.address(line * width * channels)
        for column in 0..<width {
          (target + column * bytes).copyMemory(
            from: source + column * x.shape.width / width * bytes, byteCount: bytes)
        }
      }
    }
  }
}

extension Activation? {
  /// The C kernels' name for it.
  var native: ck_activation {
    switch self {
    case nil: CK_IDENTITY
    case .silu: CK_SILU
    case .gelu: CK_GELU
    case .quickGELU: CK_QUICK_GELU
    }
  }
}

extension Activation {
  var native: ck_activation { Optional(self).native }
}
