import CKernels

/// The program's worker threads, all of them: matrix products, norms and copies share the one pool.
public final class ThreadPool: @unchecked Sendable {
  private let pool: OpaquePointer
  /// Threads that compute, the calling one included.
  public let threads: Int

  /// - Parameters:
  ///   - threads: how many compute; at least 1.
  ///   - cancelFlag: when it is not 0, tasks that have not begun are passed over. It must outlive the pool.
  public init(threads: Int, cancelFlag: UnsafePointer<Int32>? = nil) {
    self.threads = max(1, threads)
    pool = ck_pool_create(Int32(self.threads), cancelFlag)
  }

  deinit { ck_pool_destroy(pool) }

  /// The processors that this process may run on.
  public static var processors: Int { Int(ck_processor_count()) }

  /// Whether the cancel flag is raised.
  public var isCancelled: Bool { ck_pool_is_cancelled(pool) != 0 }

  /// Calls `body(task)` once for each task in 0..<count, on all threads, and returns when all are done or passed over.
  ///
  /// Not reentrant: `body` must not call this again, and only one thread may be calling.
  public func run(_ count: Int, _ body: @Sendable (_ task: Int) -> Void) {
    run(count) { task, _ in body(task) }
  }

  /// The same, also telling `body` which thread it runs on, from 0 up to `threads`.
  public func run(_ count: Int, _ body: @Sendable (_ task: Int, _ thread: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var box = body
      withUnsafeMutablePointer(to: &box) { context in
        ck_pool_run(pool, Int32(count), context) { context, task, thread in
          context!.assumingMemoryBound(to: (@Sendable (Int, Int) -> Void).self).pointee(
            Int(task), Int(thread))
        }
      }
    }
  }

  /// The results of `body(task)` for each task in 0..<count, in order; those of tasks that were passed over are left out.
  public func map<Result: Sendable>(_ count: Int, _ body: @Sendable (_ task: Int) -> Result) -> [Result] {
    withUnsafeTemporaryAllocation(of: Result?.self, capacity: max(1, count)) { places in
      places.initialize(repeating: nil)
      defer { places.deinitialize() }
      // Each task writes a place of its own.
      nonisolated(unsafe) let results = places
      run(count) { task in results[task] = body(task) }
      return places.prefix(count).compactMap { $0 }
    }
  }

  /// At least `bytes` of memory that belong to `thread` until it asks again, aligned to 64 bytes. Grows and stays.
  ///
  /// Without a thread it belongs to the caller of `run`, for what the tasks share.
  public func scratch(_ bytes: Int, thread: Int? = nil) -> UnsafeMutableRawPointer {
    guard let memory = ck_pool_scratch(pool, thread.map(Int32.init) ?? -1, bytes) else {
      preconditionFailure("out of memory for \(bytes) bytes of scratch")
    }
    return memory
  }
}
