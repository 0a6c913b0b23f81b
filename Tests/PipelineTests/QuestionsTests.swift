import Checkpoint
import Posix
import Testing
import Transformer

@testable import Pipeline

struct QuestionsTests {
    @Test func filledLength_wastesAQuarterAtMost() {
        var lengths: Set<Int> = []
        for length in 1...4096 {
            let filled = Questions.filledLength(length)
            #expect(filled >= length && (length <= 16 || 4 * (filled - length) < length))
            #expect(Questions.filledLength(filled) == filled)
            lengths.insert(filled)
        }
        #expect(lengths.count == 1 + 4 * 8)
    }

    /// Every token that is scored stands behind the one that it follows, wherever its sequence
    /// went.
    @Test func continuations_findTheirRows() {
        // Token 100 c + p at position p of choice c, so that each tells where it belongs.
        let lengths = [[5, 40, 17], [18, 5], [33, 21, 20, 200]]
        var number: Int32 = 0
        let choices = lengths.map { question in
            question.map { length in
                number += 1
                return Questions.Continuation(
                    tokens: (0..<Int32(length)).map { 1000 * number + $0 }, context: 3,
                    characters: 1)
            }
        }
        let questions = Questions(choices, answers: [0, 1, 2], limits: [210])
        #expect(questions.count == 3)
        #expect(questions.continuations.count == lengths.joined().reduce(0) { $0 + $1 - 3 })
        for next in questions.continuations {
            #expect(questions.batches[Int(next.part)].tokens[next.row] == next.token - 1)
        }
        // No longer than the model can take, though that is between two lengths.
        #expect(questions.batches.map(\.length) == [16, 20, 32, 40, 210])
        #expect(questions.batches.map(\.count) == [3, 3, 1, 1, 1])
    }

