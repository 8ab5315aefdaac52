import Base
import Foundation
import Graph
import Kernels
import Models
import Runtime

/// Where in the picture each token of a prompt acts: the diffusion attentive attribution maps (DAAM) of Tang et al. 2022,
/// "What the DAAM: Interpreting Stable Diffusion Using Cross Attention", arXiv:2210.04885.
///
/// For token k the map is Σ over steps j, cross-attention layers i and heads l of F(i,j,l)[x, y, k], each layer's map brought
/// to the latents' size by bicubic interpolation. F is softmax(q kᵀ / √d) of the half of the guidance pair that reads the
/// prompt. Here the sum is divided by the number of its terms, so that a map's values are mean probabilities.
public struct AttentionMaps: Sendable {
  /// Of the latents.
  public let height: Int
  public let width: Int
  /// Tokens of the prompt, padding included.
  public let tokens: Int
  /// [tokens][height · width].
  public let values: [[Float]]

  /// The mean of some tokens' maps, as DAAM has it for words of several tokens: height · width values, row by row.
  public func map(of positions: [Int]) -> [Float] {
    precondition(!positions.isEmpty && positions.allSatisfy(values.indices.contains), "tokens of the prompt")
    return (0..<(height * width)).map { index in
      positions.reduce(0) { $0 + values[$1][index] } / Float(positions.count)
    }
  }
}

/// An observer that gathers the cross-attentions of a run: all maps, while it runs, for 2 to 3 % of a
/// full-size step's time.
public final class AttentionRecorder: RunObserver {
  private let layers: [(query: String, key: String, heads: Int)]
  private let pool: ThreadPool
  private var sums: AttentionSums
  private var keys: [String: [Float]] = [:]
  /// The steps that it has seen, counted from 1.
  public private(set) var steps: [Int] = []

  /// For a run of pictures of `width` x `height` pixels.
  public init(of model: DiffusionModel, width: Int, height: Int) throws {
    let scale = model.architecture.vae.scaleFactor
    let graph = try model.architecture.graph(.unet, width: width, height: height, batch: 1)
    layers = graph.crossAttentions
    pool = model.backend.pool
    sums = AttentionSums(height: height / scale, width: width / scale, tokens: model.architecture.tokenCount)
  }

  public func paths(of component: Architecture.Component) -> Set<String> {
    component == .unet ? Set(layers.flatMap { [$0.query, $0.key] }) : []
  }

  public func observer(
    of component: Architecture.Component, in graph: Graph, step: Int?, batch: Int
  ) -> Executor.Observer? {
    guard component == .unet, let step else { return nil }
    steps.append(step)
    return { [self] node, output in
      // The prompt's half is the last.
      let rows = output.shape.batch / batch
      func prompt() -> [Float] { output.slice((batch - 1) * rows, rows).values }
      if layers.contains(where: { $0.key == node.path }) { keys[node.path] = prompt() }
      for layer in layers where layer.query == node.path {
        guard let keys = keys[layer.key] else { preconditionFailure("queries before their keys") }
        try sums.add(queries: prompt(), keys: keys, heads: layer.heads, on: pool)
      }
    }
  }

  /// The maps of the steps seen so far.
  public var maps: AttentionMaps { sums.maps }
}

extension DiffusionModel {
  /// The maps of all tokens of a run's prompt, from the cross-attentions of some of its steps, counted from 1.
  ///
  /// The steps are computed again from the latents that the run kept, for the prompt's half alone. `progress` is called
  /// after each. Throws `.interrupted` when the user stops it.
  public func attentionMaps(
    of run: Generation, steps: [Int], progress: (_ done: Int) -> Void = { _ in }
  ) throws -> AttentionMaps {
    precondition(
      !steps.isEmpty && steps.allSatisfy { (1...max(1, run.step)).contains($0) }, "steps of the run")
    let recorder = try AttentionRecorder(of: self, width: run.request.width, height: run.request.height)
    let denoiser = try Denoiser(
      model: self, batch: 1, height: run.latentHeight, width: run.latentWidth,
      observed: recorder.paths(of: .unet))
    guard let prompt = run.conditioning.embeddings.last else { preconditionFailure("a run without a prompt") }
    let conditioning = Conditioning(embeddings: [prompt], timeIDs: run.conditioning.timeIDs)
    for (done, step) in steps.enumerated() {
      let index = step - 1
      _ = try denoiser.predict(
        run.sampler.modelInput(run.states[index].latents, step: index),
        timestep: run.sampler.schedule.timesteps[index],
        conditioning: conditioning,
        observer: recorder.observer(of: .unet, in: denoiser.graph, step: step, batch: 1))
      progress(done + 1)
    }
    return recorder.maps
  }
}

