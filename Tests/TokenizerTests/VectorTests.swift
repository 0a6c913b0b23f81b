import Documents
import Testing

@testable import Tokenizer

/// What Hugging Face tokenizers gives for the same files and texts.
@Suite struct VectorTests {
    @Test(arguments: Fixture.kinds)
    func encode_agreesWithLibrary(kind: String) throws {
        let tokenizer = try Fixture.tokenizer(kind)
        let nodes = try #require(Fixture.node("\(kind).vectors.json").array)
        #expect(nodes.count > 190)
        for node in nodes {
            let vector = try Fixture.Vector(node)
            let text = vector.text.debugDescription
            #expect(
                try tokenizer.encode(vector.text, addSpecialTokens: false) == vector.ids, "\(text)")
            #expect(
                try tokenizer.encode(vector.text, addSpecialTokens: true)
                    == vector.idsWithSpecial, "\(text)")
        }
    }

    @Test func encode_withOtherPipelines_agreesWithLibrary() throws {
        let base = try Fixture.node("gpt2.tokenizer.json")
        let pipelines = try #require(Fixture.node("pipelines.json").array)
        #expect(pipelines.count > 20)
        for pipeline in pipelines {
            let name = try #require(pipeline["name"]?.string)
            var node = base
            for member in try #require(pipeline["change"]?.members) {
                node = node.setting(member.key, to: member.value)
            }
            let model = try #require(node["model"])
            let ignoresMerges = try #require(pipeline["ignore_merges"])
            node = node.setting("model", to: model.setting("ignore_merges", to: ignoresMerges))
            let tokenizer = try Tokenizer(JSON.encode(node, indent: nil), path: name)
            #expect(tokenizer.vocabularySize == pipeline["size"]?.integer, "\(name)")
            for vector in try #require(pipeline["vectors"]?.array).map(Fixture.Vector.init) {
                let text = "\(name): \(vector.text.debugDescription)"
                #expect(
                    try tokenizer.encode(vector.text, addSpecialTokens: false) == vector.ids,
                    "\(text)")
                #expect(
                    try tokenizer.encode(vector.text, addSpecialTokens: true)
                        == vector.idsWithSpecial, "\(text)")
            }
        }
    }

    /// One tokenizer, and one compiled pattern, for several threads.
    @Test func encode_fromSeveralThreads_isTheSame() async throws {
        let tokenizer = try Fixture.tokenizer("gpt2") { node in
            node = node.setting(
                "pre_tokenizer",
                to: .object([
                    "type": "Sequence",
                    "pretokenizers": [
                        .object([
                            "type": "Split",
                            "pattern": .object(["Regex": #"(?i:\p{Lu}?\p{Ll}+)|\d"#]),
                            "behavior": "Isolated", "invert": false,
                        ]),
                        .object(["type": "ByteLevel", "add_prefix_space": true]),
                    ],
                ]))
        }
        let text = String(
            repeating: "Emma Woodhouse, handsome, clever, and rich; 1815. ", count: 200)
        let expected = try tokenizer.encode(text, addSpecialTokens: false)
        try await withThrowingTaskGroup(of: [Int32].self) { group in
            for _ in 0..<8 {
                group.addTask { try tokenizer.encode(text, addSpecialTokens: false) }
            }
            for try await tokens in group { #expect(tokens == expected) }
        }
    }

    @Test func merges_asTextOrPairs_areTheSame() throws {
        let pairs = try Fixture.tokenizer("gpt2")
        let text = try Fixture.tokenizer("gpt2") { node in
            let model = try #require(node["model"])
            let merges = try #require(model["merges"]?.array).map { merge in
                Node(
                    try #require(merge.array).map { try #require($0.string) }.joined(separator: " ")
                )
            }
            node = node.setting(
                "model", to: model.setting("merges", to: Node([Node("#version: 0.2")] + merges)))
        }
        let sentence = "It was the best of times, it was the worst of times."
        #expect(
            try text.encode(sentence, addSpecialTokens: true)
                == pairs.encode(sentence, addSpecialTokens: true))
        #expect(try text.encode(sentence, addSpecialTokens: true).count < sentence.utf8.count / 2)
    }

    @Test func id_knowsTokensOfModelAndAdded() throws {
        let tokenizer = try Fixture.tokenizer("gpt2")
        #expect(tokenizer.vocabularySize == 1202)
        #expect(tokenizer.id(of: "<s>") == 1)
        #expect(tokenizer.id(of: "<|extra|>") == 1200)
        #expect(tokenizer.id(of: "<|absent|>") == nil)
        // Canonically equal strings are different tokens.
        #expect(tokenizer.id(of: "\u{E9}") != nil)
        #expect(tokenizer.id(of: "e\u{301}") == nil)
        let the = try #require(tokenizer.id(of: "Ġthe"))
        #expect(try tokenizer.encode(" the", addSpecialTokens: false) == [the])
    }
}
