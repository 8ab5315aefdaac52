import Base
import CKernels
import Foundation
import Graph
import KernelCases
import Kernels
import Testing

/// oneDNN where it is: a machine without the library, or a processor without bfloat16, has fewer arguments here.
@Suite("OneDNNBackend")
struct OneDNNBackendTests {
  static let precisions: [Precision] = OneDNNLibrary.absence == nil ? OneDNNLibrary.precisions : []

  private func onednn(_ precision: Precision, threads: Int) throws -> OneDNNBackend {
    try OneDNNBackend(precision, pool: ThreadPool(threads: threads))
  }

  @Test("computes what the reference backend computes", arguments: precisions, KernelCase.all)
  func agrees(_ precision: Precision, _ kernel: KernelCase) throws {
    let isRounded = precision == .bfloat16
    let reference = ReferenceBackend(pool: ThreadPool(threads: 1))
    let expected = try #require(try kernel.run(on: reference, isRounded: isRounded))
    let found = try #require(try kernel.run(on: try onednn(precision, threads: 2), isRounded: isRounded))
    let apart = distance(found, expected)
    #expect(apart <= (isRounded ? kernel.bfloat16Tolerance : kernel.tolerance))
  }

  @Test("gives the same bits on one thread, two and three", arguments: precisions, KernelCase.all)
  func independentOfThreads(_ precision: Precision, _ kernel: KernelCase) throws {
    let one = try kernel.run(on: try onednn(precision, threads: 1))?.map(\.bitPattern)
    #expect(one != nil)
    #expect(try kernel.run(on: try onednn(precision, threads: 2))?.map(\.bitPattern) == one)
    #expect(try kernel.run(on: try onednn(precision, threads: 3))?.map(\.bitPattern) == one)
  }

  @Test(
    "cuts large products into several tasks that give the same bits on any number of threads",
    arguments: precisions,
    [
      KernelCase.linear(1, 2300, 640, to: 1300, terms: .all), .conv(1, 50, 60, 300, to: 680, 3, terms: .all),
      .doubled(2, 40, 50, 70, to: 200, terms: .all), .gated(1, 1500, 640, to: 320),
      .attention(1, 1500, 1500, heads: 3, 64), .groupNorm([2, 300, 200, 32], groups: 8, .silu),
    ])
  func largeProducts(_ precision: Precision, _ kernel: KernelCase) throws {
    let one = try #require(try kernel.run(on: try onednn(precision, threads: 1)))
    #expect(one.allSatisfy { $0.isFinite })
    #expect(try kernel.run(on: try onednn(precision, threads: 2))?.map(\.bitPattern) == one.map(\.bitPattern))
    #expect(try kernel.run(on: try onednn(precision, threads: 4))?.map(\.bitPattern) == one.map(\.bitPattern))
  }

  /// Slower ones are what the library falls back to when it dislikes a stride or a layout. It has these kernels for
  /// AVX-512 only.
  @Test(
    "has the library's tile kernels for every extent of the model",
    .enabled(if: ck_simd_level().rawValue >= CK_AVX512.rawValue), arguments: precisions)
  func implementations(_ precision: Precision) throws {
    let library = try OneDNNLibrary(precision, threads: 1)
    for rows in [1, 2, 3, 77, 154, 128, 256] {
      for (depth, columns) in [
        (320, 64), (2880, 64), (1920, 64), (36, 64), (1280, 4), (64, 512), (64, 77), (512, 64), (77, 64),
      ] {
        let name = try library.implementation(rows: rows, columns: columns, depth: depth)
        #expect(name.hasPrefix("brg:"), "\(rows)x\(depth)x\(columns): \(name)")
      }
    }
  }

  @Test("A preparation that is cancelled, before it begins or on the way, gives no weight")
  func cancelledPreparation() async {
    // The flag is the whole process's.
    await #expect(processExitsWith: .success) {
      for precision in Self.precisions { try Self.cancelPreparations(precision) }
    }
  }

  private static func cancelPreparations(_ precision: Precision) throws {
    let samples = Samples(seed: 3, precision)
    defer { withExtendedLifetime(samples) {} }
    let pool = ThreadPool(threads: 2, cancelFlag: InterruptFlag.pointer)
    let backend = try OneDNNBackend(precision, pool: pool)
    func prepared(_ weight: StoredTensor) throws -> any PreparedWeight {
      try backend.prepare(weight, for: .linear(out: weight.shape[0], bias: false), WeightUse())
    }
    let small = samples.weight([300, 64], .float16)
    let x = samples.random([1, 40, 64])
    func result() throws -> [Float] {
      let out = samples.random([1, 40, 300])
      try backend.linear(x, prepared(small), Epilogue(), into: out)
      return out.values
    }
    let expected = try result()
    InterruptFlag.raise()
    #expect(throws: Diagnostic(.interrupted, "interrupted")) { try prepared(small) }
    // Packing 64 MB takes some milliseconds: the flag rises in the middle of it.
    let large = samples.weight([8192, 4096], .float16)
    for delay in [0, 100, 500, 1000, 2000] as [UInt32] {
      InterruptFlag.clear()
      Thread.detachNewThread {
        usleep(delay)
        InterruptFlag.raise()
      }
      #expect(throws: Diagnostic(.interrupted, "interrupted")) {
        for _ in 0..<1000 { _ = try prepared(large) }
      }
    }
    InterruptFlag.clear()
    #expect(try result() == expected)
  }

  @Test("holds a weight once, in its own precision and whole blocks of columns", arguments: precisions)
  func preparation(_ precision: Precision) throws {
    let (backend, samples) = (try onednn(precision, threads: 2), Samples())
    defer { withExtendedLifetime(samples) {} }
    let weight = samples.weight([128, 64], .float16)
    let kept = try backend.prepare(weight, for: .linear(out: 128, bias: true), WeightUse())
    #expect(kept.extraBytes == 128 * 64 * precision.width)
    #expect(!kept.readsCheckpoint)
  }
}
