import Base
import CKernels
import Checkpoints
import EmbeddedModel
import Foundation
import Graph
import Models

/// A published architecture with random weights: a pipeline folder of fp16 files that is nowhere but in memory.
///
/// The files are anonymous memory of the system's, mapped like files on disk that are in its cache, so that loading and
/// letting go of pages are what they are for a checkpoint. Weights keep the variance of what they are multiplied with,
/// so that activations stay finite. The tokenizers are the embedded model's: any prompt has 77 tokens.
struct RandomModel: ModelFiles {
  let name: String
  private let files: [String: MappedBytes]

  /// Draws the weights of a built-in architecture; the same seed gives the same bits.
  init(architecture name: String, seed: UInt64) throws {
    self.name = "random \(name)"
    let architecture = try Architecture(named: name)
    let embedded = EmbeddedModel()
    var files: [String: MappedBytes] = [:]
    for folder in ["", "tokenizer", "tokenizer_2"] {
      for file in embedded.list(folder) where file != "start_values.json" {
        let path = folder.isEmpty ? file : "\(folder)/\(file)"
        files[path] = try embedded.bytes(path)
      }
    }
    let scheduler = "scheduler/scheduler_config.json"
    files[scheduler] = try embedded.bytes(scheduler)
    for component in Architecture.Component.allCases {
      let config = Architecture.publishedConfig(component, of: name) ?? ""
      files["\(component.rawValue)/config.json"] = try MemoryFile(Array(config.utf8)).bytes()
      let stem = component == .unet || component == .vae ? "diffusion_pytorch_model" : "model"
      let graph = try architecture.graph(component, width: 64, height: 64, batch: 1)
      files["\(component.rawValue)/\(stem).fp16.safetensors"] = try Self.weights(graph.tensors, seed: seed)
    }
    self.files = files
  }

  func list(_ folder: String) -> [String] {
    files.keys.compactMap { path in
      let parts = path.split(separator: "/")
      return parts.dropLast().joined(separator: "/") == folder ? parts.last.map(String.init) : nil
    }.sorted()
  }

  func bytes(_ path: String) throws -> MappedBytes {
    guard let bytes = files[path] else { throw Diagnostic(.model, at: place(path), "no such file") }
    return bytes
  }

  private static func weights(_ tensors: [(key: String, shape: Shape)], seed: UInt64) throws -> MappedBytes {
    var fields: [String: JSONValue] = [:]
    var end = 0
    for (key, shape) in tensors {
      let start = end
      end += shape.count * 2
      fields[key] = [
        "dtype": "F16", "shape": .array(shape.extents.map(JSONValue.integer)),
        "data_offsets": [.integer(start), .integer(end)],
      ]
    }
    var header = Array(JSONValue.object(fields).text().utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    let prefix = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
    let file = try MemoryFile(prefix, bytes: prefix.count + end)
    try file.write { memory in
      var next = (memory + prefix.count).assumingMemoryBound(to: UInt16.self)
      for (index, (key, shape)) in tensors.enumerated() {
        fill(next, shape, isScale: key.hasSuffix("weight"), seed: seed &* 1_000_003 &+ UInt64(index))
        next += shape.count
      }
    }
    return try file.bytes()
  }

  /// Uniform numbers of a variance that keeps that of the layer's input, 0 for biases and 1 for norms' scales.
  private static func fill(_ out: UnsafeMutablePointer<UInt16>, _ shape: Shape, isScale: Bool, seed: UInt64) {
    let one: UInt16 = 0x3c00
    guard shape.rank > 1 else {
      out.update(repeating: isScale ? one : 0, count: shape.count)
      return
    }
    let fanIn = shape.extents.dropFirst().reduce(1, *)
    let reach = Float((3 / Double(fanIn)).squareRoot())
    // 4096 values, picked by 12 bits of a generator at a time (Marsaglia 2003, xorshift).
    let values = (0..<4096).map { halfBits((Float($0) + 0.5) / 2048 * reach - reach) }
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    values.withUnsafeBufferPointer { values in
      var index = 0
      while index < shape.count {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        var bits = state
        for _ in 0..<min(5, shape.count - index) {
          out[index] = values[Int(bits & 4095)]
          bits >>= 12
          index += 1
        }
      }
    }
  }

  /// float16 of a number below 1 in magnitude, towards zero.
  private static func halfBits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let exponent = Int(bits >> 23 & 0xff) - 112
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    return exponent <= 0
      ? sign : sign | UInt16(exponent << 10) | UInt16(truncatingIfNeeded: bits >> 13 & 0x3ff)
  }
}

/// A file in memory alone.
private final class MemoryFile {
  private let descriptor: Int32
  private let count: Int

  init(_ start: [UInt8], bytes: Int? = nil) throws {
    count = bytes ?? start.count
    descriptor = ck_memory_file("ssd1b-bench")
    guard descriptor >= 0, ftruncate(descriptor, count) == 0,
      pwrite(descriptor, start, start.count, 0) == start.count
    else {
      throw Diagnostic(
        .file, "the system gives no \(count) bytes of memory: \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  func write(_ body: (UnsafeMutableRawPointer) -> Void) throws {
    guard let memory = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      memory != MAP_FAILED
    else {
      throw Diagnostic(.file, "cannot map \(count) bytes: \(String(cString: strerror(errno)))")
    }
    body(memory)
    munmap(memory, count)
  }

  /// Mapped for reading; the memory lives as long as the mapping.
  func bytes() throws -> MappedBytes { try MappedBytes(file: "/proc/self/fd/\(descriptor)") }
}
