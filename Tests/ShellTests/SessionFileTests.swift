import Base
import Foundation
import Shell
import Testing

@Suite struct SessionFileTests {
  private static let hash = String(repeating: "0a", count: 32)

  /// A session on disk, taken apart.
  private func file(_ text: String) throws -> SessionFile {
    let path = NSTemporaryDirectory() + "session-\(UUID().uuidString)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try SessionFile(file: path, grammar: SampleTable.table.grammar())
  }

  @Test("Commands have the evidence under them, conditions their pairs")
  func parts() throws {
    let file = try file(
      """
      #!ssd1b 1
      #: model sha256:abc precision=f32
      # a remark
      prompt a fox, # and all
      generate \\
        steps=8
      #= latents[0] sha256:\(Self.hash) mean=0.5 std=1.25 probe=1.0,-2.5e-07
      #= pixels sha256:\(Self.hash) 128x96
      #~ time 3.4 s

      """)
    #expect(file.conditions == ["model": "sha256:abc", "precision": "f32"])
    #expect(file.conditionsLocation.line == 2)
    #expect(file.entries.map(\.statement.text) == ["prompt a fox, # and all", "generate steps=8"])
    #expect(file.entries.map(\.statement.location.line) == [4, 5])
    let evidence = file.entries[1].evidence
    #expect(evidence.map(\.name) == ["latents[0]", "pixels"] && file.entries[0].evidence.isEmpty)
    #expect(evidence[0].mean == 0.5 && evidence[0].deviation == 1.25 && evidence[0].probe == [1, -2.5e-07])
    #expect(evidence[1].size == "128x96" && evidence[1].hash == Self.hash)
    #expect(file.entries[1].information == ["time 3.4 s"])
  }

  @Test("An update changes evidence lines and nothing else")
  func update() throws {
    let text = """
      #!ssd1b 1
      #: model sha256:abc
      # a remark
        prompt \"\"\"
      #= not evidence: part of a text
      \"\"\"
      #= result sha256:\(Self.hash)

      generate   steps=8
      #~ time 3 s
      # the end

      """
    let file = try file(text)
    let other = String(repeating: "1b", count: 32)
    let updated = file.updated(
      conditions: "#: model sha256:def",
      with: [
        ([Evidence("result", hash: other)], []),
        ([Evidence("latents[0]", hash: other, mean: 1, deviation: 2, probe: [3])], ["time 4 s"]),
      ])
    #expect(
      updated == """
        #!ssd1b 1
        #: model sha256:def
        # a remark
          prompt \"\"\"
        #= not evidence: part of a text
        \"\"\"
        #= result sha256:\(other)

        generate   steps=8
        #= latents[0] sha256:\(other) mean=1.0 std=2.0 probe=3.0
        #~ time 4 s
        # the end

        """)
  }

  @Test(
    "What is no session, or no evidence, is refused with its line",
    arguments: [
      ("prompt a fox\n", 1, "expected a recorded session"), ("#!ssd1b 2\nprompt a fox\n", 1, "#!ssd1b 1"),
      ("#!ssd1b 1\nprompt x\n#= latents[0]\n", 3, "evidence"),
      ("#!ssd1b 1\nprompt x\n#= latents[0] sha256:12\n", 3, "64 hexadecimal digits"),
      ("#!ssd1b 1\nprompt x\n#= latents[0] sha256:\(hash) probe=1,x\n", 3, "numbers parted by commas"),
      ("#!ssd1b 1\nprompt x\n#= latents[0] sha256:\(hash) colour=red\n", 3, "colour=red"),
    ])
  func refused(text: String, line: Int, message: String) throws {
    let error = #expect(throws: LocatedDiagnostic.self) { try file(text) }
    #expect(error?.location.line == line)
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test("A line says the same when it is read back, to the last bit")
  func lines() throws {
    let values: [Float] = (0..<100).map { Float($0).squareRoot() * ($0.isMultiple(of: 3) ? -1e-9 : 1e9) }
    let evidence = Evidence("latents[3]", values: values)
    #expect(try Evidence(parsing: evidence.line) == evidence)
    #expect(
      evidence.probe.count == 8 && evidence.probe.first == values[6] && evidence.probe.last == values[93])
  }

  @Test("Verdicts: the same bits, within, too far, and what has no size")
  func verdicts() {
    let values: [Float] = [1, 2, 3, 4]
    func evidence(_ values: [Float]) -> Evidence { Evidence("latents[0]", values: values, probes: 4) }
    let recorded = evidence(values)
    #expect(recorded.verdict(against: recorded, tolerance: 0) == .identical)
    #expect(evidence([1, 2, 3.25, 4]).verdict(against: recorded, tolerance: 0.25) == .within(0.25))
    #expect(evidence([1, 2, 3.5, 4]).verdict(against: recorded, tolerance: 0.25) == .differs(0.5))
    #expect(evidence([1, 2, .nan, 4]).verdict(against: recorded, tolerance: 0.25) == .differs(nil))
    let (a, b) = (Evidence("result", json: ["a": 1]), Evidence("result", json: ["a": 2]))
    #expect(a.verdict(against: b, tolerance: 1) == .differs(nil))
  }
}
