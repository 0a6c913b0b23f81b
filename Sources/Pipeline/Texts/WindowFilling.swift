/// Fills windows whose places are known with the tokens of a text that passes by once more, because
/// it is too long to be kept.
struct WindowFilling {
    private let length: Int
    private let starts: [Int]
    /// Windows in the order of their starts.
    private let order: [Int]
    /// Of `order`, the first that is not complete.
    private var first = 0
    /// Of the text, how many tokens have passed.
    private var position = 0
    private(set) var tokens: [Int32]

    init(starts: [Int], length: Int) {
        self.starts = starts
        self.length = length
        order = starts.indices.sorted { starts[$0] < starts[$1] }
        tokens = [Int32](repeating: 0, count: starts.count * length)
    }

    var isComplete: Bool { first == order.count }

    /// Takes the next tokens of the text.
    mutating func add(_ piece: [Int32]) {
        let end = position + piece.count
        var index = first
        while index < order.count, starts[order[index]] < end {
            let window = order[index]
            let start = starts[window]
            for place in max(start, position)..<min(start + length, end) {
                tokens[window * length + place - start] = piece[place - position]
            }
            index += 1
        }
        position = end
        // All are of one length, so that they end in the same order.
        while first < order.count, starts[order[first]] + length <= position { first += 1 }
    }
}
