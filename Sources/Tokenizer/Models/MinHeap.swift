/// A binary heap of numbers, smallest first.
struct MinHeap {
    private var elements: [UInt64] = []

    mutating func removeAll() { elements.removeAll(keepingCapacity: true) }

    mutating func push(_ element: UInt64) {
        var index = elements.count
        elements.append(element)
        while index > 0 {
            let parent = (index - 1) / 2
            if elements[parent] <= element { break }
            elements[index] = elements[parent]
            index = parent
        }
        elements[index] = element
    }

    mutating func pop() -> UInt64? {
        guard let smallest = elements.first, let element = elements.popLast() else { return nil }
        if elements.isEmpty { return smallest }
        var index = 0
        while true {
            var child = index * 2 + 1
            if child >= elements.count { break }
            if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
            if element <= elements[child] { break }
            elements[index] = elements[child]
            index = child
        }
        elements[index] = element
        return smallest
    }
}
