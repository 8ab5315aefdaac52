import CKernels
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
    let expected = try #require(kernel.run(on: reference, isRounded: isRounded))
    let found = try #require(kernel.run(on: try onednn(precision, threads: 2), isRounded: isRounded))
    let apart = distance(found, expected)
    #expect(apart <= (isRounded ? kernel.bfloat16Tolerance : kernel.tolerance))
  }

  @Test("gives the same bits on one thread, two and three", arguments: precisions, KernelCase.all)
  func independentOfThreads(_ precision: Precision, _ kernel: KernelCase) throws {
    let one = kernel.run(on: try onednn(precision, threads: 1))?.map(\.bitPattern)
    #expect(one != nil)
    #expect(kernel.run(on: try onednn(precision, threads: 2))?.map(\.bitPattern) == one)
    #expect(kernel.run(on: try onednn(precision, threads: 3))?.map(\.bitPattern) == one)
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
    let one = try #require(kernel.run(on: try onednn(precision, threads: 1)))
    #expect(one.allSatisfy { $0.isFinite })
    #expect(kernel.run(on: try onednn(precision, threads: 2))?.map(\.bitPattern) == one.map(\.bitPattern))
    #expect(kernel.run(on: try onednn(precision, threads: 4))?.map(\.bitPattern) == one.map(\.bitPattern))
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
        let name = library.implementation(rows: rows, columns: columns, depth: depth)
        #expect(name.hasPrefix("brg:"), "\(rows)x\(depth)x\(columns): \(name)")
      }
    }
  }

  @Test("a weight whose laying out was cancelled is laid out again when next used", arguments: precisions)
  func cancelledPreparation(_ precision: Precision) throws {
    let flag = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    defer { flag.deallocate() }
    let samples = Samples(seed: 3, precision)
    defer { withExtendedLifetime(samples) {} }
    let (x, weight) = (samples.random([1, 40, 64]), samples.weight([300, 64], .float16))
    func result(cancelled: Bool) throws -> [Float] {
      flag.pointee = cancelled ? 1 : 0
      let backend = try OneDNNBackend(precision, pool: ThreadPool(threads: 2, cancelFlag: flag))
      let prepared = backend.prepare(weight, for: .linear(out: 300, bias: false), WeightUse())
      flag.pointee = 0
      let out = samples.random([1, 40, 300])
      backend.linear(x, prepared, Epilogue(), into: out)
      return out.values
    }
    #expect(try result(cancelled: true) == result(cancelled: false))
  }

  @Test("holds a weight once, in its own precision and whole blocks of columns", arguments: precisions)
  func preparation(_ precision: Precision) throws {
    let (backend, samples) = (try onednn(precision, threads: 2), Samples())
    defer { withExtendedLifetime(samples) {} }
    let weight = samples.weight([128, 64], .float16)
    let kept = backend.prepare(weight, for: .linear(out: 128, bias: true), WeightUse())
    #expect(kept.extraBytes == 128 * 64 * precision.width)
    #expect(!kept.readsCheckpoint)
  }
}
