import CKernels
import COpenBLAS
import Graph

extension OpenBLASBackend {
  private static let keyTile = 512

  /// Queries that share a pass over the keys: fewer where that gives every processor work.
  private static func queryTile(tokens: Int, heads: Int) -> Int {
    var tile = 256
    while tile > 64, heads * ((tokens + tile - 1) / tile) < 4 * ThreadPool.processors { tile /= 2 }
    return min(tile, tokens)
  }

  /// A tile of queries sees the keys a tile at a time, with a running maximum and sum (Milakov & Gimelshein 2018,
  /// Rabe & Staats 2021): no more than one tile of scores is ever kept.
  public func attention(q: Tensor, k: Tensor, v: Tensor, heads: Int, isCausal: Bool, into out: Tensor) {
    let (tokens, keys, features) = (q.shape.tokens, k.shape.tokens, q.shape.channels)
    let (pictures, size) = (q.shape.batch, features / heads)
    guard pictures > 0, tokens > 0, keys > 0 else { return }
    let scale = 1 / Float(size).squareRoot()
    let queryTile = Self.queryTile(tokens: tokens, heads: pictures * heads)
    let keyTile = min(keys, Self.keyTile)
    let tiles = (tokens + queryTile - 1) / queryTile

    pool.run(pictures * heads * tiles) { task, thread in
      let (n, head) = (task / (heads * tiles), task / tiles % heads)
      let first = task % tiles * queryTile
      let count = min(queryTile, tokens - first)
      let scratch = pool.scratch((queryTile * keyTile + 2 * queryTile) * 4, thread: thread)
      let scores = scratch.assumingMemoryBound(to: Float.self)
      let maxima = scores + queryTile * keyTile
      let sums = maxima + queryTile
      let corner = (n * tokens + first) * features + head * size
      let seen = isCausal ? min(keys, first + count) : keys

      for key in stride(from: 0, to: seen, by: keyTile) {
        let width = min(keyTile, seen - key)
        let keyCorner = (n * keys + key) * features + head * size
        cob_sgemm(
          1, Int32(count), Int32(width), Int32(size), scale, q.elements + corner, Int32(features),
          k.elements + keyCorner, Int32(features), 0, scores, Int32(width))
        ck_softmax_tile(
          scores, width, count, width, isCausal ? first + 1 - key : width, maxima, sums,
          out.elements + corner,
          features, size, key == 0 ? 1 : 0)
        cob_sgemm(
          0, Int32(count), Int32(size), Int32(width), 1, scores, Int32(width), v.elements + keyCorner,
          Int32(features),
          key == 0 ? 0 : 1, out.elements + corner, Int32(features))
      }
      ck_divide_rows(out.elements + corner, features, count, size, sums)
    }
  }
}
