import CKernels
import Graph

extension TiledBackend {
  public func convolve(
    _ x: Tensor, _ convolution: Convolution, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor
  ) throws {
    var patches: ck_patches?
    if !convolution.isPointwise {
      patches = ck_patches(
        height: Int32(x.shape.height), width: Int32(x.shape.width), channels: Int32(x.shape.channels),
        out_height: Int32(out.shape.height), out_width: Int32(out.shape.width),
        kernel: Int32(convolution.kernel),
        stride: Int32(convolution.stride), pad_top: Int32(convolution.padBefore),
        pad_left: Int32(convolution.padBefore))
    }
    try multiply(x, patches, self.weight(weight).parts(self), epilogue, .rows, into: out)
  }

  /// Row y of the doubled picture is row ⌊y/2⌋ of x: of the nine elements of x that an output sees, four are different.
  /// So it is four convolutions of 2x2, one for each parity of the output's row and column, of summed weights.
  public func convolveDoubled(
    _ x: Tensor, _ convolution: Convolution, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor
  ) throws {
    let (height, width) = (x.shape.height, x.shape.width)
    precondition(out.shape.height == 2 * height && out.shape.width == 2 * width, "not a doubling")
    for (phase, part) in try self.weight(weight).phases(self).enumerated() {
      let (oddRow, oddColumn) = (phase / 2, phase % 2)
      let patches = ck_patches(
        height: Int32(height), width: Int32(width), channels: Int32(x.shape.channels),
        out_height: Int32(height),
        out_width: Int32(width), kernel: 2, stride: 1, pad_top: Int32(1 - oddRow),
        pad_left: Int32(1 - oddColumn))
      try multiply(
        x, patches, [part], epilogue, .phase(oddRow: oddRow, oddColumn: oddColumn, width: width), into: out)
    }
  }

  public func linear(_ x: Tensor, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor) throws {
    try multiply(x, nil, self.weight(weight).parts(self), epilogue, .rows, into: out)
  }

  /// out = a Wᵀ, then the epilogue, where row r of `a` is row r of x or, with `patches`, what output position r sees.
  private func multiply(
    _ x: Tensor, _ patches: ck_patches?, _ parts: [TiledWeight<Library>.Part], _ epilogue: Epilogue,
    _ placement: Placement, into out: Tensor
  ) throws {
    precondition(
      x.precision == precision, "a product of \(x.precision.rawValue) on a \(precision.rawValue) backend")
    try library.makeReady(threads: pool.threads)
    let finish = try Finish(epilogue, placement, out, pool)
    if epilogue.isGated {
      precondition(
        parts.count == 2 && parts[0].columns.count == out.shape.channels, "a weight that is not gated")
      try run(x, patches, parts[0], gate: parts[1], finish)
    } else {
      for part in parts { try run(x, patches, part, gate: nil, finish) }
    }
  }

