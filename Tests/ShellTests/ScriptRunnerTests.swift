import Base
import Foundation
import Shell
import Testing

@Suite("ScriptRunner")
struct ScriptRunnerTests {
  /// Runs scripts by name and notes what a person would see.
  private final class Stage {
    let session = SampleSession()
    var seen: [String] = []
    var reported: [Bool] = []
    var records: [JSONValue] = []
    var scripts: [String: String] = [:]
    var chain = SourceChain()
    var keepsGoing = false
    var allowsAbbreviation = false

    func run(_ name: String) -> ScriptOutcome {
      let runner = ScriptRunner(
        SampleTable.table, keepsGoing: keepsGoing, allowsAbbreviation: allowsAbbreviation,
        output: { [self] _, invocation, output in
          seen.append(output.text)
          records.append(
            Record.success(seq: records.count + 1, command: invocation.command, result: output.result))
        },
        failure: { [self] failure in
          if !failure.isReported { seen.append(ErrorText.render(failure.error)) }
          reported.append(failure.isReported)
          records.append(
            Record.failure(
              seq: records.count + 1, command: failure.command, diagnostic: failure.error.diagnostic,
              location: failure.error.location))
        })
      let script = Data((scripts[name] ?? "").utf8)
      return runner.run(
        ScriptReader(
          source: name, grammar: SampleTable.table.grammar(allowAbbreviation: allowsAbbreviation),
          data: script),
        in: session)
    }

    /// Makes `source` run the stage's scripts.
    func nest() {
      session.onSource = { [self] name in
        let outer = chain
        chain = try chain.entering(name)
        defer { chain = outer }
        let outcome = run(name)
        try outcome.throwIfFailed()
        return CommandOutput("\(name) ran \(outcome.succeeded)", endsSession: outcome.endsSession)
      }
    }
  }

  @Test("A script stops at its first error, which names its line")
  func stops() {
    let stage = Stage()
    stage.scripts["a"] = "seed 1\n\nsede 2\nseed 3"
    let outcome = stage.run("a")
    #expect(stage.seen == ["seed 1", "a:3: error: unknown command \"sede\"\nhint: did you mean seed?"])
    #expect(outcome.succeeded == 1)
    #expect(outcome.failures.map(\.location.line) == [3])
    #expect(!outcome.endsSession)
  }

