import Base
import Foundation
import Terminal
import Testing

extension SignalTests {
  @Suite struct InterruptFlagTests {
    /// Whether `condition` comes true within ten seconds: another thread may be the one that runs a handler.
    static func eventually(_ condition: () -> Bool) -> Bool {
      for _ in 0..<10_000 where !condition() { usleep(1000) }
      return condition()
    }

    static func handler(_ signal: Int32) -> UInt {
      var action = sigaction()
      sigaction(signal, nil, &action)
      return unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
    }

    /// Runs `body` with the flags down and the handlers in place, and puts everything back.
    static func installed(_ body: () throws -> Void) rethrows {
      InterruptFlag.install()
      defer {
        InterruptFlag.restore()
        InterruptFlag.clear(includingTermination: true)
      }
      InterruptFlag.clear(includingTermination: true)
      try body()
    }

    // The flag is the whole process's: tests that raise it have a process of their own.

    @Test("SIGINT raises the flag, which C code sees through the pointer, and asks for 130")
    func interrupt() async {
      await #expect(processExitsWith: .success) {
        Self.installed {
          #expect(
            !InterruptFlag.isRaised && InterruptFlag.pointer.pointee == 0 && InterruptFlag.exitCode == nil)
          kill(getpid(), SIGINT)
          #expect(Self.eventually { InterruptFlag.isRaised })
          #expect(InterruptFlag.pointer.pointee != 0 && InterruptFlag.count == 1)
          #expect(!InterruptFlag.isTerminated)
          #expect(InterruptFlag.exitCode == 130)
          #expect(throws: Diagnostic(.interrupted, "interrupted")) { try InterruptFlag.check() }
          InterruptFlag.clear()
          #expect(
            !InterruptFlag.isRaised && InterruptFlag.pointer.pointee == 0 && InterruptFlag.exitCode == nil)
        }
      }
    }

    @Test(
      "What asks the process to end raises it too, asks for its code, and is not forgotten before the next run"
    )
    func terminate() async {
      await #expect(processExitsWith: .success) {
        for signal in [SIGTERM, SIGHUP, SIGQUIT] {
          Self.installed {
            kill(getpid(), signal)
            #expect(Self.eventually { InterruptFlag.isTerminated && InterruptFlag.isRaised })
            InterruptFlag.clear()
            #expect(
              InterruptFlag.isTerminated && InterruptFlag.isRaised && InterruptFlag.exitCode == 128 + signal)
            InterruptFlag.clear(includingTermination: true)
            #expect(!InterruptFlag.isTerminated && !InterruptFlag.isRaised)
          }
        }
      }
    }

    @Test("A second SIGTERM ends the process within a second, though nothing looks at the flag")
    func secondTermination() async {
      await #expect(processExitsWith: .exitCode(143)) {
        InterruptFlag.install()
        kill(getpid(), SIGTERM)
        usleep(100_000)
        kill(getpid(), SIGTERM)
        sleep(1)
        exit(1)
      }
    }

    @Test("A dropped connection sends SIGHUP twice, which ends nothing by itself")
    func secondHangup() async {
      await #expect(processExitsWith: .exitCode(7)) {
        InterruptFlag.install()
        kill(getpid(), SIGHUP)
        usleep(10_000)
        kill(getpid(), SIGHUP)
        usleep(900_000)
        exit(7)
      }
    }

    @Test("Writing to a pipe that nobody reads, or past the limit on files, is an error and no signal's end")
    func ignoredSignals() async {
      await #expect(processExitsWith: .success) {
        InterruptFlag.install()
        kill(getpid(), SIGXFSZ)
        kill(getpid(), SIGPIPE)
      }
    }

    @Test("the handlers found are put back, however often they were installed")
    func restore() {
      let before = [SIGINT, SIGTERM].map(Self.handler)
      InterruptFlag.install()
      InterruptFlag.install()
      #expect([SIGINT, SIGTERM].map(Self.handler) != before)
      InterruptFlag.restore()
      #expect([SIGINT, SIGTERM].map(Self.handler) == before)
      InterruptFlag.restore()
      #expect([SIGINT, SIGTERM].map(Self.handler) == before)
    }

    @Test("a signal that the process ignores stays ignored")
    func ignored() {
      var previous = sigaction()
      var ignore = sigaction()
      ignore.__sigaction_handler.sa_handler = SIG_IGN
      sigaction(SIGINT, &ignore, &previous)
      defer { sigaction(SIGINT, &previous, nil) }
      Self.installed {
        kill(getpid(), SIGINT)
        usleep(20_000)
        #expect(!InterruptFlag.isRaised)
      }
    }

    @Test("the flag can be raised without a signal")
    func raising() async {
      await #expect(processExitsWith: .success) {
        InterruptFlag.raise()
        #expect(InterruptFlag.isRaised && !InterruptFlag.isTerminated)
        InterruptFlag.clear()
        #expect(!InterruptFlag.isRaised)
      }
    }

    @Test("Bytes of a pipe come as they are written")
    func bytes() throws {
      let pipe = Pipe()
      let stream = ByteStream(descriptor: pipe.fileHandleForReading.fileDescriptor)
      try pipe.fileHandleForWriting.write(contentsOf: Data("one\n".utf8))
      #expect(try stream.next() == Data("one\n".utf8))
      try pipe.fileHandleForWriting.write(contentsOf: Data([0, 0xFF]))
      try pipe.fileHandleForWriting.close()
      #expect(try stream.next() == Data([0, 0xFF]))
      #expect(try stream.next().isEmpty)
      #expect(try stream.next().isEmpty)
    }

    @Test("A reader that waits is woken by an interruption")
    func woken() async {
      await #expect(processExitsWith: .success) {
        let pipe = Pipe()
        Self.installed {
          Thread.detachNewThread {
            usleep(50_000)
            kill(getpid(), SIGINT)
          }
          let stream = ByteStream(descriptor: pipe.fileHandleForReading.fileDescriptor)
          #expect(throws: Diagnostic(.interrupted, "interrupted")) { try stream.next() }
        }
        withExtendedLifetime(pipe) {}
      }
    }
  }
}