    /// Letters are asked for behind one sequence; a choice that another begins with needs none
    /// either.
    @Test func sequences_areShared() throws {
        let context: [Int32] = [7, 8, 9]
        func choice(_ tokens: Int32...) -> Questions.Continuation {
            Questions.Continuation(
                tokens: context + tokens, context: context.count, characters: tokens.count)
        }
        let questions = Questions(
            [
                [choice(1), choice(2), choice(3), choice(4)],
                [choice(5, 6), choice(5, 6, 1), choice(6, 1), choice(6, 2), choice(5, 1)],
            ], answers: [2, 0], limits: [64])
        // 7 8 9 is the beginning of the others, 7 8 9 5 that of 7 8 9 5 6.
        try #require(questions.batches.map(\.count) == [2])
        let batch = questions.batches[0]
        #expect([0, 1].map { batch[$0].prefix(5) } == [[7, 8, 9, 5, 6], [7, 8, 9, 6, 0]])
        // As many tokens as ever, each behind its own.
        #expect(questions.continuations.count == 4 + 2 + 3 + 2 + 2 + 2)
        let rows = Dictionary(grouping: questions.continuations, by: \.row).mapValues {
            $0.map(\.token)
        }
        #expect(
            rows == [
                2: [1, 2, 3, 4, 5, 5, 5], 3: [6, 6, 1], 4: [1], 18: [6, 6], 19: [1, 2],
            ])
    }

    /// By comparison of all pairs.
    @Test(arguments: 0..<20) func sharedSequences_coverEveryInputOnce(_ seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let inputs = (0..<40).map { _ in
            (0..<(1 + Int(generator.below(5)))).map { _ in Int32(generator.below(2)) }[...]
        }
        let sequences = Questions.sharedSequences(inputs)
        #expect(sequences.flatMap(\.choices).sorted() == Array(inputs.indices))
        for sequence in sequences {
            #expect(sequence.choices.allSatisfy { sequence.tokens.starts(with: inputs[$0]) })
        }
        let longest = Set(
            inputs.filter { input in
                !inputs.contains { $0 != input && $0.starts(with: input) }
            })
        #expect(
            sequences.map(\.tokens).sorted { $0.lexicographicallyPrecedes($1) }
                == longest.sorted { $0.lexicographicallyPrecedes($1) })
    }

    /// As lm-evaluation-harness divides them, with special tokens around each text: the spaces at
    /// the question's end are the choice's, and no token that ends a text is.
    @Test func tokens_areDividedBeforeTheSpaces() throws {
        let place = try Workplace()
        try place.store(
            questions: #"""
                {"id": 7, "question": "a b", "choices": ["c", "a a"], "answer": 1, "why": null}
                {"question": "ca \t", "choices": ["é", "b"], "answer": 0}
                """#.replacing("\\t", with: " "))
        let special = #"{"SpecialToken": {"id": "$", "type_id": 0}}"#
        let template = #"""
            {"type": "TemplateProcessing", "single": [\#(special), {"Sequence": {"id": "A",
            "type_id": 0}}, \#(special), \#(special)], "pair": [],
            "special_tokens": {"$": {"id": "$",
            "ids": [9], "tokens": ["$"]}}}
            """#
        try writeFile(
            place["model/tokenizer.json"],
            Array(
                Workplace.tokenizer.replacing(
                    "\"post_processor\": null", with: "\"post_processor\": \(template)"
                ).replacing("\"Ġ\": 6", with: "\"Ġ\": 6, \"Ã\": 7, \"©\": 8").utf8))
        let model = try Model(Checkpoint(directory: place["model"]))
        var texts = Texts(model: model, paths: Roots(.unrestricted(base: place.path)))
        let questions = try texts.questions(in: place["q.jsonl"])
        #expect(
            questions.continuations.map(\.token) == [6, 5] + [6, 3, 6, 3] + [6, 6, 6, 7, 8] + [
                6, 6, 6, 4,
            ])
        #expect(questions.batches.count == 1)
        let batch = try #require(questions.batches.first)
        // Of both questions one choice's sequence begins with the other's.
        try #require(batch.count == 2)
        #expect(batch[0].prefix(8) == [9, 3, 6, 4, 6, 3, 6, 0])
        #expect(batch[1].prefix(8) == [9, 5, 3, 6, 6, 6, 7, 0])
    }

    private func job(_ place: Workplace, _ lines: String) throws -> Job {
        try place.store(questions: lines)
        return try place.job("prune: {method: magnitude}\nevaluation: {choices: q.jsonl}\n")
    }

    private static let good = #"{"question": "a b", "choices": ["c", "a a"], "answer": 1}"#

    @Test(arguments: [
        ("{", "end", 1), ("[]", "one JSON document", 1), ("3", "expected keys", 1),
        ("\(good)\n[]", "expected keys", 2),
        (#"{"question": "a", "choices": ["b", "c"]}"#, "no 'answer'", 1),
        (#"{"question": "a", "answer": 0}"#, "no 'choices'", 1),
        (#"{"choices": ["b", "c"], "answer": 0}"#, "no 'question'", 1),
        (#"{"question": "a", "choices": ["b", "c"], "answer": 2}"#, "from 0 to 1", 1),
        (#"{"question": "a", "choices": ["b", "c"], "answer": -1}"#, "from 0 to 1", 1),
        (#"{"question": "a", "choices": ["b", "c"], "answer": "b"}"#, "an integer", 1),
        (#"{"question": "a", "choices": ["b"], "answer": 0}"#, "at least two choices", 1),
        (#"{"question": "a", "choices": [], "answer": 0}"#, "at least two choices", 1),
        (#"{"question": "a", "choices": ["b", ""], "answer": 0}"#, "not empty", 1),
        (#"{"question": "a", "choices": ["b", 3], "answer": 0}"#, "list of texts", 1),
        (#"{"question": "  ", "choices": ["b", "c"], "answer": 0}"#, "more than spaces", 1),
        (#"{"question": 1, "choices": ["b", "c"], "answer": 0}"#, "expected text", 1),
        (#"{"question": "a", "choice": ["b", "c"], "answer": 0}"#, "mean 'choices'", 1),
        // What the tokenizer has no token for, it leaves out.
        (#"{"question": "!", "choices": ["b", "c"], "answer": 0}"#, "choice 0 behind", 1),
        ("\(good)\n\n\(good)\n{\"question\"", "end", 4),
    ])
    func whatIsNoQuestion_isSaidWithItsLine(_ lines: String, _ words: String, _ line: Int) throws {
        let place = try Workplace()
        let error = failure { try job(place, lines).validate() }
        #expect(error?.exitCode == .data)
        let text = error?.description ?? ""
        #expect(text.contains("q.jsonl:\(line):") && text.contains(words), "\(text)")
    }

    @Test func noQuestions_areAnError() throws {
        let place = try Workplace()
        let error = failure { try job(place, "\n \n").validate() }
        #expect(error?.exitCode == .data && error?.description.contains("no question") == true)
    }

    /// 256 positions take 257 tokens, for the last one is only predicted.
    @Test func longQuestions_areRefused() throws {
        for (letters, fits) in [(255, true), (256, false)] {
            let place = try Workplace()
            let question = String(repeating: "a", count: letters)
            let line = #"{"question": "\#(question)", "choices": ["b", "c"], "answer": 0}"#
            let job = try job(place, "\(Self.good)\n\(line)")
            if fits {
                try job.validate()
            } else {
                let error = failure { try job.validate() }
                #expect(error?.description.contains("q.jsonl:2:1: choice 0") == true)
                #expect(error?.description.contains("256 positions") == true)
            }
        }
    }
}