extension Graph {
  /// The attentions whose keys are made of the prompt: the paths of the nodes that make their queries and keys.
  fileprivate var crossAttentions: [(query: String, key: String, heads: Int)] {
    guard let context = inputs["encoder_hidden_states"] else { return [] }
    return nodes.compactMap { node in
      guard case .attention(let heads, _) = node.op, nodes[node.inputs[1].id].inputs.first == context else {
        return nil
      }
      return (nodes[node.inputs[0].id].path, nodes[node.inputs[1].id].path, heads)
    }
  }
}

/// Probabilities summed over steps, layers and heads, for each size of feature map.
private struct AttentionSums {
  let height: Int
  let width: Int
  let tokens: Int
  /// [positions · tokens] by the number of positions.
  private var sums: [Int: [Float]] = [:]
  private var terms = 0

  init(height: Int, width: Int, tokens: Int) {
    (self.height, self.width, self.tokens) = (height, width, tokens)
  }

  /// Adds softmax(q kᵀ / √d) of every head: queries [T, D], keys [S, D].
  mutating func add(queries: [Float], keys: [Float], heads: Int, on pool: ThreadPool) throws {
    let features = keys.count / tokens
    let positions = queries.count / features
    var sum = sums[positions] ?? [Float](repeating: 0, count: positions * tokens)
    let size = features / heads
    try sum.withUnsafeMutableBufferPointer { sum in
      try queries.withUnsafeBufferPointer { queries in
        try keys.withUnsafeBufferPointer { keys in
          guard let q = queries.baseAddress, let k = keys.baseAddress, let s = sum.baseAddress else { return }
          let work = Rows(
            queries: q, keys: k, sum: s, features: features, size: size, heads: heads, tokens: tokens)
          let block = 64
          try pool.run((positions + block - 1) / block) { task in
            for position in (task * block)..<min(positions, (task + 1) * block) { work.add(position) }
          }
        }
      }
    }
    sums[positions] = sum
    terms += heads
  }

  /// One attention's tensors, for tasks that each add to rows of their own.
  private struct Rows: @unchecked Sendable {
    let queries: UnsafePointer<Float>
    let keys: UnsafePointer<Float>
    let sum: UnsafeMutablePointer<Float>
    let features: Int
    let size: Int
    let heads: Int
    let tokens: Int

    func add(_ position: Int) {
      withUnsafeTemporaryAllocation(of: Float.self, capacity: tokens) { scores in
        let scale = 1 / Float(size).squareRoot()
        for head in 0..<heads {
          let query = queries + position * features + head * size
          var highest = -Float.infinity
          for token in 0..<tokens {
            let score = Self.product(query, keys + token * features + head * size, size) * scale
            scores[token] = score
            highest = max(highest, score)
          }
          var total: Float = 0
          for token in 0..<tokens {
            scores[token] = expf(scores[token] - highest)
            total += scores[token]
          }
          for token in 0..<tokens { sum[position * tokens + token] += scores[token] / total }
        }
      }
    }

    private static func product(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
      var sums = SIMD8<Float>.zero
      var index = 0
      while index + 8 <= count {
        sums +=
          UnsafeRawPointer(a + index).loadUnaligned(as: SIMD8<Float>.self)
          * UnsafeRawPointer(b + index).loadUnaligned(as: SIMD8<Float>.self)
        index += 8
      }
      var rest: Float = 0
      while index < count {
        rest += a[index] * b[index]
        index += 1
      }
      return sums.sum() + rest
    }
  }

  /// The sums at the latents' size, divided by the number of terms.
  var maps: AttentionMaps {
    var values = Array(repeating: [Float](repeating: 0, count: height * width), count: tokens)
    for (positions, sum) in sums.sorted(by: { $0.key > $1.key }) {
      let (h, w) = Self.extents(of: positions, height, width)
      for token in 0..<tokens {
        let map = (0..<positions).map { sum[$0 * tokens + token] }
        for (index, value) in Bicubic.resized(map, from: (h, w), to: (height, width)).enumerated() {
          values[token][index] += value
        }
      }
    }
    let scale = 1 / Float(max(1, terms))
    // Interpolation may overshoot below nothing.
    return AttentionMaps(
      height: height, width: width, tokens: tokens, values: values.map { $0.map { max(0, $0 * scale) } })
  }

  /// The height and width of a feature map of so many positions: the latents', halved as often as it takes.
  private static func extents(of positions: Int, _ height: Int, _ width: Int) -> (Int, Int) {
    var (h, w) = (height, width)
    while h * w > positions { (h, w) = ((h + 1) / 2, (w + 1) / 2) }
    precondition(
      h * w == positions, "a feature map of \(positions) positions over \(height)x\(width) latents")
    return (h, w)
  }
}
