import Tensors
import Transformer

/// Multiple-choice questions as the models see them: each choice behind its question.
///
/// Scored as lm-evaluation-harness does its tasks of type `multiple_choice`
/// (`ConfigurableTask.process_results` in lm_eval/api/task.py, `_encode_pair` in
/// lm_eval/api/model.py).
package struct Questions: Sendable {
    /// One choice before it has a place among all.
    package struct Continuation: Sendable {
        /// The question, then the choice.
        let tokens: [Int32]
        /// How many of them are the question's: from 1 to less than all.
        let context: Int
        /// Of the choice as it is written.
        let characters: Int

        package init(tokens: [Int32], context: Int, characters: Int) {
            precondition(context > 0 && context < tokens.count, "nothing to predict")
            self.tokens = tokens
            self.context = context
            self.characters = characters
        }
    }

    private struct Choice {
        /// Its tokens among `continuations`.
        let range: Range<Int>
        let characters: Int
    }

    /// Whether each question was answered rightly, 1 or 0.
    struct Scores {
        /// By the choice whose log-likelihood is the largest.
        var plain: [Double] = []
        /// By the one whose log-likelihood over its number of characters is.
        var normalised: [Double] = []
    }

    /// Sequences of about the same length, filled up behind their ends: attention is causal, so
    /// that nothing before sees it.
    let batches: [TokenWindows]
    /// The tokens of all choices, in the order of `batches`, which their parts count.
    let continuations: [NextToken]
    private let questions: [[Choice]]
    private let answers: [Int]

    package var count: Int { questions.count }

    /// - Parameters:
    ///   - questions: the choices of each.
    ///   - answers: the index of each question's right choice.
    ///   - limits: lengths above which a model sees all of a sequence otherwise, ascending, the
    ///     last of which no sequence is longer than (`ModelConfiguration.lengthLimits`): none is
    ///     filled up beyond the next one, or read from one on the other side of it.
    package init(_ questions: [[Continuation]], answers: [Int], limits: [Int]) {
        precondition(questions.count == answers.count, "an answer for each question")
        let choices = Array(questions.joined())
        // The last token is predicted, and predicts nothing.
        func limit(_ length: Int) -> Int { limits.first { $0 >= length } ?? length }
        let inputs = choices.map { $0.tokens.dropLast() }
        let sequences = Self.sharedSequences(inputs) { limit($0) }
        let groups = Dictionary(grouping: sequences) {
            min(Self.filledLength($0.tokens.count), limit($0.tokens.count))
        }
        var batches: [TokenWindows] = []
        var continuations: [NextToken] = []
        var ranges = [Range<Int>](repeating: 0..<0, count: choices.count)
        for (length, group) in groups.sorted(by: { $0.key < $1.key }) {
            var tokens: [Int32] = []
            for sequence in group {
                for index in sequence.choices {
                    let start = continuations.count
                    let choice = choices[index]
                    for place in choice.context..<choice.tokens.count {
                        continuations.append(
                            NextToken(
                                choice.tokens[place], after: tokens.count + place - 1,
                                of: batches.count))
                    }
                    ranges[index] = start..<continuations.count
                }
                tokens += sequence.tokens
                tokens += [Int32](repeating: 0, count: length - sequence.tokens.count)
            }
            batches.append(TokenWindows(tokens: tokens, length: length))
        }
        self.batches = batches
        self.continuations = continuations
        self.answers = answers
        var place = ranges.makeIterator()
        self.questions = questions.map { choices in
            choices.map { Choice(range: place.next() ?? 0..<0, characters: $0.characters) }
        }
    }

    /// Sequences without those that others begin with, in the order of the first of `inputs` that
    /// each has: attention is causal, so that a model says the same at the same place of both.
    /// Choices of one token share their question's.
    /// - Parameter limit: of an input's length; inputs with other ones share nothing.
    /// - Returns: with the indices, ascending, of all inputs that a sequence serves.
    static func sharedSequences(
        _ inputs: [ArraySlice<Int32>], limit: (Int) -> Int = { _ in 0 }
    ) -> [(tokens: ArraySlice<Int32>, choices: [Int])] {
        // In this order an input stands right before one that begins with it, if there is any.
        let order = inputs.indices.sorted {
            if inputs[$0].lexicographicallyPrecedes(inputs[$1]) { return true }
            return !inputs[$1].lexicographicallyPrecedes(inputs[$0]) && $0 < $1
        }
        var sequences: [(tokens: ArraySlice<Int32>, choices: [Int])] = []
        var next: ArraySlice<Int32>?
        for index in order.reversed() {
            let input = inputs[index]
            if let next, next.starts(with: input), limit(next.count) == limit(input.count) {
                sequences[sequences.count - 1].choices.append(index)
            } else {
                sequences.append((input, [index]))
            }
            next = input
        }
        for place in sequences.indices { sequences[place].choices.sort() }
        return sequences.sorted { $0.choices[0] < $1.choices[0] }
    }

    /// The next of four lengths between two powers of two, and at least 16: few lengths, for each
    /// of which kernels are compiled, and beyond 16 at most a quarter more tokens than there are.
    static func filledLength(_ length: Int) -> Int {
        guard length > 16 else { return 16 }
        let step = 1 << (Int.bitWidth - 1 - (length - 1).leadingZeroBitCount - 2)
        return (length + step - 1) / step * step
    }

    /// The log-likelihood of each choice, question by question, in nats.
    func logLikelihoods(_ predictions: ArraySlice<TokenPrediction>) -> [[Double]] {
        questions.map { choices in
            choices.map { choice in
                let first = predictions.startIndex
                let range =
                    (first + choice.range.lowerBound)..<(first + choice.range.upperBound)
                return -predictions[range].reduce(0) { $0 + $1.loss }
            }
        }
    }

    /// - Parameter predictions: of `continuations`.
    func scores(_ predictions: ArraySlice<TokenPrediction>) -> Scores {
        var scores = Scores()
        for (index, values) in logLikelihoods(predictions).enumerated() {
            let normalised = zip(values, questions[index]).map { $0 / Double($1.characters) }
            scores.plain.append(Self.score(values, answers[index]))
            scores.normalised.append(Self.score(normalised, answers[index]))
        }
        return scores
    }

    /// NaN where a likelihood is no number. Of equal ones the first counts.
    private static func score(_ values: [Double], _ answer: Int) -> Double {
        if values.contains(where: \.isNaN) { return .nan }
        return values.firstIndex(of: values.max() ?? 0) == answer ? 1 : 0
    }

    /// Of all that the scores come from.
    var checksum: String {
        var checksum = Checksum()
        for batch in batches { checksum.add(batch.tokens.span.bytes) }
        let places = zip(questions, answers).flatMap { choices, answer in
            [answer] + choices.flatMap { [$0.range.lowerBound, $0.range.count, $0.characters] }
        }
        let rows = continuations.flatMap { [Int($0.part), $0.row, Int($0.token)] }
        checksum.add((places + rows).span.bytes)
        return checksum.text
    }
}
