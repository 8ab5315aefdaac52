import Base
import Testing

@Suite struct PathNameTests {
  @Test(
    "A path's parts are those of dirname(1) and basename(1), and of its last dot",
    arguments: [
      ("a/b/c.png", "a/b", "c.png", "png", "a/b/c"), ("x", ".", "x", "", "x"), ("", ".", "", "", ""),
      ("/x", "/", "x", "", "/x"), ("/", "/", "/", "", "/"), ("a/", ".", "a", "", "a"),
      (".editrc", ".", ".editrc", "", ".editrc"),
      ("a.b/c", "a.b", "c", "", "a.b/c"), ("a/.b.c", "a", ".b.c", "c", "a/.b"), ("é", ".", "é", "", "é"),
      (".", ".", ".", "", "."),
      ("c.", ".", "c.", "", "c"),
    ])
  func parts(path: String, folder: String, last: String, ending: String, stem: String) {
    let name = PathName(path)
    #expect(name.folder == folder && name.last == last && name.ending == ending && name.withoutEnding == stem)
  }
}
