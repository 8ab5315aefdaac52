import Foundation
import Imaging
import PseudoTerminal
import Testing

/// What limits, other programs and dropped connections do to a session: a message, and nothing lost.
@Suite struct FaultTests {
  private static let unet = "unet/diffusion_pytorch_model.fp16.safetensors"

  /// The program with its input kept open, so that something can happen between two commands.
  private final class Conversation {
    let process = Process()
    private let (input, output, errors) = (Pipe(), Pipe(), Pipe())

    init(_ arguments: [String], in folder: String, limits: String = "") throws {
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", "\(limits) exec \"$0\" \"$@\"", Program.path] + arguments
      process.currentDirectoryURL = URL(fileURLWithPath: folder)
      process.environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder, "TMPDIR": folder]
      (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
      try process.run()
    }

    /// Sends a command and waits until it is done.
    func send(_ command: String) throws {
      try input.fileHandleForWriting.write(contentsOf: Data("\(command)\necho done\n".utf8))
      var text = Data()
      while text.suffix(5) != Data("done\n".utf8) {
        let more = output.fileHandleForReading.availableData
        try #require(!more.isEmpty, "it ended: \(String(decoding: text, as: UTF8.self))")
        text += more
      }
    }

    /// Waits until a text has been printed.
    func wait(for wanted: String) throws {
      var text = ""
      while !text.contains(wanted) {
        let more = output.fileHandleForReading.availableData
        try #require(!more.isEmpty, "it ended: \(text)")
        text += String(decoding: more, as: UTF8.self)
      }
    }

