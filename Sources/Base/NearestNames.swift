/// The names that a mistyped one was probably meant to be.
public enum NearestNames {
  /// Up to three of `names`, the nearest first: those within a third of the word's length in edits (at least
  /// one), and those that the word begins.
  public static func suggest(_ word: String, among names: some Sequence<String>) -> [String] {
    let word = Array(word.lowercased())
    // Nobody mistypes a name into something far longer, and distances cost the product of the lengths.
    guard !word.isEmpty, word.count <= 64 else { return [] }
    var found: [(distance: Int, name: String)] = []
    for name in Set(names) where name.utf8.count <= 256 {
      let letters = Array(name.lowercased())
      let most = max(1, max(word.count, letters.count) / 3)
      // The distance is no less than the difference of the lengths.
      let distance = abs(word.count - letters.count) > most ? .max : editDistance(word, letters)
      if distance <= most {
        found.append((distance, name))
      } else if word.count > 1, letters.starts(with: word) {
        found.append((word.count, name))
      }
    }
    return found.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
  }

  /// `did you mean a, b or c?`, with `suffix` after each name, or `fallback` when nothing is near.
  public static func hint(
    for word: String, among names: some Sequence<String>, suffix: String = "", fallback: String?
  ) -> String? {
    let near = suggest(word, among: names).map { $0 + suffix }
    return near.isEmpty ? fallback : "did you mean \(list(near, "or"))?"
  }

  /// `a, b or c`.
  public static func list(_ names: [String], _ conjunction: String) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " \(conjunction) " + last
  }

  /// The least number of insertions, deletions, substitutions and swaps of neighbours that turn one word into
  /// the other, no part being edited twice (optimal string alignment).
  static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, beforeLast[j - 1] + 1) }
        row.append(best)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