  private func run(
    _ x: Tensor, _ patches: ck_patches?, _ part: TiledWeight<Library>.Part, gate: TiledWeight<Library>.Part?,
    _ finish: Finish
  ) throws {
    let (rows, columns, depth) = (finish.rows, part.columns.count, part.depth)
    guard rows > 0, columns > 0 else { return }
    let cost = library.tileCost(of: part.weight, gathers: patches != nil)
    let tiling = MatrixTiling(
      rows: rows, columns: columns, depth: gate == nil ? depth : 2 * depth, unit: library.blockColumns,
      cost: cost)
    let block = min(library.blockColumns, tiling.tileColumns)
    let steps = (depth + part.depthStep - 1) / part.depthStep
    let writesOut = !library.isDense && gate == nil && finish.takesSums

    // A thread's memory: gathered rows, sums, a gate's sums, and what the library needs; each on cache lines of its own.
    let gatheredBytes = patches == nil ? 0 : roundedToLine(tiling.tileRows * part.depthStep * precision.width)
    let sumsCount = writesOut ? 0 : tiling.tileRows * (steps == 1 ? block : tiling.tileColumns)
    let sumsBytes = roundedToLine(sumsCount * 4)
    let gateBytes = gate == nil ? 0 : sumsBytes
    let libraryBytes = try libraryScratch(tiling, part, block)
    let bytes = gatheredBytes + sumsBytes + gateBytes + libraryBytes + 64

    try pool.run(tiling.count) { task, thread in
      let tile = tiling.tile(task)
      let height = tile.rows.count
      let memory = try pool.scratch(bytes, thread: thread)
      let sums = (memory + gatheredBytes).assumingMemoryBound(to: Float.self)
      let gateSums = (memory + gatheredBytes + sumsBytes).assumingMemoryBound(to: Float.self)
      let scratch = memory + gatheredBytes + sumsBytes + gateBytes
      for step in 0..<steps {
        let range = step * part.depthStep..<min(depth, (step + 1) * part.depthStep)
        var (a, aStride) = (
          UnsafeRawPointer(x.address(tile.rows.lowerBound * depth + range.lowerBound)), depth
        )
        if var patches {
          ck_gather_patches(
            x.base, precision.width, &patches, tile.rows.lowerBound, height, range.lowerBound, range.count,
            memory)
          (a, aStride) = (UnsafeRawPointer(memory), range.count)
        }
        for first in stride(from: tile.columns.lowerBound, to: tile.columns.upperBound, by: block) {
          let block = first..<min(first + block, tile.columns.upperBound)
          let offset = steps == 1 ? 0 : (first - tile.columns.lowerBound) * height
          let target =
            writesOut ? finish.address(tile.rows.lowerBound, part.columns.lowerBound + first) : sums + offset
          let targetStride = writesOut ? finish.out.shape.channels : block.count
          try library.multiply(
            a, stride: aStride, rows: height, part.weight, columns: block, depth: range,
            accumulates: step > 0,
            into: target, stride: targetStride, scratch: scratch, thread: thread)
          if let gate {
            try library.multiply(
              a, stride: aStride, rows: height, gate.weight, columns: block, depth: range,
              accumulates: step > 0,
              into: gateSums + offset, stride: targetStride, scratch: scratch, thread: thread)
          }
          guard step == steps - 1 else { continue }
          let outColumns =
            part.columns.lowerBound + block.lowerBound..<part.columns.lowerBound + block.upperBound
          if gate != nil {
            finish.gate(sums + offset, gateSums + offset, stride: targetStride, tile.rows, outColumns)
          } else {
            finish.finish(target, stride: targetStride, tile.rows, outColumns)
          }
        }
      }
    }
  }

  private func libraryScratch(_ tiling: MatrixTiling, _ part: TiledWeight<Library>.Part, _ block: Int)
    throws -> Int
  {
    let lastBlock = part.columns.count % block
    let lastDepth = part.depth % part.depthStep
    var most = 0
    for rows in Set([tiling.tileRows, tiling.lastRows]) {
      for columns in lastBlock == 0 ? [block] : [block, lastBlock] {
        for depth in lastDepth == 0 ? [part.depthStep] : [part.depthStep, lastDepth] {
          most = max(
            most, try library.scratchBytes(rows: rows, columns: columns, depth: depth, of: part.weight))
        }
      }
    }
    return roundedToLine(most)
  }
}

