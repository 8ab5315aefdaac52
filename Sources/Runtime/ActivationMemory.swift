import Kernels

/// Memory for the results of one run at a time, shared by executors that take turns: as large as the largest of them needs.
///
/// It stays between runs, so that it is touched for the first time only once.
public final class ActivationMemory {
  private var pages: PageMemory?

  public init() {}

  public var bytes: Int { pages?.bytes ?? 0 }
  var base: UnsafeMutableRawPointer {
    guard let pages else { preconditionFailure("memory that no run has reserved") }
    return pages.base
  }

  /// Makes room for a run; what an earlier one left may be lost. Throws a `Diagnostic` when there is not enough memory.
  func reserve(_ bytes: Int) throws {
    guard pages == nil || bytes > self.bytes else { return }
    // The old pages go first: both at once might be too much.
    pages = nil
    pages = try PageMemory(bytes: bytes)
  }

  /// Forgets what is in it and gives its pages back to the system until they are touched again.
  public func release() { pages?.release() }
}
