import Foundation
import Imaging
import Testing

/// SIGKILL at random moments: no file is half-written, recordings verify, and the next start leaves no litter.
@Suite struct KillTests {
  private static let commands = [
    "generate steps=2 size=64x64 n=50",
    "sweep cfg=1..20 steps=1 size=64x64 out=sheets",
    "record r.session replace\nrepeat 40 generate steps=1 size=64x64 seed=random out=r.png",
    "generate steps=3 size=64x64 out=s.png\ncapture unet.mid_block full\nrepeat 400 save work.ssd1b",
    "generate steps=9 size=64x64 out=d.png\nrepeat 100 dump latents dumped\nrepeat 100 dump all dumped/all",
  ]

  @Test("Killed in the middle of writing, it leaves whole files alone", arguments: 0..<5)
  func kill(kind: Int) throws {
    try Program.withFolder { folder in
      let count = (rounds ?? 20) / 5
      for _ in 0..<count { try killOnce(Self.commands[kind], in: folder) }
    }
  }

  private func killOnce(_ script: String, in folder: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Program.path)
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder, "TMPDIR": folder]
    let input = Pipe()
    process.standardInput = input
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data((script + "\n").utf8))
    // It takes a tenth of a second to start and some seconds to end.
    usleep(UInt32.random(in: 50_000...1_000_000))
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try input.fileHandleForWriting.close()

    // The next start clears what was left; a write in a folder, what was left there.
    let cleared = try Program.run(
      script: "generate steps=1 size=64x64 out=sheets/clear.png\n", in: folder,
      environment: ["HOME": folder, "TMPDIR": folder])
    #expect(cleared.code == 0 || !FileManager.default.fileExists(atPath: folder + "/sheets"))
    let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    for file in files {
      let path = "\(folder)/\(file)"
      #expect(!file.contains("ssd1b-part-") && !file.contains("ssd1b-tmp-"), "\(file)")
      if file.hasSuffix(".png") { _ = try PNG.read(path: path) }
      if file.hasSuffix(".safetensors") {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = Int(data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
        let header = try #require(
          try JSONSerialization.jsonObject(with: data[8..<(8 + length)]) as? [String: Any])
        let ends = header.values.compactMap { (($0 as? [String: Any])?["data_offsets"] as? [Int])?.last }
        #expect(data.count == 8 + length + (ends.max() ?? 0), "\(file)")
      }
      if file.hasSuffix(".session") {
        let verified = try Program.run(
          script: "verify \(file)\n", in: folder, environment: ["HOME": folder, "TMPDIR": folder])
        #expect(verified.code == 0, "\(verified.errors)")
      }
    }
  }
}
