import Base
import CKernels
import Synchronization

/// The program's worker threads, all of them: matrix products, norms and copies share the one pool.
///
/// A cancelled run throws, so that its result can never be mistaken for a complete one.
public final class ThreadPool: @unchecked Sendable {
  private let pool: OpaquePointer
  /// Threads that compute, the calling one included.
  public let threads: Int

  /// - Parameters:
  ///   - threads: how many compute; at least 1.
  ///   - cancelFlag: when it is not 0, tasks that have not begun are passed over. It must outlive the pool.
  public init(threads: Int, cancelFlag: UnsafePointer<Int32>? = nil) {
    self.threads = max(1, threads)
    pool = ck_pool_create(Int32(self.threads), cancelFlag) { bytes in Memory.canTake(Int(bytes)) ? 1 : 0 }
  }

  deinit { ck_pool_destroy(pool) }

  /// The processors that this process may run on.
  public static var processors: Int { Int(ck_processor_count()) }

  /// Whether the cancel flag is raised.
  public var isCancelled: Bool { ck_pool_is_cancelled(pool) != 0 }

  /// Throws when the cancel flag is raised.
  public func checkCancelled() throws {
    if isCancelled { throw InterruptFlag.takeReason() }
  }

  /// Calls `body(task)` once for each task in 0..<count, on all threads, and returns when all are done.
  ///
  /// Throws the first error a task throws, and a `Diagnostic` when the cancel flag was raised before all had begun; in
  /// either case some were passed over. Not reentrant: `body` must not call this again, and only one thread may be calling.
  public func run(_ count: Int, _ body: @Sendable (_ task: Int) throws -> Void) throws {
    try run(count) { task, _ in try body(task) }
  }

  /// The same, also telling `body` which thread it runs on, from 0 up to `threads`.
  public func run(_ count: Int, _ body: @Sendable (_ task: Int, _ thread: Int) throws -> Void) throws {
    try withoutActuallyEscaping(body) { body in
      let run = Run(body: body, pool: pool)
      let context = Unmanaged.passUnretained(run).toOpaque()
      let isWhole = ck_pool_run(pool, Int32(count), context) { context, task, thread in
        Unmanaged<Run>.fromOpaque(context!).takeUnretainedValue().perform(Int(task), Int(thread))
      }
      if let error = run.error.withLock({ $0 }) { throw error }
      if isWhole == 0 { throw InterruptFlag.takeReason() }
    }
  }

  /// One run's tasks, and the first error that one of them threw.
  private final class Run: @unchecked Sendable {
    let body: @Sendable (Int, Int) throws -> Void
    let pool: OpaquePointer
    let error = Mutex<(any Error)?>(nil)

    init(body: @escaping @Sendable (Int, Int) throws -> Void, pool: OpaquePointer) {
      (self.body, self.pool) = (body, pool)
    }

    func perform(_ task: Int, _ thread: Int) {
      do {
        try body(task, thread)
      } catch {
        // Prefer any other error to an interruption, which that error may have caused.
        self.error.withLock { first in
          if first == nil || (first as? Diagnostic)?.kind == .interrupted { first = error }
        }
        ck_pool_stop(pool)
      }
    }
  }

  /// The results of `body(task)` for each task in 0..<count, in order. Throws as `run` does.
  public func map<Result: Sendable>(_ count: Int, _ body: @Sendable (_ task: Int) throws -> Result) throws
    -> [Result]
  {
    try withUnsafeTemporaryAllocation(of: Result?.self, capacity: max(1, count)) { places in
      places.initialize(repeating: nil)
      defer { places.deinitialize() }
      // Each task writes a place of its own.
      nonisolated(unsafe) let results = places
      try run(count) { task in results[task] = try body(task) }
      return places.prefix(count).compactMap { $0 }
    }
  }

  /// At least `bytes` of memory that belong to `thread` until it asks again, aligned to 64 bytes. Grows and stays.
  ///
  /// Without a thread it belongs to the caller of `run`, for what the tasks share. Throws when memory is out.
  public func scratch(_ bytes: Int, thread: Int? = nil) throws -> UnsafeMutableRawPointer {
    guard let memory = ck_pool_scratch(pool, thread.map(Int32.init) ?? -1, bytes) else {
      throw Memory.shortage(at: "workspace", needed: bytes)
    }
    return memory
  }
}
