/// A binary heap: insertion and removal of the least element in O(log n).
struct MinimumHeap<Element: Comparable> {
  private var elements: [Element] = []

  init() {}

  /// The least element.
  var minimum: Element? { elements.first }

  mutating func insert(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, elements[child] < elements[(child - 1) / 2] {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Removes the least element; an empty heap stays as it is.
  mutating func removeMinimum() {
    guard let last = elements.popLast(), !elements.isEmpty else { return }
    elements[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < elements.count && elements[child] < elements[least] { least = child }
      guard least != parent else { return }
      elements.swapAt(parent, least)
      parent = least
    }
  }
}