func roundedToLine(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

/// Where the rows of a product go.
enum Placement: Sendable {
  /// Row r of the output.
  case rows
  /// The output of every second row and column: row r of the product, at (y, x) of a picture `width` wide, is at
  /// (2y + oddRow, 2x + oddColumn).
  case phase(oddRow: Int, oddColumn: Int, width: Int)
}

/// What is done to a product's sums on their way to the output.
struct Finish: @unchecked Sendable {
  let out: Tensor
  /// Rows of the product.
  let rows: Int
  private let epilogue: Epilogue
  private let placement: Placement
  /// The bias and what is added to each picture's channels, [N, columns]; the bias alone, [columns]; or nil.
  private let bias: UnsafePointer<Float>?
  /// Rows of the product that share a bias.
  private let rowsPerBias: Int

  init(_ epilogue: Epilogue, _ placement: Placement, _ out: Tensor, _ pool: ThreadPool) throws {
    self.out = out
    self.epilogue = epilogue
    self.placement = placement
    if case .phase = placement { rows = out.shape.rows / 4 } else { rows = out.shape.rows }
    guard let perChannel = epilogue.perChannel else {
      bias = epilogue.bias.map { UnsafePointer($0.elements) }
      rowsPerBias = Int.max
      return
    }
    let (pictures, columns) = (perChannel.shape.batch, perChannel.shape.channels)
    let joined = try pool.scratch(pictures * columns * 4).assumingMemoryBound(to: Float.self)
    ck_convert(perChannel.precision.native, perChannel.base, CK_F32, joined, pictures * columns)
    if let bias = epilogue.bias {
      for n in 0..<pictures {
        ck_add(CK_F32, joined + n * columns, bias.elements, joined + n * columns, columns)
      }
    }
    bias = UnsafePointer(joined)
    rowsPerBias = rows / pictures
  }

  /// Whether the sums may be written where the output shall be.
  var takesSums: Bool {
    if case .rows = placement { return out.precision == .float32 && !epilogue.isGated }
    return false
  }

  func address(_ row: Int, _ column: Int) -> UnsafeMutablePointer<Float> {
    out.elements + row * out.shape.channels + column
  }

  func finish(_ sums: UnsafePointer<Float>, stride: Int, _ rows: Range<Int>, _ columns: Range<Int>) {
    forRuns(rows) { run, outRow, outStride in
      let target = out.address(outRow * out.shape.channels + columns.lowerBound)
      var terms = ck_epilogue_terms(
        bias: bias(run.lowerBound, columns), activation: epilogue.activation.native,
        residual: epilogue.residual.map { residual in
          precondition(residual.precision == out.precision, "a residual of another type than the output")
          return UnsafeRawPointer(residual.address(outRow * out.shape.channels + columns.lowerBound))
        })
      let source = sums + (run.lowerBound - rows.lowerBound) * stride
      if terms.bias == nil, terms.residual == nil, epilogue.activation == nil,
        UnsafeRawPointer(source) == UnsafeRawPointer(target)
      {
        return
      }
      ck_epilogue(
        out.precision.native, source, stride, run.count, columns.count, &terms, target,
        outStride * out.shape.channels)
    }
  }

  func gate(
    _ values: UnsafePointer<Float>, _ gates: UnsafePointer<Float>, stride: Int, _ rows: Range<Int>,
    _ columns: Range<Int>
  ) {
    let valueBias = bias(rows.lowerBound, columns)
    ck_gate(
      out.precision.native, values, gates, stride, rows.count, columns.count, valueBias,
      valueBias.map { $0 + out.shape.channels },
      out.address(rows.lowerBound * out.shape.channels + columns.lowerBound),
      out.shape.channels)
  }

  private func bias(_ row: Int, _ columns: Range<Int>) -> UnsafePointer<Float>? {
    bias.map {
      $0 + (rowsPerBias == Int.max ? 0 : row / rowsPerBias * out.shape.channels) + columns.lowerBound
    }
  }

  /// Calls `body` with runs of rows that share a bias and lie evenly in the output: the rows, the output row that the
  /// first goes to, and how many output rows apart they are.
  private func forRuns(_ rows: Range<Int>, _ body: (Range<Int>, Int, Int) -> Void) {
    var first = rows.lowerBound
    while first < rows.upperBound {
      var end = rows.upperBound
      if rowsPerBias != Int.max { end = min(end, (first / rowsPerBias + 1) * rowsPerBias) }
      switch placement {
      case .rows:
        body(first..<end, first, 1)
      case .phase(let oddRow, let oddColumn, let width):
        // A picture's lines follow each other without a gap, so that lines can be counted over all pictures.
        let (line, x) = (first / width, first % width)
        end = min(end, (line + 1) * width)
        body(first..<end, (2 * line + oddRow) * 2 * width + 2 * x + oddColumn, 2)
      }
      first = end
    }
  }
}
