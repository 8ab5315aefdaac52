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

    @Test("SIGINT raises the flag, which C code sees through the pointer, and asks for 130")
    func interrupt() {
      Self.installed {
        #expect(
          !InterruptFlag.isRaised && InterruptFlag.pointer.pointee == 0 && InterruptFlag.exitCode == nil)
        kill(getpid(), SIGINT)
        #expect(Self.eventually { InterruptFlag.isRaised })
        #expect(InterruptFlag.pointer.pointee != 0)
        #expect(!InterruptFlag.isTerminated)
        #expect(InterruptFlag.exitCode == 130)
        InterruptFlag.clear()
        #expect(
          !InterruptFlag.isRaised && InterruptFlag.pointer.pointee == 0 && InterruptFlag.exitCode == nil)
      }
    }

    @Test("SIGTERM raises it too, asks for 143, and is not forgotten before the next run")
    func terminate() {
      Self.installed {
        kill(getpid(), SIGTERM)
        #expect(Self.eventually { InterruptFlag.isTerminated && InterruptFlag.isRaised })
        InterruptFlag.clear()
        #expect(InterruptFlag.isTerminated && InterruptFlag.isRaised && InterruptFlag.exitCode == 143)
        InterruptFlag.clear(includingTermination: true)
        #expect(!InterruptFlag.isTerminated && !InterruptFlag.isRaised)
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
    func raising() {
      InterruptFlag.raise()
      #expect(InterruptFlag.isRaised && !InterruptFlag.isTerminated)
      InterruptFlag.clear()
      #expect(!InterruptFlag.isRaised)
    }

    @Test("lines of a pipe come whole, one by one, and the last needs no newline")
    func lines() throws {
      let pipe = Pipe()
      var lines = InputLines(descriptor: pipe.fileHandleForReading.fileDescriptor)
      try pipe.fileHandleForWriting.write(contentsOf: Data("one\n\ntwo 狐\nthr".utf8))
      #expect(lines.next() == "one")
      #expect(lines.next() == "")
      #expect(lines.next() == "two 狐")
      try pipe.fileHandleForWriting.write(contentsOf: Data("ee\nlast \u{0}".utf8) + [0xFF])
      try pipe.fileHandleForWriting.close()
      #expect(lines.next() == "three")
      #expect(lines.next() == "last \u{0}\u{FFFD}")
      #expect(lines.next() == nil)
      #expect(lines.next() == nil)
    }

    @Test("a reader that waits for a line is woken by an interruption")
    func woken() {
      let pipe = Pipe()
      Self.installed {
        Thread.detachNewThread {
          usleep(50_000)
          kill(getpid(), SIGINT)
        }
        var lines = InputLines(descriptor: pipe.fileHandleForReading.fileDescriptor)
        #expect(lines.next() == nil)
        #expect(InterruptFlag.isRaised)
      }
      withExtendedLifetime(pipe) {}
    }
  }
}
