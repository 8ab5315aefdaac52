import CKernels
import COpenBLAS
import Graph

extension OpenBLASBackend {
  public func convolve(
    _ x: Tensor, _ convolution: Convolution, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor
  ) {
    var patches: ck_patches?
    if !convolution.isPointwise {
      patches = ck_patches(
        height: Int32(x.shape.height), width: Int32(x.shape.width), channels: Int32(x.shape.channels),
        out_height: Int32(out.shape.height), out_width: Int32(out.shape.width),
        kernel: Int32(convolution.kernel),
        stride: Int32(convolution.stride), pad_before: Int32(convolution.padBefore))
    }
    multiply(x, patches, self.weight(weight), epilogue, into: out)
  }

  public func linear(_ x: Tensor, _ weight: PreparedWeight, _ epilogue: Epilogue, into out: Tensor) {
    multiply(x, nil, self.weight(weight), epilogue, into: out)
  }

  /// out = a Wᵀ, then the epilogue, where row r of `a` is row r of x or, with `patches`, what output position r sees.
  private func multiply(
    _ x: Tensor, _ patches: ck_patches?, _ weight: StoredTensor, _ epilogue: Epilogue, into out: Tensor
  ) {
    let (rows, columns) = (out.shape.rows, out.shape.channels)
    guard rows > 0, columns > 0 else { return }
    let depth = weight.count / columns
    let tiling = MatrixTiling(rows: rows, columns: columns, depth: depth, gathers: patches != nil)
    let direct = weight.floats
    let gathered = patches == nil ? 0 : tiling.tileRows * tiling.tileDepth
    let widened = direct == nil ? tiling.tileColumns * tiling.tileDepth : 0
    // Whole cache lines apart.
    let weightOffset = (gathered + 15) / 16 * 16

    pool.run(tiling.count) { task, thread in
      let tile = tiling.tile(task)
      let scratch = pool.scratch(max(64, (weightOffset + widened) * 4), thread: thread).assumingMemoryBound(
        to: Float.self)
      let corner = out.elements + tile.rows.lowerBound * columns + tile.columns.lowerBound
      for first in stride(from: 0, to: depth, by: tiling.tileDepth) {
        let count = min(tiling.tileDepth, depth - first)
        var a = UnsafePointer(x.elements + tile.rows.lowerBound * depth + first)
        var aStride = depth
        if var patches {
          ck_gather_patches(
            x.elements, &patches, tile.rows.lowerBound, tile.rows.count, first, count, scratch)
          (a, aStride) = (UnsafePointer(scratch), count)
        }
        var b = UnsafePointer(scratch + weightOffset)
        var bStride = count
        if let direct {
          (b, bStride) = (UnsafePointer(direct.elements + tile.columns.lowerBound * depth + first), depth)
        } else {
          for (index, column) in tile.columns.enumerated() {
            let start = column * depth + first
            weight.widen(start..<start + count, into: scratch + weightOffset + index * count)
          }
        }
        cob_sgemm(
          1, Int32(tile.rows.count), Int32(tile.columns.count), Int32(count), 1, a, Int32(aStride), b,
          Int32(bStride),
          first == 0 ? 0 : 1, corner, Int32(columns))
      }
      epilogue.apply(to: out, tile.rows, tile.columns)
    }
  }
}

extension StoredTensor {
  /// The elements themselves, when they are float32 already and lie where those may.
  fileprivate var floats: Tensor? {
    guard type == .float32, let base = bytes.baseAddress, Int(bitPattern: base) % 4 == 0 else { return nil }
    // It is only read.
    return Tensor(UnsafeMutableRawPointer(mutating: base).assumingMemoryBound(to: Float.self), Shape(shape))
  }
}

extension Epilogue {
  /// Finishes a tile of `out`.
  func apply(to out: Tensor, _ rows: Range<Int>, _ columns: Range<Int>) {
    guard bias != nil || perChannel != nil || activation != nil || residual != nil else { return }
    var terms = ck_epilogue_terms(
      bias: bias.map { UnsafePointer($0.elements) },
      per_channel: perChannel.map { UnsafePointer($0.elements) },
      rows_per_picture: out.shape.rows / out.shape.batch, activation: activation.native,
      residual: residual.map { UnsafePointer($0.elements) })
    ck_epilogue(
      out.elements, out.shape.channels, rows.lowerBound, rows.count, columns.lowerBound, columns.count, &terms
    )
  }
}
