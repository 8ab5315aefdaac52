import Base
import CKernels
import COpenBLAS
import Graph

/// float32 on any processor: OpenBLAS's single-threaded sgemm on tiles, one thread of the pool a tile, and C loops
/// for the rest.
///
/// Weights stay in the checkpoint's element type and are widened a tile at a time while they are used, so that a
/// model needs no float32 copy; only convolutions over more than one position keep a copy, with channels last.
public final class OpenBLASBackend: VectorBackend {
  public let name = "openblas"
  public let pool: ThreadPool

  /// Loads OpenBLAS, once in a process; do so before other threads read the environment.
  ///
  /// Throws a `Diagnostic` when the library cannot be loaded.
  public init(pool: ThreadPool) throws {
    if let reason = cob_load() {
      throw Diagnostic(
        .file, at: "libopenblas.so.0", "expected the OpenBLAS library, found: \(String(cString: reason))",
        hint: "apt-get install libopenblas0")
    }
    self.pool = pool
  }

  /// The kernels that OpenBLAS uses, as it names them: `SkylakeX`, `Haswell`.
  public var coreName: String { String(cString: cob_core_name()) }

  /// OpenBLAS's version and build options.
  public var configuration: String { String(cString: cob_config()) }

  public func prepare(_ weight: StoredTensor, for op: Op) -> PreparedWeight {
    guard case .conv2d(let convolution) = op, convolution.kernel > 1 else {
      return OpenBLASWeight(stored: weight, extraBytes: 0)
    }
    return OpenBLASWeight(relaying: weight, on: pool)
  }

  func weight(_ weight: PreparedWeight) -> StoredTensor {
    guard let weight = weight as? OpenBLASWeight else {
      preconditionFailure("a weight that another backend prepared")
    }
    return weight.stored
  }
}

/// Rows of an output channel each: [out, D], or a convolution's [out, k, k, C].
struct OpenBLASWeight: PreparedWeight {
  let stored: StoredTensor
  let extraBytes: Int

  init(stored: StoredTensor, extraBytes: Int) {
    self.stored = stored
    self.extraBytes = extraBytes
  }

  /// A copy of [out, C, k, k] as [out, k, k, C].
  init(relaying weight: StoredTensor, on pool: ThreadPool) {
    let (outs, channels, taps) = (weight.shape[0], weight.shape[1], weight.shape[2] * weight.shape[3])
    let copy = WeightCopy(bytes: weight.bytes.count)
    let filter = channels * taps * weight.type.width
    // Parts of about a megabyte.
    let part = max(1, (1 << 20) / max(1, filter))
    pool.run((outs + part - 1) / part) { task in
      guard let source = weight.bytes.baseAddress else { return }
      let first = task * part
      ck_relayout_filters(
        source + first * filter, copy.memory.advanced(by: first * filter), min(part, outs - first), channels,
        taps,
        weight.type.width)
    }
    let shape = [outs, weight.shape[2], weight.shape[3], channels]
    let bytes = UnsafeRawBufferPointer(start: copy.memory, count: weight.bytes.count)
    self.init(
      stored: StoredTensor(type: weight.type, shape: shape, bytes: bytes, owner: copy),
      extraBytes: bytes.count)
  }
}

/// The memory of a weight that was laid out anew.
private final class WeightCopy: @unchecked Sendable {
  let memory: UnsafeMutableRawPointer

  init(bytes: Int) { memory = .allocate(byteCount: max(1, bytes), alignment: 64) }
  deinit { memory.deallocate() }
}
