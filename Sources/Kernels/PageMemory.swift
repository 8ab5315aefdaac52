import Base
import Foundation

/// Whole pages from the system, zero until touched, given back at once when nothing refers to them any more.
public final class PageMemory: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let bytes: Int

  /// Throws a `Diagnostic` of kind `.memory` when the system has no address space for it, or would have too little left.
  public init(bytes: Int) throws {
    self.bytes = max(4096, bytes)
    guard Memory.canTake(self.bytes),
      let memory = mmap(
        nil, self.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else { throw Memory.shortage(at: "memory", needed: self.bytes) }
    // Fewer page faults while it is first touched; only a wish, so its result does not matter.
    madvise(memory, self.bytes, MADV_HUGEPAGE)
    base = memory
  }

  deinit { munmap(base, bytes) }

  /// Forgets the contents: the pages go back to the system and are zero when next touched.
  public func release() { madvise(base, bytes, MADV_DONTNEED) }

  /// Tells the system that pages wholly inside this part of a read-only file mapping need not stay in this process.
  ///
  /// They are read again from the file, or its cache, when next touched.
  static func release(_ mapped: UnsafeRawBufferPointer) {
    guard let base = mapped.baseAddress else { return }
    let page = Int(getpagesize())
    let first = (Int(bitPattern: base) + page - 1) / page * page
    let end = (Int(bitPattern: base) + mapped.count) / page * page
    guard end > first, let start = UnsafeMutableRawPointer(bitPattern: first) else { return }
    madvise(start, end - first, MADV_DONTNEED)
  }
}
