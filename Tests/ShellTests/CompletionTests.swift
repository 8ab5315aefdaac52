import Foundation
import Shell
import Testing

@Suite("CommandTable: completion")
struct CompletionTests {
  /// Files `a b.png`, `fox.png` and folders `my dir/`, `out/`; paths of layers.
  private static func values(_ kind: ValueKind, _ beginning: String) -> [String] {
    switch kind {
    case .file: ["a b.png", "fox.png", "my dir/", "out/"]
    case .folder: ["my dir/", "out/"]
    case .named("path"): ["unet.mid_block", "unet.up_blocks"]
    default: []
    }
  }

  @Test(
    "The cursor's word is completed by what may stand there",
    arguments: [
      ("gen", 0, ["generate "]),
      ("  gen", 2, ["generate "]),
      ("la", 0, ["latents ", "layers "]),
      ("zzz", 0, []),
      ("zzz a", 4, []),
      ("generate ", 9, ["n=", "out=", "steps=", "seed=", "scheduler="]),
      ("g s", 2, ["steps=", "seed=", "scheduler="]),
      ("gene s", 5, ["steps=", "seed=", "scheduler="]),
      ("g steps=3 s", 10, ["seed=", "scheduler="]),
      ("g scheduler=", 12, ["euler ", "ddim ", "dpmpp "]),
      ("g scheduler=d", 12, ["ddim ", "dpmpp "]),
      ("g scheduler=\"d", 12, ["ddim ", "dpmpp "]),
      ("g seed=", 7, []),
      ("g nope=", 7, []),
      ("g out=", 6, ["\"a b.png\" ", "fox.png ", "\"my dir/", "out/"]),
      ("g out=\"a", 6, ["\"a b.png\" "]),
      ("dump ", 5, ["latents ", "noise ", "denoised ", "captures ", "steps=", "format="]),
      ("dump n", 5, ["noise "]),
      ("dump 'n", 5, ["noise "]),
      ("dump noise ", 11, ["\"my dir/", "out/", "steps=", "format="]),
      ("dump format=npy noise o", 22, ["out/"]),
      ("dump noise out/ ", 16, ["steps=", "format="]),
      ("view fox.png ", 13, ["\"a b.png\" ", "fox.png ", "\"my dir/", "out/", "step="]),
      ("view f", 5, ["fox.png "]),
      ("capture unet.u", 8, ["unet.up_blocks "]),
      ("capture x ", 10, ["stats ", "full ", "scale="]),
      ("help ge", 5, ["generate "]),
      ("set s", 4, ["steps ", "seed ", "scheduler "]),
      ("set steps ", 10, []),
      ("prompt a f", 7, []),
      ("prompt ", 7, []),
      ("time ", 5, SampleTable.names.map { $0 + " " }),
      ("time gen", 5, ["generate "]),
      ("time repeat 3 dump n", 19, ["noise "]),
      ("repeat 3", 7, []),
      ("seed é g", 8, []),
      ("dump 'é' é", 10, []),
    ] as [(String, Int, [String])])
  func table(line: String, replaceFrom: Int, expected: [String]) {
    let completion = SampleTable.table.complete(line: line, cursor: line.utf8.count, values: Self.values)
    #expect(completion.candidates.map { $0.text + $0.suffix } == expected)
    #expect(completion.replaceFrom == replaceFrom)
  }

  @Test("What follows the cursor is not looked at, and a cursor outside the line is moved into it")
  func cursor() {
    let table = SampleTable.table
    let middle = table.complete(line: "gen out=x", cursor: 3, values: Self.values)
    #expect(middle.candidates.map(\.text) == ["generate"])
    #expect(
      table.complete(line: "gen", cursor: 99, values: Self.values).candidates.map(\.text) == ["generate"])
    #expect(
      table.complete(line: "gen", cursor: -1, values: Self.values).candidates.count == SampleTable.names.count
    )
  }

  @Test("Every completed command parses as that command")
  func roundTrip() throws {
    for candidate in SampleTable.table.complete(line: "", cursor: 0, values: Self.values).candidates {
      #expect(try SampleTable.table.lookup(candidate.text).declaration.name == candidate.text)
      #expect(!candidate.summary.isEmpty)
    }
  }

  @Test("A path is completed by the files in its folder")
  func files() {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
    #expect(
      FileCompletion.paths(beginning: folder + "/CompletionTests.") == [folder + "/CompletionTests.swift"])
    #expect(FileCompletion.paths(beginning: folder + "/Completion", foldersOnly: true) == [])
    #expect(FileCompletion.paths(beginning: folder) == [folder + "/"])
    #expect(FileCompletion.paths(beginning: folder + "/none/x") == [])
    #expect(FileCompletion.paths(beginning: folder + "/").contains(folder + "/SampleTable.swift"))
  }
}
