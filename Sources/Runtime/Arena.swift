import Foundation

/// Memory for a plan's results, taken from the system as it is first touched and given back at once.
final class Arena: @unchecked Sendable {
  let floats: UnsafeMutablePointer<Float>
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int

  init(count: Int) {
    bytes = max(4096, count * MemoryLayout<Float>.size)
    guard
      let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else { preconditionFailure("the system gives no \(bytes) bytes of address space") }
    // Fewer page faults while the first run touches it; only a wish, so its result does not matter.
    madvise(memory, bytes, MADV_HUGEPAGE)
    self.memory = memory
    floats = memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.size)
  }

  deinit { munmap(memory, bytes) }
}
