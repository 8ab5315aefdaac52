import CKernels
import Graph

extension TiledBackend {
  private static var keyTile: Int { 512 }

  /// Queries that share a pass over the keys: fewer where that gives every processor work.
  private static func queryTile(tokens: Int, heads: Int, keyTile: Int) -> Int {
    var tile = keyTile * 128 <= 1 << 16 ? 256 : 128
    while tile > 64, heads * ((tokens + tile - 1) / tile) < 4 * ThreadPool.processors { tile /= 2 }
    return min(tile, tokens)
  }

  /// A tile of queries sees the keys a tile at a time, with a running maximum and sum (Milakov & Gimelshein 2018,
  /// Rabe & Staats 2021, Dao et al. 2022): no more than one tile of scores is ever kept.
  public func attention(q: Tensor, k: Tensor, v: Tensor, heads: Int, isCausal: Bool, into out: Tensor) throws
  {
    let (tokens, keys, features) = (q.shape.tokens, k.shape.tokens, q.shape.channels)
    let (pictures, size) = (q.shape.batch, features / heads)
    guard pictures > 0, tokens > 0, keys > 0 else { return }
    try library.makeReady(threads: pool.threads)
    let keyTile = min(keys, Self.keyTile)
    let tiles = (keys + keyTile - 1) / keyTile
    let widths = (0..<tiles).map { min(keyTile, keys - $0 * keyTile) }

    let queryTile = Self.queryTile(tokens: tokens, heads: pictures * heads, keyTile: keyTile)
    let queryTiles = (tokens + queryTile - 1) / queryTile

    // Keys as [size, keys] and values as [keys, size], laid out once for all tiles of queries.
    let keyOperands = try widths.map {
      try library.operand(depth: size, columns: $0, depthStride: 1, columnStride: features)
    }
    let valueOperands = try widths.map {
      try library.operand(depth: $0, columns: size, depthStride: features, columnStride: 1)
    }
    let (keyBytes, valueBytes) = (library.bytes(of: keyOperands[0]), library.bytes(of: valueOperands[0]))
    let tileBytes = keyBytes + valueBytes
    // By a run of its own, unless one task does all of a head.
    let isShared = tileBytes > 0 && queryTiles > 1
    let laidOut = Address(start: try pool.scratch(isShared ? pictures * heads * tiles * tileBytes : 64))
    @Sendable func corner(_ task: Int) -> Int {
      let (n, head, tile) = (task / (heads * tiles), task / tiles % heads, task % tiles)
      return (n * keys + tile * keyTile) * features + head * size
    }
    @Sendable func layOut(_ task: Int, into memory: UnsafeMutableRawPointer, thread: Int) throws {
      try library.layOut(
        keyOperands[task % tiles], from: k.address(corner(task)), into: memory, thread: thread)
      try library.layOut(
        valueOperands[task % tiles], from: v.address(corner(task)), into: memory + keyBytes, thread: thread)
    }
    if isShared {
      try pool.run(pictures * heads * tiles) { task, thread in
        try layOut(task, into: laidOut.start + task * tileBytes, thread: thread)
      }
    }

    let width = precision.width
    let scale = 1 / Float(size).squareRoot()
    // A thread's memory: scores, their exponentials, the tile's queries, the tile's sums, each row's maximum and sum.
    let scoreBytes = roundedToLine(queryTile * keyTile * 4)
    let weightBytes = precision == .float32 ? 0 : roundedToLine(queryTile * keyTile * width)
    let queryBytes = library.isDense ? roundedToLine(queryTile * size * width) : 0
    let sumBytes = roundedToLine(queryTile * size * 4)
    let rowBytes = roundedToLine(queryTile * 4)
    let lastRows = tokens - (queryTiles - 1) * queryTile
    let libraryBytes =
      try [queryTile, lastRows].flatMap { rows in
        try Set([0, tiles - 1]).flatMap {
          [
            try library.scratchBytes(rows: rows, of: keyOperands[$0]),
            try library.scratchBytes(rows: rows, of: valueOperands[$0]),
          ]
        }
      }.max() ?? 0
    let operandBytes = isShared ? 0 : tileBytes
    let bytes =
      scoreBytes + weightBytes + queryBytes + sumBytes + 2 * rowBytes + operandBytes + libraryBytes + 64

    try pool.run(pictures * heads * queryTiles) { task, thread in
      let (pictureHead, first) = (task / queryTiles, task % queryTiles * queryTile)
      let (n, head) = (pictureHead / heads, pictureHead % heads)
      let count = min(queryTile, tokens - first)
      var memory = try pool.scratch(bytes, thread: thread)
      func take(_ bytes: Int) -> UnsafeMutableRawPointer {
        defer { memory += bytes }
        return memory
      }
      let scores = take(scoreBytes).assumingMemoryBound(to: Float.self)
      let weights = weightBytes == 0 ? UnsafeMutableRawPointer(scores) : take(weightBytes)
      let queries = take(queryBytes)
      let sums = take(sumBytes).assumingMemoryBound(to: Float.self)
      let maxima = take(rowBytes).assumingMemoryBound(to: Float.self)
      let rowSums = take(rowBytes).assumingMemoryBound(to: Float.self)
      let operands = take(operandBytes)
      let corner = (n * tokens + first) * features + head * size
      var (a, aStride) = (UnsafeRawPointer(q.address(corner)), features)
      if library.isDense {
        for r in 0..<count {
          (queries + r * size * width).copyMemory(
            from: q.address(corner + r * features), byteCount: size * width)
        }
        (a, aStride) = (UnsafeRawPointer(queries), size)
      }
      let seen = isCausal ? min(keys, first + count) : keys

      for tile in 0..<tiles where tile * keyTile < seen {
        let key = tile * keyTile
        // A laid out tile is multiplied whole; of the others, as much as is seen.
        let visible = tileBytes > 0 ? widths[tile] : min(widths[tile], seen - key)
        var (keyOperand, valueOperand) = (keyOperands[tile], valueOperands[tile])
        let operand = pictureHead * tiles + tile
        if operandBytes > 0 { try layOut(operand, into: operands, thread: thread) }
        var b = UnsafeRawPointer(operandBytes > 0 ? operands : laidOut.start + operand * tileBytes)
        var values = b + keyBytes
        if tileBytes == 0 {
          let keyCorner = (n * keys + key) * features + head * size
          (b, values) = (UnsafeRawPointer(k.address(keyCorner)), UnsafeRawPointer(v.address(keyCorner)))
          if visible < widths[tile] {
            keyOperand = try library.operand(
              depth: size, columns: visible, depthStride: 1, columnStride: features)
            valueOperand = try library.operand(
              depth: visible, columns: size, depthStride: features, columnStride: 1)
          }
        }
        try library.multiply(
          a, stride: aStride, rows: count, keyOperand, at: b, accumulates: false, into: scores,
          stride: visible,
          scratch: memory, thread: thread)
        ck_softmax_tile(
          precision.native, scores, visible, count, visible, isCausal ? first + 1 - key : visible, scale,
          maxima, rowSums,
          weights, visible, sums, size, size, tile == 0 ? 1 : 0)
        try library.multiply(
          UnsafeRawPointer(weights), stride: visible, rows: count, valueOperand, at: values,
          accumulates: tile > 0,
          into: sums, stride: size, scratch: memory, thread: thread)
      }
      ck_divide_rows(
        out.precision.native, sums, size, count, size, rowSums, out.address(corner), features)
    }
  }
}

/// Memory that tasks of one run write in different places.
struct Address: @unchecked Sendable { let start: UnsafeMutableRawPointer }
