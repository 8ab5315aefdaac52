import Base
import Testing

@Suite("DataTable")
struct DataTableTests {
  private static func table() -> DataTable {
    var table = DataTable(["path", "n"])
    table.append(["plain", 1])
    table.append(["with, comma", 2.5])
    table.append(["with \"quotes\"", .null])
    table.append(["ümlaut 漢字", -3])
    return table
  }

  @Test("CSV is what Python's csv writes")
  func csv() throws {
    #expect(Self.table().csv == (try InspectionGolden.read().csv))
  }

  @Test("Shapes, control characters and bars are written so that every reader keeps the cells apart")
  func hostile() {
    var table = DataTable(["a|b", "shape"])
    table.append(["x\u{1B}[2J\n\u{9B}|y\\", [2, 64, 64]])
    #expect(table.csv == "a|b,shape\r\nx\\u{1b}[2J\\n\\u{9b}|y\\,2x64x64\r\n")
    #expect(
      table.markdown
        == "| a\\|b | shape |\n| --- | --- |\n| x\\\\u{1b}[2J\\\\n\\\\u{9b}\\|y\\\\ | 2x64x64 |\n")
  }

  @Test("Markdown aligns numbers to the right")
  func markdown() {
    #expect(
      Self.table().markdown.hasPrefix("| path | n |\n| --- | ---: |\n| plain | 1 |\n| with, comma | 2.5 |\n"))
  }

  @Test("JSON has an object a row, and no control character raw")
  func json() {
    #expect(
      Self.table().json == [
        ["path": "plain", "n": 1], ["path": "with, comma", "n": 2.5],
        ["path": "with \"quotes\"", "n": .null],
        ["path": "ümlaut 漢字", "n": -3],
      ])
    let text = JSONValue.array(["\u{9B}31m", "\u{7F}", "\u{202E}", "\u{E0041}", "👩\u{200D}🔬"]).text()
    #expect(text == #"["\u009b31m","\u007f","\u202e","\udb40\udc41","👩‍🔬"]"#)
    #expect(
      (try? JSONValue(parsing: .init(text.utf8), at: "")) == [
        "\u{9B}31m", "\u{7F}", "\u{202E}", "\u{E0041}", "👩\u{200D}🔬",
      ])
  }
}
