import Base
import Foundation
import Graph

/// The oracle of every kernel test: plain loops, one output at a time, over weights in the checkpoint's own layout.
///
/// Values are float32, as everywhere; sums, means, exponentials and the error function are taken in double precision
/// and rounded once, so that what differs from another backend is that backend's rounding.
public struct ReferenceBackend: Backend {
  public let name = "reference"
  public let precision = Precision.float32
  public let description = "reference, f32, plain loops"
  public let pool: ThreadPool
  public let doubledShare = 1.0

  public init(pool: ThreadPool) { self.pool = pool }

  struct Weight: PreparedWeight {
    let stored: StoredTensor
    var extraBytes: Int { 0 }
    var readsCheckpoint: Bool { true }
  }

  public func packedBytes(_ shape: [Int], _ type: StorageType, for op: Op, _ use: WeightUse) -> Int { 0 }
  public let startBytes = 0
  public func attentionBytes(batch: Int, keys: Int, features: Int) -> Int { 0 }

  public func prepare(_ weight: StoredTensor, for op: Op, _ use: WeightUse) throws -> PreparedWeight {
    Weight(stored: weight)
  }

  /// Hands `body` a weight's elements as float32, in the checkpoint's order.
  private func withValues(_ weight: PreparedWeight, _ body: (Tensor) throws -> Void) throws {
    guard let stored = (weight as? Weight)?.stored else {
      preconditionFailure("a weight that another backend prepared")
    }
    try withTemporary([stored.count]) { values in
      stored.widen(0..<stored.count, into: values.elements)
      try body(values)
    }
  }

  /// Calls `body` for each index, `part` of them a task.
  private func forEach(_ count: Int, part: Int = 1, _ body: @Sendable (Int) -> Void) throws {
    try pool.run((count + part - 1) / part) { task in
      for index in task * part..<min(count, (task + 1) * part) { body(index) }
    }
  }

  private static let elements = 1 << 20

  public func convolve(
    _ x: Tensor, _ convolution: Convolution, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor
  ) throws {
    try withValues(weight) { w in
      let (k, channels, height, width) = (convolution.kernel, x.shape.channels, x.shape.height, x.shape.width)
      let (rows, columns) = (out.shape.height, out.shape.width)
      try forEach(out.shape.batch * rows * columns, part: 8) { row in
        let (n, y, column) = (row / (rows * columns), row / columns % rows, row % columns)
        for o in 0..<convolution.out {
          var sum = 0.0
          for i in 0..<k {
            let sourceY = y * convolution.stride + i - convolution.padBefore
            guard (0..<height).contains(sourceY) else { continue }
            for j in 0..<k {
              let sourceX = column * convolution.stride + j - convolution.padBefore
              guard (0..<width).contains(sourceX) else { continue }
              let position = x.elements + ((n * height + sourceY) * width + sourceX) * channels
              for c in 0..<channels {
                sum += Double(position[c]) * Double(w.elements[((o * channels + c) * k + i) * k + j])
              }
            }
          }
          finish(sum, epilogue, row, o, out)
        }
      }
    }
  }

  public func convolveDoubled(
    _ x: Tensor, _ convolution: Convolution, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor
  ) throws {
    let shape: Shape = [x.shape.batch, 2 * x.shape.height, 2 * x.shape.width, x.shape.channels]
    try withTemporary(shape) { doubled in
      try upsample(x, into: doubled)
      try convolve(doubled, convolution, weight, epilogue, into: out)
    }
  }

  private func withTemporary(_ shape: Shape, _ body: (Tensor) throws -> Void) throws {
    let memory = try PageMemory(bytes: 4 * shape.count)
    try body(Tensor(memory.base, .float32, shape))
    withExtendedLifetime(memory) {}
  }

  public func linear(_ x: Tensor, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor) throws {
    if epilogue.isGated {
      try withTemporary(Shape(out.shape.extents.dropLast() + [2 * out.shape.channels])) { whole in
        try linear(x, weight, Epilogue(bias: epilogue.bias), into: whole)
        try gatedGELU(whole, into: out)
      }
      return
    }
    try withValues(weight) { w in
      let (features, outs) = (x.shape.channels, out.shape.channels)
      try forEach(x.shape.rows) { r in
        let row = x.elements + r * features
        for o in 0..<outs {
          var sum = 0.0
          for d in 0..<features { sum += Double(row[d]) * Double(w.elements[o * features + d]) }
          finish(sum, epilogue, r, o, out)
        }
      }
    }
  }

  private func finish(_ sum: Double, _ epilogue: Epilogue, _ row: Int, _ o: Int, _ out: Tensor) {
    let outs = out.shape.channels
    var value = sum
    if let bias = epilogue.bias { value += Double(bias.elements[o]) }
    if let perChannel = epilogue.perChannel {
      let picture = row / (out.shape.rows / out.shape.batch)
      value += Double(perChannel.elements[picture * outs + o])
    }
    if let activation = epilogue.activation { value = Self.apply(activation, value) }
    if let residual = epilogue.residual { value += Double(residual.elements[row * outs + o]) }
    out.elements[row * outs + o] = Float(value)
  }

  private static func apply(_ function: Activation, _ x: Double) -> Double {
    switch function {
    case .silu: x / (1 + exp(-x))
    case .gelu: 0.5 * x * erfc(-x / 2.0.squareRoot())
    case .quickGELU: x / (1 + exp(-1.702 * x))
    }
  }

