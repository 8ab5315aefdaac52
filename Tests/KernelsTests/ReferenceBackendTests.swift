import Base
import Foundation
import Graph
import KernelCases
import Kernels
import Testing

/// A case of `Tests/Goldens/kernels`: what torch computes in double precision.
struct KernelGolden: Decodable, Sendable, CustomTestStringConvertible {
  struct Place: Decodable, Sendable {
    let shape: [Int]
    let at: Int
  }

  let name: String
  let op: String
  let tensors: [String: Place]
  let type: String?
  let activation: String?
  let out, kernel, stride, padBefore, padAfter, heads, groups: Int?
  let causal: Bool?
  let epsilon: Double?

  var testDescription: String { "\(op): \(name)" }

  private struct File: Decodable { let cases: [KernelGolden] }

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Goldens/kernels")

  static let all: [KernelGolden] = {
    let data = try? Data(contentsOf: folder.appending(path: "kernels.json"))
    return data.flatMap { try? JSONDecoder().decode(File.self, from: $0).cases } ?? []
  }()

  private static let values: [Float] = {
    guard let data = try? Data(contentsOf: folder.appending(path: "kernels.f32")) else { return [] }
    return data.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
      }
    }
  }()

  func values(_ key: String) throws -> [Float] {
    let place = try #require(tensors[key])
    let count = place.shape.reduce(1, *)
    try #require(place.at + count <= Self.values.count)
    return Array(Self.values[place.at..<place.at + count])
  }

  func tensor(_ key: String, _ samples: Samples) throws -> Tensor {
    var values = try values(key).makeIterator()
    return samples.tensor(Shape(try #require(tensors[key]).shape)) { values.next() ?? .nan }
  }

  private func epilogue(_ samples: Samples) throws -> Epilogue {
    func optional(_ key: String) throws -> Tensor? { tensors[key] == nil ? nil : try tensor(key, samples) }
    return Epilogue(
      bias: try optional("bias"), perChannel: try optional("perChannel"),
      activation: activation.flatMap(Activation.init), residual: try optional("residual"))
  }

  private func weight(_ samples: Samples) throws -> StoredTensor {
    let types: [String: StorageType] = ["float16": .float16, "bfloat16": .bfloat16, "float32": .float32]
    let type = try #require(types[type ?? ""])
    return samples.stored(try values("weight"), try #require(tensors["weight"]).shape, type)
  }

  /// What `backend` computes for it.
  func run(on backend: any Backend) throws -> [Float] {
    let samples = Samples()
    defer { withExtendedLifetime(samples) {} }
    let expected = try #require(tensors["expected"])
    let out = samples.tensor(Shape(expected.shape)) { .nan }
    func input(_ key: String) throws -> Tensor { try tensor(key, samples) }
    switch op {
    case "conv2d":
      let convolution = Convolution(
        out: try #require(self.out), kernel: try #require(kernel), stride: try #require(stride),
        padBefore: try #require(padBefore), padAfter: try #require(padAfter))
      let prepared = try backend.prepare(try weight(samples), for: .conv2d(convolution), WeightUse())
      try backend.convolve(try input("x"), convolution, prepared, try epilogue(samples), into: out)
    case "linear":
      let prepared = try backend.prepare(
        try weight(samples), for: .linear(out: out.shape.channels, bias: tensors["bias"] != nil), WeightUse())
      try backend.linear(try input("x"), prepared, try epilogue(samples), into: out)
    case "attention":
      try backend.attention(
        q: try input("q"), k: try input("k"), v: try input("v"), heads: try #require(heads),
        isCausal: try #require(causal as Bool?), into: out)
    case "group_norm":
      try backend.groupNorm(
        try input("x"), gamma: try input("gamma"), beta: try input("beta"), groups: try #require(groups),
        epsilon: Float(try #require(epsilon)), activation: activation.flatMap(Activation.init), into: out)
    case "layer_norm":
      try backend.layerNorm(
        try input("x"), gamma: try input("gamma"), beta: try input("beta"),
        epsilon: Float(try #require(epsilon)),
        into: out)
    case "activation":
      try backend.activate(try input("x"), try #require(activation.flatMap(Activation.init)), into: out)
    case "geglu": try backend.gatedGELU(try input("x"), into: out)
    case "upsample": try backend.upsample(try input("x"), into: out)
    default: Issue.record("a golden of an unknown op, \(op)")
    }
    return Array(out.buffer)
  }
}

@Suite("ReferenceBackend")
struct ReferenceBackendTests {
  @Test("has goldens of eight ops")
  func goldens() { #expect(Set(KernelGolden.all.map(\.op)).count == 8) }

  /// Both take sums in double precision and round once; measured: the same numbers, but for 2e-17 of one GELU.
  @Test("computes what torch computes in double precision", arguments: KernelGolden.all)
  func agreesWithTorch(_ golden: KernelGolden) throws {
    let found = try golden.run(on: ReferenceBackend(pool: ThreadPool(threads: 1)))
    #expect(distance(found, try golden.values("expected")) <= 6e-8)
  }

  /// float32 throughout. Measured: 5.7e-7 for the norm far from zero, whose mean is rounded, 2.7e-7 for the others.
  @Test("and so does the OpenBLAS backend, to float32's precision", arguments: KernelGolden.all)
  func openBLASAgreesWithTorch(_ golden: KernelGolden) throws {
    let found = try golden.run(on: try OpenBLASBackend(pool: ThreadPool(threads: 2)))
    #expect(distance(found, try golden.values("expected")) <= (golden.name.contains("far") ? 2e-6 : 8e-7))
  }

  @Test("adds, joins and repeats as written down by hand")
  func byHand() throws {
    let (backend, samples) = (ReferenceBackend(pool: ThreadPool(threads: 1)), Samples())
    defer { withExtendedLifetime(samples) {} }
    func tensor(_ shape: Shape, _ values: [Float]) -> Tensor {
      var values = values.makeIterator()
      return samples.tensor(shape) { values.next() ?? .nan }
    }
    func result(_ shape: Shape, _ compute: (Tensor) throws -> Void) throws -> [Float] {
      let out = samples.tensor(shape) { .nan }
      try compute(out)
      return Array(out.buffer)
    }
    let (a, b) = (tensor([2, 1, 1, 2], [1, 2, 3, 4]), tensor([2, 1, 1, 2], [10, 20, 30, 40]))
    #expect(try result([2, 1, 1, 2]) { try backend.add(a, b, into: $0) } == [11, 22, 33, 44])
    #expect(
      try result([2, 1, 1, 4]) { try backend.concatenate(a, b, into: $0) } == [1, 2, 10, 20, 3, 4, 30, 40])
    let pixels = tensor([2, 1, 2, 1], [1, 2, 3, 4])
    #expect(
      try result([2, 1, 2, 1]) { try backend.addPerChannel(pixels, tensor([2, 1], [10, 20]), into: $0) } == [
        11, 12, 23, 24,
      ])
    #expect(
      try result([2, 2, 4, 1]) { try backend.upsample(pixels, into: $0) }
        == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4])
  }
}
