import Base
import CKernels

/// Which library computes, and in which precision.
public struct BackendChoice: Hashable, Sendable {
  public enum Library: String, Sendable, Hashable, CaseIterable {
    case onednn, openblas
    /// Plain loops, for checking the others.
    case reference
  }

  public let library: Library
  public let precision: Precision

  /// What is asked for, and where nothing is, the fastest that this processor and the libraries here have.
  ///
  /// Throws a `Diagnostic` of kind `.value` when the two do not go together or cannot be had here.
  public init(library: Library? = nil, precision: Precision? = nil) throws {
    let isBFloat16Here = OneDNNLibrary.absence == nil && OneDNNLibrary.precisions.contains(.bfloat16)
    // Before AVX-512 oneDNN's kernels for tiles are missing, and OpenBLAS is as fast.
    let isOneDNNFast = OneDNNLibrary.absence == nil && ck_simd_level().rawValue >= CK_AVX512.rawValue
    self.library = library ?? (precision == .bfloat16 || isOneDNNFast ? .onednn : .openblas)
    self.precision = precision ?? (self.library == .onednn && isBFloat16Here ? .bfloat16 : .float32)
    if self.library == .onednn, let reason = OneDNNLibrary.absence {
      throw OneDNNLibrary.absent(reason, at: library == nil ? "precision" : "backend")
    }
    guard self.precision == .bfloat16 else { return }
    guard self.library == .onednn else {
      throw Diagnostic(
        .value, at: "precision", "expected f32 with the \(self.library.rawValue) backend, found bf16",
        hint: "choose the onednn backend, or precision f32")
    }
    try OneDNNLibrary.check(.bfloat16)
  }

  /// Throws a `Diagnostic` when its library cannot be loaded.
  public func backend(on pool: ThreadPool) throws -> any Backend {
    switch library {
    case .onednn: try OneDNNBackend(precision, pool: pool)
    case .openblas: try OpenBLASBackend(pool: pool)
    case .reference: ReferenceBackend(pool: pool)
    }
  }
}