  public func attention(q: Tensor, k: Tensor, v: Tensor, heads: Int, isCausal: Bool, into out: Tensor) throws
  {
    let (tokens, keys, features) = (q.shape.tokens, k.shape.tokens, q.shape.channels)
    let size = features / heads
    let scale = 1 / Double(size).squareRoot()
    for n in 0..<q.shape.batch {
      for head in 0..<heads {
        try forEach(tokens) { t in
          let query = q.elements + (n * tokens + t) * features + head * size
          let seen = isCausal ? min(keys, t + 1) : keys
          var weights = [Double](repeating: 0, count: seen)
          for s in 0..<seen {
            let key = k.elements + (n * keys + s) * features + head * size
            var sum = 0.0
            for d in 0..<size { sum += Double(query[d]) * Double(key[d]) }
            weights[s] = sum * scale
          }
          let maximum = weights.max() ?? 0
          for s in 0..<seen { weights[s] = exp(weights[s] - maximum) }
          let total = weights.reduce(0, +)
          for d in 0..<size {
            var sum = 0.0
            for s in 0..<seen {
              sum += weights[s] * Double(v.elements[(n * keys + s) * features + head * size + d])
            }
            out.elements[(n * tokens + t) * features + head * size + d] = Float(sum / total)
          }
        }
      }
    }
  }

  public func groupNorm(
    _ x: Tensor, gamma: Tensor, beta: Tensor, groups: Int, epsilon: Float, activation: Activation?,
    into out: Tensor
  ) throws {
    let channels = x.shape.channels
    let (rows, size) = (x.shape.rows / x.shape.batch, channels / groups)
    for n in 0..<x.shape.batch {
      try forEach(groups) { group in
        let indices = (0..<rows).lazy.flatMap { row in
          (group * size..<(group + 1) * size).lazy.map { (n * rows + row) * channels + $0 }
        }
        normalize(x, indices, count: rows * size, epsilon) { index, value in
          let c = index % channels
          let y = value * Double(gamma.elements[c]) + Double(beta.elements[c])
          out.elements[index] = Float(activation.map { Self.apply($0, y) } ?? y)
        }
      }
    }
  }

  public func layerNorm(_ x: Tensor, gamma: Tensor, beta: Tensor, epsilon: Float, into out: Tensor) throws {
    let features = x.shape.channels
    try forEach(x.shape.rows) { r in
      normalize(x, r * features..<(r + 1) * features, count: features, epsilon) { index, value in
        let d = index - r * features
        out.elements[index] = Float(value * Double(gamma.elements[d]) + Double(beta.elements[d]))
      }
    }
  }

  private func normalize(
    _ x: Tensor, _ indices: some Sequence<Int>, count: Int, _ epsilon: Float, _ store: (Int, Double) -> Void
  ) {
    let mean = indices.reduce(0.0) { $0 + Double(x.elements[$1]) } / Double(count)
    let squares = indices.reduce(0.0) { sum, index in
      let distance = Double(x.elements[index]) - mean
      return sum + distance * distance
    }
    let inverse = 1 / (squares / Double(count) + Double(epsilon)).squareRoot()
    for index in indices { store(index, (Double(x.elements[index]) - mean) * inverse) }
  }

  public func activate(_ x: Tensor, _ function: Activation, into out: Tensor) throws {
    try forEach(x.count, part: Self.elements) {
      out.elements[$0] = Float(Self.apply(function, Double(x.elements[$0])))
    }
  }

  public func gatedGELU(_ x: Tensor, into out: Tensor) throws {
    let features = out.shape.channels
    try forEach(out.shape.rows) { r in
      for d in 0..<features {
        let gate = Self.apply(.gelu, Double(x.elements[r * 2 * features + features + d]))
        out.elements[r * features + d] = Float(Double(x.elements[r * 2 * features + d]) * gate)
      }
    }
  }

  public func add(_ a: Tensor, _ b: Tensor, into out: Tensor) throws {
    try forEach(out.count, part: Self.elements) { out.elements[$0] = a.elements[$0] + b.elements[$0] }
  }

  public func addPerChannel(_ x: Tensor, _ v: Tensor, into out: Tensor) throws {
    let (channels, rows) = (x.shape.channels, x.shape.rows / x.shape.batch)
    try forEach(x.count, part: Self.elements) { i in
      out.elements[i] = x.elements[i] + v.elements[i / (rows * channels) * channels + i % channels]
    }
  }

  public func concatenate(_ a: Tensor, _ b: Tensor, into out: Tensor) throws {
    let (left, right) = (a.shape.channels, b.shape.channels)
    try forEach(out.shape.rows) { r in
      let row = out.elements + r * (left + right)
      for c in 0..<left { row[c] = a.elements[r * left + c] }
      for c in 0..<right { row[left + c] = b.elements[r * right + c] }
    }
  }

  public func upsample(_ x: Tensor, into out: Tensor) throws {
    let channels = x.shape.channels
    for n in 0..<out.shape.batch {
      try forEach(out.shape.height) { y in
        for column in 0..<out.shape.width {
          let sourceY = y * x.shape.height / out.shape.height
          let sourceX = column * x.shape.width / out.shape.width
          let from = ((n * x.shape.height + sourceY) * x.shape.width + sourceX) * channels
          let to = ((n * out.shape.height + y) * out.shape.width + column) * channels
          for c in 0..<channels { out.elements[to + c] = x.elements[from + c] }
        }
      }
    }
  }
}