    /// Closes its input; its errors and exit code.
    func end() throws -> (errors: String, code: Int32) {
      try input.fileHandleForWriting.close()
      let text = errors.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      let code =
        process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
      return (String(decoding: text, as: UTF8.self), code)
    }
  }

  // MARK: Memory

  @Test(
    "Too little address space for a run is a message that says how much it needs, and the session goes on",
    arguments: [("onednn", 350_000), ("openblas", 400_000), ("reference", 200_000)])
  func littleMemory(backend: String, kilobytes: Int) throws {
    try Program.withFolder { folder in
      let start = ContinuousClock.now
      let shell = try Conversation(
        ["--keep-going", "--backend", backend], in: folder, limits: "ulimit -v \(kilobytes);")
      try shell.send("generate steps=1 size=1024x1024 out=a.png")
      try shell.send("steps 7")
      let (errors, code) = try shell.end()
      #expect(code == 1 && errors.contains("out of memory: needs "), "\(errors)")
      #expect(errors.contains(" are available") && errors.contains("hint: "))
      #expect(ContinuousClock.now - start < .seconds(20))
      #expect(!FileManager.default.fileExists(atPath: folder + "/a.png"))
    }
  }

  // MARK: A checkpoint that changes

  @Test("A checkpoint cut off between two runs is refused, and the session goes on")
  func truncatedBetween() throws {
    try Program.withModel { model in
      let shell = try Conversation(["--keep-going", "--model", model], in: model)
      try shell.send("generate steps=1 out=a.png")
      #expect(truncate("\(model)/\(Self.unet)", 100_000) == 0)
      try shell.send("generate steps=1 seed=2 size=128x256 out=b.png")
      try shell.send("latents")
      let (errors, code) = try shell.end()
      #expect(code == 4 && errors.contains("\(Self.unet): the file changed while it was open"), "\(errors)")
      #expect(!FileManager.default.fileExists(atPath: model + "/b.png"))
    }
  }

  @Test(
    "A checkpoint cut off in the middle of a run ends the run alone, which is kept",
    arguments: ["openblas", "onednn"])
  func truncatedMeanwhile(backend: String) throws {
    try Program.withModel { model in
      let shell = try Shell(in: model, ["--model", model, "--backend", backend])
      try shell.enter("pictures off")
      try shell.begin("generate steps=900 size=512x512 out=a.png")
      try shell.terminal.expect("2/900")
      #expect(truncate("\(model)/\(Self.unet)", 100_000) == 0)
      try shell.terminal.expect("\(Self.unet): the file changed while it was open")
      try shell.terminal.expect("ssd1b> ")
      try shell.enter("latents", expecting: "sha256")
      try shell.enter("steps 7", expecting: "steps 7")
      try shell.enter("decode", expecting: "cannot be read now")
      try shell.leave()
    }
  }

  @Test(
    "A checkpoint rewritten in place, with the same size, is read again: a picture says which model made it")
  func rewritten() throws {
    try Program.withModel { model in
      let path = "\(model)/\(Self.unet)"
      let original = try Data(contentsOf: URL(fileURLWithPath: path))
      let headerBytes = 8 + Int(original.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
      let shell = try Conversation(["--model", model], in: model)
      try shell.send("generate steps=2 out=a.png")
      // The lowest bit of one value.
      var changed = original
      changed[headerBytes + 2000] ^= 1
      let handle = try #require(FileHandle(forUpdatingAtPath: path))
      try handle.write(contentsOf: changed)
      try handle.close()
      try shell.send("generate steps=2 out=b.png")
      // Nothing had to be computed again but for the model.
      let (errors, code) = try shell.end()
      #expect(code == 0, "\(errors)")
      func identity(_ name: String) throws -> String {
        let text = try #require(
          try PNG.readText(path: "\(model)/\(name)").first { $0.keyword == "ssd1b" }?.text)
        return try #require(text.firstMatch(of: /"model_sha256":"([0-9a-f]+)"/)?.1.description)
      }
      #expect(try identity("a.png") != identity("b.png"))
      // What the session said is what another process finds.
      let verified = try Program.run(["--model", model], script: "verify b.png\n", in: model)
      #expect(
        verified.code == 0 && verified.output.contains("IDENTICAL"), "\(verified.output) \(verified.errors)")
      try original.write(to: URL(fileURLWithPath: path))
      #expect(try Program.run(["--model", model], script: "verify b.png\n", in: model).code == 5)
      #expect(try Program.run(["--model", model], script: "verify a.png\n", in: model).code == 0)
    }
  }

  // MARK: Dropped connections

  @Test(
    "A dropped connection keeps the interrupted run, in a run and at the prompt", arguments: [true, false])
  func hangup(isInRun: Bool) throws {
    try Program.withFolder { folder in
      let first = try Shell(in: folder)
      try first.enter("pictures off")
      try first.begin("generate steps=6 seed=3 size=512x512 out=left.png")
      try first.terminal.expect("2/6")
      if !isInRun {
        try first.terminal.send("\u{3}")
        try first.terminal.expect("ssd1b> ")
      }
      // As a terminal that is closed sends it, and the shell before it once more.
      first.terminal.signal(SIGHUP)
      usleep(2000)
      first.terminal.signal(SIGHUP)
      #expect(try first.terminal.wait() == 129)
      let second = try Shell(in: folder)
      try second.enter("pictures off")
      try second.enter("resume", expecting: "left.png  seed 3")
      try second.leave()
      #expect(
        try Program.run(script: "generate steps=6 seed=3 size=512x512 out=whole.png\n", in: folder).code == 0)
      #expect(try PNG.read(path: folder + "/left.png").image == PNG.read(path: folder + "/whole.png").image)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/.local/state/ssd1b/runs") == [])
    }
  }

  @Test("Two sessions that each leave a run keep both, and neither takes the other's while it lives")
  func twoLeft() throws {
    try Program.withFolder { folder in
      func interrupted(_ seed: Int) throws -> Shell {
        let shell = try Shell(in: folder)
        try shell.enter("pictures off")
        try shell.begin("generate steps=90 seed=\(seed) size=512x512 out=\(seed).png")
        try shell.terminal.expect("2/90")
        try shell.terminal.send("\u{3}")
        try shell.terminal.expect("ssd1b> ")
        return shell
      }
      let (first, second) = (try interrupted(1), try interrupted(2))
      let runs = folder + "/.local/state/ssd1b/runs"
      let names = try FileManager.default.contentsOfDirectory(atPath: runs)
      #expect(names.count == 2)
      for name in names { #expect(try mode(of: "\(runs)/\(name)") == 0o600) }
      #expect(try mode(of: runs) == 0o700)
      let third = try Shell(in: folder)
      try third.enter("resume", expecting: "there is none yet")
      try first.leave()
      try second.leave()
      try third.enter("pictures off")
      for seed in [2, 1] {
        // The newest first; it is interrupted again, and stays.
        try third.begin("resume")
        try third.terminal.expect("seed \(seed)")
        try third.terminal.expect("4/90")
        try third.terminal.send("\u{3}")
        try third.terminal.expect("interrupted at")
        try third.terminal.expect("ssd1b> ")
        try third.enter("generate steps=1 out=x\(seed).png")
      }
      try third.leave()
    }
  }

  @Test("A batch that is told to end keeps its run too, and says where")
  func terminatedBatch() throws {
    try Program.withFolder { folder in
      let shell = try Conversation(
        ["--events", "-c", "generate steps=60 size=256x256 out=a.png"], in: folder)
      try shell.wait(for: "\"step\":2,")
      shell.process.terminate()
      let (errors, code) = try shell.end()
      #expect(code == 143, "\(errors)")
      let path = try #require(errors.firstMatch(of: /resume (\S+\.run\.safetensors) goes on/)?.1)
      let environment = ["HOME": folder]
      let resumed = try Program.run(
        script: "resume \(path) out=b.png\n", in: folder, environment: environment)
      #expect(resumed.code == 0, "\(resumed.errors)")
      #expect(try PNG.read(path: folder + "/b.png").image.width == 256)
      #expect(!FileManager.default.fileExists(atPath: String(path)))
    }
  }

  // MARK: Files

  private func mode(of path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test("Of two sessions that record to one file, one has it and the other is told")
  func twoRecordings() throws {
    try Program.withFolder { folder in
      let first = try Shell(in: folder)
      try first.enter("record a.session", expecting: "recording to a.session")
      let second = try Shell(in: folder)
      try second.enter("record a.session replace", expecting: "another session is recording to it")
      try first.enter("seed 5")
      try first.enter("record stop", expecting: "1 commands recorded")
      try second.enter("record a.session replace", expecting: "recording to a.session")
      // A file that another program adds to or replaces is left to it.
      let added = try #require(FileHandle(forWritingAtPath: folder + "/a.session"))
      try added.seekToEnd()
      try added.write(contentsOf: Data("# mine\n".utf8))
      try added.close()
      try second.enter("seed 7", expecting: "another program has changed or replaced it")
      #expect(try String(contentsOfFile: folder + "/a.session", encoding: .utf8).hasSuffix("# mine\n"))
      try second.enter("record a.session replace", expecting: "recording to a.session")
      try Data("mine\n".utf8).write(to: URL(fileURLWithPath: folder + "/b"))
      #expect(rename(folder + "/b", folder + "/a.session") == 0)
      try second.enter("seed 6", expecting: "another program has changed or replaced it")
      #expect(try String(contentsOfFile: folder + "/a.session", encoding: .utf8) == "mine\n")
      for shell in [first, second] { try shell.terminal.send("quit\r") }
      #expect(try first.terminal.wait() == 0)
      _ = try second.terminal.wait()
    }
  }

  @Test("A limit on the size of files is reported, nothing half-written is left, and the session goes on")
  func fileLimit() throws {
    try Program.withFolder { folder in
      try Data("before".utf8).write(to: URL(fileURLWithPath: folder + "/old.png"))
      let shell = try Conversation(["--keep-going"], in: folder, limits: "ulimit -f 4;")
      for name in ["a.png", "old.png"] { try shell.send("generate steps=1 out=\(name)") }
      try shell.send("dump latents steps=1 all.safetensors")
      let (errors, code) = try shell.end()
      #expect(code == 1 && errors.contains("a.png: cannot be written: File too large"), "\(errors)")
      #expect(errors.contains("ulimit -f"))
      #expect(try String(contentsOfFile: folder + "/old.png", encoding: .utf8) == "before")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("part") } == [])
    }
  }

  @Test("A file that is written over keeps its mode, a new one has what umask leaves, the history is private")
  func modes() throws {
    try Program.withFolder { folder in
      for (name, mode) in [("private.png", 0o600), ("shared.png", 0o664)] {
        FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: Data())
        #expect(chmod("\(folder)/\(name)", mode_t(mode)) == 0)
      }
      let shell = try Conversation([], in: folder, limits: "umask 027;")
      for name in ["private", "shared", "new"] {
        try shell.send("generate steps=1 size=64x64 out=\(name).png")
      }
      #expect(try shell.end().code == 0)
      #expect(try mode(of: folder + "/private.png") == 0o600)
      #expect(try mode(of: folder + "/shared.png") == 0o664)
      #expect(try mode(of: folder + "/new.png") == 0o640)
      let interactive = try Shell(in: folder)
      try interactive.enter("seed 1")
      try interactive.leave()
      #expect(try mode(of: folder + "/.local/state/ssd1b/history") == 0o600)
      #expect(try mode(of: folder + "/.local/state/ssd1b") == 0o700)
    }
  }

  @Test("Names of 249 bytes and links as out= are written, also where the link's target is not there yet")
  func names() throws {
    try Program.withFolder { folder in
      let long = String(repeating: "n", count: 245) + ".png"
      let manager = FileManager.default
      try manager.createDirectory(atPath: folder + "/elsewhere", withIntermediateDirectories: false)
      try manager.createSymbolicLink(
        atPath: folder + "/link.png", withDestinationPath: "elsewhere/target.png")
      for _ in 0..<2 {
        let result = try Program.run(
          script: "generate steps=1 size=64x64 out=\(long)\ngenerate steps=1 size=64x64 out=link.png\n",
          in: folder)
        #expect(result.code == 0, "\(result.errors)")
      }
      #expect(try PNG.read(path: "\(folder)/\(long)").image.width == 64)
      #expect(try PNG.read(path: "\(folder)/elsewhere/target.png").image.width == 64)
      #expect(try manager.destinationOfSymbolicLink(atPath: folder + "/link.png") == "elsewhere/target.png")
      #expect(try manager.contentsOfDirectory(atPath: folder).count == 3)
    }
  }

  @Test("What is no regular file is refused at once, by its kind")
  func pipes() throws {
    try Program.withFolder { folder in
      mkfifo(folder + "/fifo", 0o600)
      mkfifo(folder + "/fifo.safetensors", 0o600)
      let start = ContinuousClock.now
      let result = try Program.run(
        ["--keep-going"],
        script: """
          recall fifo
          view fifo
          layers ./fifo.safetensors
          tensor x in=./fifo.safetensors
          resume fifo
          recall .
          """, in: folder)
      #expect(result.code != 0)
      #expect(
        result.errors.components(separatedBy: "it is a pipe").count >= 5, "\(result.errors)")
      #expect(result.errors.contains("it is a folder"))
      let model = try Program.run(["--model", folder + "/fifo"], script: "echo x\n")
      #expect(model.code == 4 && model.errors.contains("it is a pipe"), "\(model.errors)")
      #expect(ContinuousClock.now - start < .seconds(5))
    }
  }

  @Test("Parts of dead processes are removed by the next write there, parts of live ones are left")
  func staleParts() throws {
    try Program.withFolder { folder in
      for name in ["dead", "live"] {
        FileManager.default.createFile(atPath: "\(folder)/.ssd1b-part-\(name)", contents: Data())
      }
      let live = open(folder + "/.ssd1b-part-live", O_RDONLY | O_CLOEXEC)
      defer { close(live) }
      #expect(flock(live, LOCK_EX) == 0)
      #expect(try Program.run(script: "generate steps=1 size=64x64 out=\(folder)/a.png\n").code == 0)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(left == [".ssd1b-part-live", "a.png"])
    }
  }

  // MARK: Text

  @Test("Control characters of a tensor's name never reach a terminal raw, a table for a program included")
  func hostileNames() throws {
    try Program.withFolder { folder in
      let header = #"{"evil\u001b[31m\u009b2J\nname":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
      let file =
        withUnsafeBytes(of: UInt64(header.utf8.count)) { Data($0) } + Data(header.utf8) + Data(count: 4)
      try file.write(to: URL(fileURLWithPath: folder + "/x.safetensors"))
      let shell = try Shell(in: folder)
      for form in ["", " as=csv", " as=markdown", " as=json"] {
        let output = try shell.enter("layers ./x.safetensors\(form)", expecting: "evil")
        #expect(
          !output.contains("\u{1B}[31m") && !output.contains("\u{9B}"), "\(form): \(output.debugDescription)")
      }
      // A file's name stands in a table too.
      let plain = #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
      let sound =
        withUnsafeBytes(of: UInt64(plain.utf8.count)) { Data($0) } + Data(plain.utf8) + Data(count: 4)
      try sound.write(to: URL(fileURLWithPath: folder + "/e\u{1B}[31m.safetensors"))
      let command = #"tensor w in="./e\u{1b}[31m.safetensors" as=csv"#
      let output = try shell.enter(command, expecting: "dtype,F32")
      #expect(output.contains("\\u{1b}[31m") && !output.contains("\u{1B}[31m"), "\(output.debugDescription)")
      try shell.leave()
    }
  }

  @Test("A newline in a file's name breaks no line")
  func newlines() throws {
    try Program.withFolder { folder in
      let result = try Program.run(
        ["--keep-going"],
        script: """
          generate steps=1 size=64x64 out="a\\nb.png"
          record "r\\nr.session"
          seed 4
          record stop
          save "s\\ns"
          recall "c\\nd.png"
          """, in: folder)
      for line in result.output.split(separator: "\n") {
        #expect(
          line.hasPrefix("a\\nb.png") || line.hasPrefix("re") || line.hasPrefix("r\\nr")
            || line.hasPrefix("seed") || line.hasPrefix("s\\ns") || line.hasPrefix("note: the prompt"),
          "\(line)")
      }
      #expect(result.errors.split(separator: "\n").count == 2, "\(result.errors)")
      #expect(try PNG.read(path: folder + "/a\nb.png").image.width == 64)
      let verified = try Program.run(script: "verify \"r\\nr.session\"\n", in: folder)
      #expect(verified.code == 0, "\(verified.errors)")
    }
  }

  @Test("What a terminal answers too late is never input")
  func lateAnswers() throws {
    try Program.withFolder { folder in
      // Colours, so that pictures are shown and the terminal is asked.
      let shell = try Shell(in: folder, ["--color", "always"], environment: ["NO_COLOR": ""])
      try shell.begin("generate steps=1 size=64x64 out=a.png")
      try shell.terminal.expect("\u{1B}[c")
      // Past the two seconds that it waits: one answer in two parts, the others whole, a key between.
      usleep(1_900_000)
      try shell.terminal.send("\u{1B}_Gi=31;")
      try shell.terminal.expect("ssd1b>", timeout: .seconds(10))
      usleep(200_000)
      try shell.terminal.send(
        "OK\u{1B}\\\u{1B}P>|XTerm(380)\u{1B}\\ec\u{1B}[6;20;10t\u{1B}[?62;4;22cho answered\r")
      try shell.terminal.expect("2004l")
      let output = try shell.terminal.expect("ssd1b>")
      #expect(output.contains("answered\r\n") && !output.contains("error"), "\(output.debugDescription)")
      // Keys of the same form are keys again.
      try shell.terminal.send("echo xyz\u{1B}[D\u{1B}[D_\r")
      try shell.terminal.expect("x_yz\r\n")
      try shell.terminal.expect("ssd1b>")
      try shell.leave()
    }
  }
}
