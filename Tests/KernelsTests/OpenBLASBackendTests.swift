import Base
import Dispatch
import Foundation
import Graph
import KernelCases
import Kernels
import Testing

@Suite("OpenBLASBackend")
struct OpenBLASBackendTests {
  private func openBLAS(threads: Int, cancelFlag: UnsafePointer<Int32>? = nil) throws -> OpenBLASBackend {
    try OpenBLASBackend(pool: ThreadPool(threads: threads, cancelFlag: cancelFlag))
  }

  @Test("computes what the reference backend computes", arguments: KernelCase.all)
  func agrees(_ kernel: KernelCase) throws {
    let expected = try #require(try kernel.run(on: ReferenceBackend(pool: ThreadPool(threads: 1))))
    let found = try #require(try kernel.run(on: try openBLAS(threads: 2)))
    let apart = distance(found, expected)
    #expect(apart <= kernel.tolerance)
  }

  @Test("gives the same bits on one thread, two and three", arguments: KernelCase.all)
  func independentOfThreads(_ kernel: KernelCase) throws {
    let one = try kernel.run(on: try openBLAS(threads: 1))?.map(\.bitPattern)
    #expect(one != nil)
    #expect(try kernel.run(on: try openBLAS(threads: 2))?.map(\.bitPattern) == one)
    #expect(try kernel.run(on: try openBLAS(threads: 3))?.map(\.bitPattern) == one)
  }

  @Test(
    "cuts large products into several tasks that give the same bits on any number of threads",
    arguments: [
      KernelCase.linear(1, 2300, 640, to: 1300, terms: .all), .conv(1, 50, 60, 70, to: 680, 3, terms: .all),
      .attention(1, 1500, 1500, heads: 3, 64), .groupNorm([2, 300, 200, 32], groups: 8, .silu),
      .doubled(2, 40, 50, 70, to: 200, terms: .all), .gated(1, 1500, 640, to: 320),
    ])
  func largeProducts(_ kernel: KernelCase) throws {
    let one = try #require(try kernel.run(on: try openBLAS(threads: 1)))
    #expect(one.allSatisfy { $0.isFinite })
    #expect(try kernel.run(on: try openBLAS(threads: 2))?.map(\.bitPattern) == one.map(\.bitPattern))
    #expect(try kernel.run(on: try openBLAS(threads: 4))?.map(\.bitPattern) == one.map(\.bitPattern))
  }

  @Test("keeps a copy of a 3x3 convolution's weight in its own type, and of no other weight")
  func preparation() throws {
    let (backend, samples) = (try openBLAS(threads: 2), Samples())
    defer { withExtendedLifetime(samples) {} }
    func extra(_ shape: [Int], _ type: StorageType, _ op: Op) throws -> Int {
      try backend.prepare(samples.weight(shape, type), for: op, WeightUse()).extraBytes
    }
    let wide = Convolution(out: 8, kernel: 3, padBefore: 1, padAfter: 1)
    let pointwise = Convolution(out: 8, kernel: 1, padBefore: 0, padAfter: 0)
    #expect(try extra([8, 4, 3, 3], .float16, .conv2d(wide)) == 8 * 4 * 9 * 2)
    #expect(try extra([8, 4, 3, 3], .float32, .conv2d(wide)) == 8 * 4 * 9 * 4)
    #expect(try extra([8, 4, 1, 1], .float16, .conv2d(pointwise)) == 0)
    #expect(try extra([8, 4], .bfloat16, .linear(out: 8, bias: true)) == 0)
  }

