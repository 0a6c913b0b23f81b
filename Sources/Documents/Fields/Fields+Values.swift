extension Fields {
    package func bool(_ key: String) throws(DocumentError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let bool = value.bool else {
            throw mismatch(key, value, expected: "true or false")
        }
        return bool
    }

    /// An integer within `range`.
    package func integer(
        _ key: String, in range: ClosedRange<Int> = Int.min...Int.max
    ) throws(DocumentError) -> Int? {
        guard let value = value(key) else { return nil }
        guard let integer = value.integer, range.contains(integer) else {
            throw mismatch(key, value, expected: "an integer" + words(range))
        }
        return integer
    }

    /// An integer or a number, neither infinite nor NaN, within `range`.
    package func number(
        _ key: String, in range: ClosedRange<Double>? = nil
    ) throws(DocumentError) -> Double? {
        guard let value = value(key) else { return nil }
        guard let number = value.double, number.isFinite, range?.contains(number) ?? true else {
            let limits = range.map { " from \($0.lowerBound) to \($0.upperBound)" } ?? ""
            throw mismatch(key, value, expected: "a number" + limits)
        }
        return number
    }

    /// Text that is not empty.
    package func string(_ key: String) throws(DocumentError) -> String? {
        guard let value = value(key) else { return nil }
        guard let string = value.string, !string.isEmpty else {
            throw mismatch(key, value, expected: "text")
        }
        return string
    }

    /// The path of a file or a directory: text that is not empty and has no NUL.
    package func path(_ key: String) throws(DocumentError) -> String? {
        guard let value = value(key) else { return nil }
        guard let path = value.string, !path.isEmpty, !path.utf8.contains(0) else {
            throw mismatch(key, value, expected: "a path")
        }
        return path
    }

    /// One of a few words.
    package func choice(
        _ key: String, _ words: [String]
    ) throws(DocumentError) -> String? {
        guard let value = value(key) else { return nil }
        return try choice(key, words, value)
    }

    /// The same of one value below `key`, such as an element of a list.
    package func choice(
        _ key: String, _ words: [String], _ value: Node
    ) throws(DocumentError) -> String {
        if let text = value.string, words.contains(where: { Node.Key($0) == Node.Key(text) }) {
            return text
        }
        var expected = Spelling.alternatives(words)
        if let nearest = value.string.flatMap({ Spelling.nearest(to: $0, among: words) }) {
            expected += "; did you mean '\(nearest)'?"
        }
        throw mismatch(key, value, expected: expected)
    }

    /// One of the cases of an enumeration, by its raw value.
    package func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, _ type: Choice.Type
    ) throws(DocumentError) -> Choice? {
        try choice(key, Choice.allCases.map(\.rawValue)).flatMap { Choice(rawValue: $0) }
    }

    /// A list of texts, and the elements with their places.
    package func strings(_ key: String) throws(DocumentError) -> [(text: String, node: Node)]? {
        guard let value = value(key) else { return nil }
        guard let elements = value.array else {
            throw mismatch(key, value, expected: "a list of texts, as in [a, b]")
        }
        var result: [(text: String, node: Node)] = []
        for element in elements {
            guard let text = element.string else {
                throw mismatch(key, element, expected: "a list of texts")
            }
            result.append((text, element))
        }
        return result
    }

    private func words(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (.min, .max): ""
        case (let lower, .max): " of at least \(lower)"
        case (.min, let upper): " of at most \(upper)"
        case (let lower, let upper): " from \(lower) to \(upper)"
        }
    }
}