  @Test("With keepsGoing it runs to its end and remembers every failure and the worst")
  func keepsGoing() {
    let stage = Stage()
    stage.keepsGoing = true
    stage.scripts["a"] = "nope\nfail\nseed 1\nsave\nseed 2"
    stage.session.onFail = { throw Diagnostic(.model, at: "unet", "is cut off") }
    let outcome = stage.run("a")
    #expect(
      stage.seen == [
        "a:1: error: unknown command \"nope\"\nhint: help lists the commands", "a:2: error: unet: is cut off",
        "seed 1", "a:4: error: save: expected FILE, found nothing\nhint: usage: save FILE", "seed 2",
      ])
    #expect(outcome.failures.map(\.diagnostic.kind) == [.usage, .model, .usage])
    #expect(outcome.worst?.location.line == 2)
    #expect(outcome.succeeded == 2)
  }

  @Test("The worst of failures is the gravest, and the first of these")
  func worst() {
    let stage = Stage()
    stage.keepsGoing = true
    var kinds: [Diagnostic.Kind] = [.value, .file, .numeric, .file, .numeric]
    stage.session.onFail = { throw Diagnostic(kinds.removeFirst(), "x") }
    stage.scripts["a"] = "fail\nfail\nfail\nfail\nfail\nzzz"
    #expect(stage.run("a").worst?.location.line == 3)
    #expect(ScriptOutcome().worst == nil)
    var sum = ScriptOutcome()
    stage.scripts = ["b": "seed 1\nzzz", "c": "quit"]
    sum.append(stage.run("b"))
    sum.append(stage.run("c"))
    #expect(sum.succeeded == 2 && sum.endsSession && sum.worst?.location == Location(source: "b", line: 2))
    #expect(throws: Never.self) { try ScriptOutcome().throwIfFailed() }
  }

  @Test("A stop by the user ends a script that keeps going")
  func interrupted() {
    let stage = Stage()
    stage.keepsGoing = true
    stage.scripts["a"] = "fail\nseed 1"
    stage.session.onFail = { throw CancellationError() }
    #expect(stage.run("a").worst?.diagnostic == Diagnostic(.interrupted, "interrupted"))
    #expect(stage.session.ran.isEmpty)
  }

  @Test("An error of another type is reported like the others")
  func foreignError() {
    struct Odd: Error, CustomStringConvertible { let description = "odd" }
    let stage = Stage()
    stage.scripts["a"] = "fail"
    stage.session.onFail = { throw Odd() }
    #expect(
      stage.run("a").failures == [
        LocatedDiagnostic(Diagnostic(.file, "odd"), at: .init(source: "a", line: 1))
      ])
  }

  @Test("A command can end the session")
  func quits() {
    let stage = Stage()
    stage.scripts["a"] = "seed 1\nq\nseed 2"
    let outcome = stage.run("a")
    #expect(outcome.endsSession)
    #expect(outcome.succeeded == 2)
    #expect(stage.session.ran == ["seed 1"])
  }

  @Test("Abbreviations run where they are allowed only")
  func abbreviation() {
    let stage = Stage()
    stage.scripts["a"] = "pro it's \"\"\" raw\nlay"
    stage.allowsAbbreviation = true
    #expect(stage.run("a").succeeded == 2)
    #expect(stage.session.ran == ["prompt it's \"\"\" raw", "layers"])
    stage.allowsAbbreviation = false
    #expect(stage.run("a").succeeded == 0)
  }

  @Test("A line that cannot be read is an error after the statements before it")
  func unreadable() {
    let stage = Stage()
    stage.scripts["a"] = "seed 1\nseed \0\nseed 3"
    #expect(stage.run("a").failures.map(\.location.line) == [2])
    #expect(stage.session.ran == ["seed 1"])
    stage.keepsGoing = true
    #expect(stage.run("a").succeeded == 2)
  }

  @Test("A script runs others, and an error inside is reported once and stops them all")
  func nested() {
    let stage = Stage()
    stage.nest()
    stage.scripts = [
      "a": "seed 1\nsource b\nseed 9", "b": "seed 2\nsource c\nseed 8", "c": "seed 3\nnope\nseed 7",
    ]
    let outcome = stage.run("a")
    #expect(
      stage.seen == [
        "seed 1", "seed 2", "seed 3", "c:2: error: unknown command \"nope\"\nhint: help lists the commands",
      ])
    #expect(stage.reported == [false, true, true])
    #expect(outcome.failures.map(\.description) == ["c:2: unknown command \"nope\""])
    let commands = stage.records.map { record -> JSONValue in
      guard case .object(let fields) = record else { return .null }
      return fields["command"] ?? .null
    }
    #expect(commands == ["seed", "seed", "seed", .null, "source", "source"])
  }

  @Test("The end of the session inside a script ends those around it, after failures too")
  func nestedQuit() {
    let stage = Stage()
    stage.nest()
    stage.keepsGoing = true
    stage.scripts = ["a": "source b\nseed 9", "b": "nope\nquit\nseed 8"]
    let outcome = stage.run("a")
    #expect(outcome.endsSession)
    #expect(outcome.failures.count == 1)
    #expect(stage.session.ran.isEmpty)
  }

  @Test("A script that runs itself is an error that names the chain")
  func cycle() {
    let stage = Stage()
    stage.nest()
    stage.scripts = ["a": "source b", "b": "source ./c", "c": "", "./c": "source x/../b"]
    #expect(
      stage.run("a").failures.map(\.description) == [
        "./c:1: source: x/../b is running already: b → ./c → x/../b"
      ])
  }
}

@Suite("SourceChain")
struct SourceChainTests {
  @Test("Sixteen scripts may run inside each other, a seventeenth not")
  func depth() throws {
    var chain = SourceChain()
    for index in 1...16 { chain = try chain.entering("\(index)") }
    #expect(chain.paths.count == SourceChain.maximumDepth)
    let error = #expect(throws: Diagnostic.self) { try chain.entering("17") }
    #expect(
      error?.description
        == "source: more than 16 scripts inside each other: "
        + (1...17).map(String.init).joined(separator: " → "))
    #expect(error?.hint == "let one script run the others in turn")
  }

  @Test("A link to a script that runs is the same script")
  func links() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("chain-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a").path
    let link = folder.appendingPathComponent("b").path
    try Data().write(to: URL(fileURLWithPath: file))
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
    let chain = try SourceChain().entering(file)
    #expect(
      throws: Diagnostic(
        .usage, at: "source", "\(link) is running already: \(file) → \(link)",
        hint: "a script cannot run itself")
    ) { try chain.entering(link) }
    #expect(throws: Never.self) { try SourceChain().entering(link) }
  }
}