  @Test("leaves the environment as it was and names its kernels")
  func loading() throws {
    let backend = try openBLAS(threads: 1)
    #expect(!backend.library.coreName.isEmpty)
    #expect(backend.library.configuration.hasPrefix("OpenBLAS "))
    #expect(
      getenv("OPENBLAS_CORETYPE") == nil || ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] != nil)
  }

  /// x·σ(x) to 4 ulp; for quick GELU the rounding of 1.702 x, up to 34, grows that in the exponential.
  /// GELU to 2⁻²² of |x|, which for x > 1 is of the result. Measured: 2.3e-7, 2.4e-6, 1.2e-7.
  @Test(
    "activations are accurate from -20 to 20",
    arguments: [(Activation.silu, 5e-7), (.quickGELU, 4e-6), (.gelu, 2.4e-7)])
  func activationAccuracy(_ function: Activation, _ tolerance: Double) throws {
    let samples = Samples()
    defer { withExtendedLifetime(samples) {} }
    var next = -20.0
    let x = samples.tensor([400_001]) {
      defer { next += 1e-4 }
      return Float(next)
    }
    let (found, expected) = (samples.tensor(x.shape) { .nan }, samples.tensor(x.shape) { .nan })
    try openBLAS(threads: 1).activate(x, function, into: found)
    try ReferenceBackend(pool: ThreadPool(threads: 1)).activate(x, function, into: expected)
    let worst = (0..<x.count).map { i in
      let size = function == .gelu ? abs(x.elements[i]) : abs(expected.elements[i])
      return abs(Double(found.elements[i]) - Double(expected.elements[i])) / max(Double(size), 1e-30)
    }.max()
    #expect(try #require(worst) <= tolerance)
  }

  @Test("carries a NaN from any input into what depends on it, so that a broken model is noticed")
  func notANumber() throws {
    let (backend, samples) = (try openBLAS(threads: 1), Samples())
    defer { withExtendedLifetime(samples) {} }
    let q = samples.random([1, 3, 32])
    let (k, v) = (samples.random([1, 40, 32]), samples.random([1, 40, 32]))
    let out = samples.tensor([1, 3, 32]) { 0 }
    q.elements[32 + 5] = .nan
    try backend.attention(q: q, k: k, v: v, heads: 1, isCausal: false, into: out)
    #expect(out.buffer[32..<64].allSatisfy { $0.isNaN })
    #expect(out.buffer[0..<32].allSatisfy { $0.isFinite })

    for function in [Activation.silu, .gelu, .quickGELU] {
      let x = samples.tensor([40]) { .nan }
      try backend.activate(x, function, into: x)
      #expect(x.buffer.allSatisfy { $0.isNaN })
    }
    let (x, gamma) = (samples.random([1, 40, 8]), samples.parameters([8]))
    let normal = samples.tensor([1, 40, 8]) { 0 }
    x.elements[0] = .nan
    try backend.groupNorm(
      x, gamma: gamma, beta: gamma, groups: 4, epsilon: 1e-5, activation: nil, into: normal)
    #expect((0..<320).allSatisfy { normal.elements[$0].isNaN == ($0 % 8 < 2) })
  }

  @Test("passes over what is left when its pool is cancelled, and works again after")
  func cancellation() throws {
    let flag = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    defer { flag.deallocate() }
    flag.pointee = 1
    let backend = try openBLAS(threads: 2, cancelFlag: flag)
    let samples = Samples()
    defer { withExtendedLifetime(samples) {} }
    let (x, out) = (samples.random([1, 700, 64]), samples.tensor([1, 700, 900]) { .nan })
    flag.pointee = 0
    let weight = try backend.prepare(
      samples.weight([900, 64], .float16), for: .linear(out: 900, bias: false), WeightUse())
    flag.pointee = 1
    #expect(throws: Diagnostic(.interrupted, "interrupted")) {
      try backend.linear(x, weight, Epilogue(), into: out)
    }
    #expect(out.buffer.allSatisfy { $0.isNaN })
    flag.pointee = 0
    try backend.linear(x, weight, Epilogue(), into: out)
    #expect(out.buffer.allSatisfy { $0.isFinite })
  }

  @Test("tasks that have not begun when the flag is raised are passed over", arguments: [1, 2])
  func cancellationOnTheWay(threads: Int) throws {
    let flag = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    defer { flag.deallocate() }
    flag.pointee = 0
    let address = UInt(bitPattern: flag)
    let pool = ThreadPool(threads: threads, cancelFlag: flag)
    let begun = UnsafeMutablePointer<Int32>.allocate(capacity: 1000)
    defer { begun.deallocate() }
    begun.initialize(repeating: 0, count: 1000)
    let marks = UInt(bitPattern: begun)
    // The task itself raises the flag, so that no clock decides what the test sees.
    #expect(throws: Diagnostic(.interrupted, "interrupted")) {
      try pool.run(1000) { task in
        UnsafeMutablePointer<Int32>(bitPattern: marks)?[task] = 1
        UnsafeMutablePointer<Int32>(bitPattern: address)?.pointee = 1
      }
    }
    let count = (0..<1000).reduce(0) { $0 + Int(begun[$1]) }
    #expect(count >= 1 && count <= threads)
    #expect(pool.isCancelled)
  }

  @Test(
    "A task's error reaches the caller, the tasks left are passed over, and the pool goes on",
    arguments: [1, 2])
  func taskError(threads: Int) throws {
    let pool = ThreadPool(threads: threads)
    let fault = Diagnostic(.memory, "out of memory")
    let begun = UnsafeMutablePointer<Int32>.allocate(capacity: 1000)
    defer { begun.deallocate() }
    begun.initialize(repeating: 0, count: 1000)
    let marks = UInt(bitPattern: begun)
    #expect(throws: fault) {
      try pool.run(1000) { task in
        UnsafeMutablePointer<Int32>(bitPattern: marks)?[task] = 1
        throw fault
      }
    }
    #expect((0..<1000).count { begun[$0] == 1 } <= threads)
    #expect(try pool.map(5) { $0 * $0 } == [0, 1, 4, 9, 16])
  }
}
