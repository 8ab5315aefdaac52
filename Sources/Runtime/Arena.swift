import Kernels

/// Memory for a plan's results, taken from the system as it is first touched and given back at once.
final class Arena: Sendable {
  private let memory: PageMemory

  init(bytes: Int) { memory = PageMemory(bytes: bytes) }

  /// Forgets what is in it; its pages are taken anew when touched.
  func release() { memory.release() }

  func address(_ offset: Int) -> UnsafeMutableRawPointer { memory.base + offset }
}
