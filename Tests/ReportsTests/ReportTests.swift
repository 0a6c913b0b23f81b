import Documents
import Testing

@testable import Reports

struct ReportTests {
    /// A report with everything in it: two blocks, three outputs, one layer without a bias.
    static let node: Node = {
        let roles = ["self_attn.q_proj", "mlp.down_proj"]
        let layers = (0..<4).map { index -> Node in
            var layer: Node = .object([
                "name": Node("model.layers.\(index / 2).\(roles[index % 2])"),
                "block": Node(index / 2), "rows": 64, "columns": 32, "method": "stade",
                "zeros": 1024, "sparsity": 0.5, "compensation": "affine",
                "bias_share": Node(0.1 + 0.05 * Double(index)),
                "bias": .object(["policy": "native", "added": Node(index != 3)]),
                "expected_error": Node(0.01 * Double(index + 1)),
                "measured_error": Node(0.008 * Double(index * index + 1)),
            ])
            if index == 3 { layer = layer.setting("reason", to: "no bias can be carried here") }
            return layer
        }
        let blocks = (0..<2).map { index -> Node in
            let tuning: Node = .object([
                "loss_before": Node(0.0625 * Double(index + 1)),
                "loss_after": Node(0.03125 * Double(index + 1)), "passes": Node(8 + index),
            ])
            return .object([
                "index": Node(index), "mse": Node(0.001 * Double(index + 1)),
                "cosine": Node(0.999 - 0.01 * Double(index)), "seconds": 1.25, "tuning": tuning,
            ])
        }
        let points = [
            (0.3, 2458, 21.5, 0.0061), (0.5, 4096, 23.25, 0.0125), (0.7, 5734, 61.0, 0.02),
        ]
        return .object([
            "version": 1,
            "job": .object(["id": "20260101-0001", "name": "<b>half & half</b>"]),
            "model": .object([
                "path": "/models/a\"b<script>", "family": "llama", "parameters": 12345,
            ]),
            "prune": .object([
                "method": "auto", "sparsity": 0.5, "sequential": true,
                "tune": .object(["passes": 10, "rate": 0.02, "held_out": 2]),
            ]),
            "calibration": .object(["source": "text.txt", "samples": 8]),
            "layers": Node(layers),
            "blocks": Node(blocks),
            "perplexity": .object([
                "dense": 20.8171875, "pruned": 23.25, "source": "wiki.txt", "tokens": 2047,
                "length": 2048, "dense_standard_error": 0.75, "pruned_standard_error": 0.875,
                "ratio_standard_error": 0.0125,
            ]),
            "fidelity": .object([
                "next_token_agreement": 0.8125, "agreement_standard_error": 0.003,
                "kl_divergence": 0.0625, "kl_standard_error": 0.001, "tokens": 2047,
            ]),
            "choices": .object([
                "source": "a&b.jsonl", "questions": 40,
                "dense": .object([
                    "acc": 0.625, "acc_standard_error": 0.0775, "acc_norm": 0.6,
                    "acc_norm_standard_error": 0.0784,
                ]),
                "pruned": .object([
                    "acc": 0.575, "acc_standard_error": 0.0791, "acc_norm": 0.55,
                    "acc_norm_standard_error": 0.0797,
                ]),
                "change": .object([
                    "acc": -0.05, "acc_standard_error": 0.035, "acc_norm": -0.051,
                    "acc_norm_standard_error": 0.036,
                ]),
            ]),
            "cost": .object([
                "weights": 8192, "zeros": 4096, "parameters_pruned": 12346, "bytes_dense": 40960,
                "bytes_pruned": 40964, "bytes_nonzero": 32768,
                "multiply_adds_per_token_dense": 9000, "multiply_adds_per_token_pruned": 4904,
            ]),
            "speed": .object([
                "dense_tokens_per_second": 1000.5, "pruned_tokens_per_second": 1200.25,
            ]),
            "resources": .object([
                "seconds": 12.5, "peak_memory_bytes": 104_857_600, "threads": 2,
                "precision": "float32",
            ]),
            "curve": Node(
                points.map {
                    .object([
                        "sparsity": Node($0.0), "output": Node("out-\($0.0)"),
                        "zeros": Node($0.1), "perplexity": Node($0.2),
                        "multiply_adds_per_token": Node(9000 - $0.1), "bytes": 40964,
                        "ratio_standard_error": Node($0.3),
                        "next_token_agreement": Node(1 - $0.3 * 8),
                        "agreement_standard_error": 0.004,
                        "kl_divergence": Node($0.3 * 3), "kl_standard_error": 0.0015,
                        "choices_change": .object([
                            "acc": Node(-$0.3 * 4), "acc_standard_error": 0.025, "acc_norm": -0.075,
                            "acc_norm_standard_error": 0.045,
                        ]),
                    ])
                }),
            "files_left_out": Node([.object(["path": "x.gguf", "reason": "other weights"])]),
        ])
    }()

    private func contents() throws -> ReportDocument {
        try #require(ReportDocument(Self.node))
    }

    private func numbers(_ node: Node) -> Set<Double> {
        if let number = node.double { return [number] }
        let children = node.array ?? node.members?.map(\.value) ?? []
        return children.reduce(into: []) { $0.formUnion(numbers($1)) }
    }

    @Test func tuning_isShownWhereItWas() throws {
        let note =
            "in 10 passes at most over the calibration. The blocks' mean loss on the 2 windows "
            + "that were held out went from 0.09375 to 0.04688."
        let contents = try contents()
        #expect(ReportPage(contents).html.contains(markup(note)))
        #expect(ReportPage(contents).html.contains("<code>prune.tune.passes</code>"))
        let text = PlainReport(contents).text
        #expect(text.contains(note) && text.contains("loss before  loss tuned  passes  seconds"))
        #expect(ModelCard(contents, methodSummary: "").text.contains("| tuned | "))
        let plain = Self.node.setting("prune", to: .object(["method": "auto"]))
            .removing("blocks")
        let without = try #require(ReportDocument(plain))
        for shown in [
            ReportPage(without).html, PlainReport(without).text,
            ModelCard(without, methodSummary: "").text,
        ] { #expect(!shown.contains("tuned")) }
    }

    private func values(_ page: String) -> [Double] {
        page.split(separator: "<data value=\"").dropFirst().compactMap { part in
            Double(part.prefix { $0 != "\"" })
        }
    }

    @Test func page_hasTheReportsNumbersAndNoOthers() throws {
        let page = ReportPage(try contents()).html
        let shown = Set(values(page))
        let stored = numbers(Self.node)
        #expect(shown.isSubset(of: stored), "\(shown.subtracting(stored))")
        for key in [
            "cost", "speed", "resources", "perplexity", "fidelity", "choices", "blocks", "curve",
            "layers",
        ] {
            // Lengths and repeated zeros of the curve are said in other words.
            let part = try #require(Self.node[key])
            let wanted = numbers(part).subtracting([2048, 0.3, 0.5, 0.7, 2458, 5734])
                .subtracting(key == "layers" ? [0, 1, 32, 64, 1024] : [])
                .union(key == "layers" ? [0.5] : [])
            #expect(wanted.isSubset(of: shown), "\(key): \(wanted.subtracting(shown))")
        }
        #expect(page.contains("Perplexity rises from"))
        let change =
            "+11.7 <span class=\"error\">±\u{A0}<data value=\"0.0125\">1.3</data></span>\u{A0}%"
        #expect(page.contains("(<span class=\"change\">\(change)</span>)"))
        // In the table, too, with the knee; the chart has an error for each output.
        #expect(page.contains("<small>\(change)</small><small><strong>knee</strong></small>"))
        #expect(page.split(separator: "<line class=\"error ").count == 4)
        #expect(page.contains(", no more than chance would have it)."))
        #expect(page.contains("<code>a&amp;b.jsonl</code>"))
        #expect(page.contains("The curve bends at 50.0 % zeros"))
    }

    /// A report of another revision is read, and what it says is written again as it was.
    @Test func document_keepsWhatItReads() throws {
        let document = try contents()
        let again = try #require(ReportDocument(document.node))
        #expect(again == document)
        #expect(ReportDocument.keys.count == Set(ReportDocument.keys).count)
        for part in ["job", "model", "calibration", "choices", "cost", "speed", "layers"] {
            let wanted = try #require(Self.node[part]), found = try #require(document.node[part])
            let values = wanted.array ?? [wanted]
            for (wanted, found) in zip(values, found.array ?? [found]) {
                for member in wanted.members ?? [] {
                    #expect(found[member.key] == member.value, "\(part).\(member.key)")
                }
            }
        }
    }

    /// Whoever looks at page, tables or card must see them, as text.
    @Test func warnings_areShownEverywhere() throws {
        let warnings = ["config.json: \"a<b\" stands twice", "second | `x` \u{1B}[2J"]
        let report = try #require(
            ReportDocument(Self.node.setting("warnings", to: Node(warnings.map { Node($0) }))))
        let page = ReportPage(report).html
        #expect(page.contains("<li>config.json: &quot;a&lt;b&quot; stands twice</li>"))
        #expect(page.contains("<li>second | `x` \\u{1b}[2J</li>"))
        let plain = PlainReport(report).text
        #expect(plain.contains("warning") && plain.contains("config.json: \"a<b\" stands twice"))
        let card = ModelCard(report, methodSummary: "a summary").text
        #expect(card.contains("- `config.json: \"a<b\" stands twice`\n"))
        #expect(card.contains("- `` second \\u{7c} `x` \\u{1b}[2J ``\n"))
        for text in [page, plain, card] { #expect(!text.contains("\u{1B}")) }
        #expect(!ReportPage(try contents()).html.contains("<li>"))
        #expect(!ModelCard(try contents(), methodSummary: "").text.contains("Warnings"))
    }

    /// The card has the numbers of the report.
    @Test func card_hasTheReportsNumbers() throws {
        let card = ModelCard(try contents(), methodSummary: "the default").text
        for line in [
            "# `<b>half & half</b>`",
            "`a\"b<script>`, pruned with [stade](stade-report.json): 50.0 % of the weights of its "
                + "linear layers are zero.",
            "| method | auto: the default |", "| layers | 4 stade with affine |",
            "| zeros | 4096 of 8192 |",
            "| size on disk | 40964 bytes of 40960: zeros are stored |",
            "On 1 windows of 2048 tokens of `wiki.txt`:", "| 20.82 ± 0.75 | 23.25 ± 0.88 |",
            "On the 40 questions of `a&b.jsonl`:", "| pruned | 57.5 ± 7.9 % | 55.0 ± 8.0 % |",
        ] { #expect(card.contains(line + "\n"), "\(line)") }
        #expect(card.contains("81.3 ± 0.3 % of the tokens"))
        #expect(card.contains("0.0625 ± 0.001 nats a token"))
    }

    @Test func page_takesNamesAsText() throws {
        let page = ReportPage(try contents()).html
        #expect(page.contains("&lt;b&gt;half &amp; half&lt;/b&gt;"))
        #expect(page.contains("/models/a&quot;b&lt;script&gt;"))
        #expect(!page.contains("<script") && !page.contains("<b>"))
        // Nothing is lost, and nothing acts: a control character is seen as what it is.
        #expect(markup("a\u{1B}[0m\u{85}\n\u{202E}") == "a\\u{1b}[0m\\u{85} \\u{202e}")
    }

    /// Every element is closed, and nothing is fetched.
    @Test func page_isWellFormedAndComplete() throws {
        let page = ReportPage(try contents()).html
        for tag in [
            "div", "table", "tr", "td", "th", "svg", "figure", "details", "data", "p", "dl", "span",
            "small",
        ] {
            let opened =
                page.split(separator: "<\(tag)>").count + page.split(separator: "<\(tag) ").count
            #expect(opened - 1 == page.split(separator: "</\(tag)>").count, "\(tag)")
        }
        for word in ["http:", "https:", "src=", "@import", "url("] { #expect(!page.contains(word)) }
        #expect(page.contains("prefers-color-scheme: dark"))
    }

    /// Channels that were taken out are no zeros: another file, and another speed.
    @Test func channels_areSmallerNotZero() throws {
        let widths = [1536, 1120].map { Node.object(["intermediate_size": Node($0)]) }
        let channels: Node = .object([
            "dense": widths[0], "pruned": widths[1], "heads_kept": "opt <has> none",
        ])
        let contents = try #require(
            ReportDocument(Self.node.setting("channels", to: channels)))
        let page = ReportPage(contents).html
        for part in [
            "of the weights in its blocks are gone", "smaller dense model", "intermediate_size",
            "<data value=\"1120\">1,120</data>", "opt &lt;has&gt; none", "1.20 times",
        ] { #expect(page.contains(part), "\(part)") }
        #expect(!page.contains("zeros are stored") && !page.contains("where zeros are skipped"))
        let text = PlainReport(contents).text
        for part in ["weights gone", "1536 dense, 1120 pruned", "(1.20 times)", "opt <has> none"] {
            #expect(text.contains(part), "\(part)")
        }
    }

    /// What was not measured leaves a page that says so.
    @Test func page_withoutMeasurements() throws {
        let bare: Node = .object([
            "version": 1, "cost": .object(["weights": 10, "zeros": 0]), "perplexity": .null,
        ])
        let contents = try #require(ReportDocument(bare))
        #expect(ReportPage(contents).html.contains("evaluation.text"))
        #expect(PlainReport(contents).text.contains("not measured"))
        #expect(ReportDocument(.object(["version": 2])) == nil)
        #expect(ReportDocument(Node([Node]())) == nil)
    }

    /// A single window has no error, which is said; a change of many errors is not called chance.
    @Test func page_saysHowSureItIs() throws {
        let perplexity = try #require(Self.node["perplexity"])
        let bare = Self.node.setting(
            "perplexity", to: perplexity.setting("ratio_standard_error", to: .null))
        let doubtful = ReportPage(try #require(ReportDocument(bare))).html
        #expect(doubtful.contains("+11.7\u{A0}%</span>):") && doubtful.contains("single window"))
        #expect(!ReportPage(try contents()).html.contains("single window"))
        let near = Self.node.setting("perplexity", to: perplexity.setting("pruned", to: 20.9))
        let verdict = ReportPage(try #require(ReportDocument(near))).verdict
        #expect(verdict.contains("%</span>, no more than chance would have it): "))
        #expect(!ReportPage(try contents()).verdict.contains("chance would have it): "))
    }

    /// Expected against measured, layer by layer, as two lines of a chart to one scale; and in
    /// words.
    @Test func page_hasMeasuredBesideExpectedErrors() throws {
        let page = ReportPage(try contents()).html
        for part in [
            "model.layers.1.mlp.down_proj: expected 0.04000",
            "model.layers.1.mlp.down_proj: measured 0.08000",
            "Measured over expected error: 1.33 in the median layer, 0.800 "
                + "(<code>model.layers.0.self_attn.q_proj</code>) to 2.00",
            "<span class=\"key h1\">measured</span>",
        ] { #expect(page.contains(part), "\(part)") }
        let layers = try #require(Self.node["layers"]?.array)
        let blind = layers.map { $0.setting("measured_error", to: .null) }
        let other = ReportPage(
            try #require(ReportDocument(Self.node.setting("layers", to: Node(blind))))
        ).html
        #expect(!other.contains("key h1\">measured") && !other.contains("Measured over expected"))
        #expect(other.contains("<span class=\"unit\">expected error</span>"))
    }

    /// What is infinite or no number is words, the report's own, and never `inf` or `nan`.
    @Test func notFiniteNumbers_areWordsEverywhere() throws {
        let over = "over 1.8e308 (loss 812.4 nats)"
        let perplexity = try #require(Self.node["perplexity"])
            .setting("pruned", to: .null).setting("pruned_text", to: Node(over))
            .setting("pruned_standard_error", to: .null).setting("ratio_standard_error", to: .null)
            .setting("dense_loss", to: 3.0357).setting("pruned_loss", to: 812.4)
        let none: Node = .object([
            "acc": .null, "acc_standard_error": .null, "acc_norm": .null,
            "acc_norm_standard_error": .null,
        ])
        let points = try #require(Self.node["curve"]?.array)
        let last = try #require(points.last).setting("perplexity", to: .null)
            .setting("perplexity_text", to: Node(over)).setting("kl_divergence", to: .null)
            .setting("ratio_standard_error", to: .null)
        let node = Self.node.setting("perplexity", to: perplexity)
            .setting(
                "fidelity",
                to: .object(["next_token_agreement": .null, "kl_divergence": .null, "tokens": 9])
            )
            .setting(
                "choices",
                to: .object(["questions": 40, "dense": none, "pruned": none, "change": none])
            )
            .setting("curve", to: Node(points.dropLast() + [last]))
        let contents = try #require(ReportDocument(node))
        let (page, plain) = (ReportPage(contents).html, PlainReport(contents).text)
        for text in [page, plain] {
            #expect(text.contains(over) && text.contains("812.4") && text.contains("3.036"))
            #expect(text.contains("not finite"))
            #expect(text.lowercased().matches(of: /\b(nan|inf|infinity)\b/).isEmpty)
        }
        #expect(plain.contains("20.82 ± 0.75 dense, \(over) pruned\n"))
        #expect(plain.contains("not finite dense, not finite pruned, change not finite"))
        #expect(page.contains("Perplexity goes from"))
        // The point has its row, and no place on the curve.
        #expect(plain.split(separator: over).count == 3)
        let drawn = ReportPage(contents).tradeoff.matches(of: /<circle/).count
        // The dense model and the other outputs.
        #expect(drawn == 1 + points.dropLast().count)
    }

    /// Beside perplexity a comparison has whatever else was measured, and nothing where nothing
    /// was.
    @Test func comparison_hasWhatElseWasMeasured() throws {
        let page = ReportPage(try contents()).html
        #expect(page.contains("How like the dense model they are: the share of tokens"))
        #expect(page.contains("<small>acc\u{A0}<data value=\"-0.08\">-8.0</data>"))
        let text = PlainReport(try contents()).text
        for part in [
            "agreement", "95.1 ± 0.4 %", "0.03750 ± 0.00150", "change of acc", "-8.0 ± 2.5",
            "of acc_norm", "-7.5 ± 4.5", "measured error",
        ] { #expect(text.contains(part), "\(part)") }
        let keys: Set = [
            "next_token_agreement", "agreement_standard_error", "kl_divergence",
            "kl_standard_error",
            "choices_change",
        ]
        let curve = try #require(Self.node["curve"]?.array).map { point in
            keys.reduce(point) { $0.removing($1) }
        }
        let bare = try #require(ReportDocument(Self.node.setting("curve", to: Node(curve))))
        #expect(!ReportPage(bare).html.contains("How like the dense model"))
        #expect(!PlainReport(bare).text.contains("of acc_norm"))
    }

    @Test func page_ofQuestionsAlone() throws {
        let page = ReportPage(
            try #require(
                ReportDocument(
                    Self.node.setting("perplexity", to: .null).setting("fidelity", to: .null)))
        ).html
        #expect(page.contains("Accuracy on <data value=\"40\">40</data> questions falls from"))
        #expect(!page.contains("evaluation.text"))
    }

    @Test func plainReport_hasTheSame() throws {
        let text = PlainReport(try contents()).text
        for part in [
            "50.0 % of 8,192 weights", "20.82 ± 0.75 dense, 23.25 ± 0.88 pruned (+11.7 ± 1.3 %)",
            "next token for 81.3 ± 0.3 %", "0.06250 ± 0.00100 nats a token",
            "62.5 ± 7.8 % dense, 57.5 ± 7.9 % pruned, change -5.0 ± 3.5 points, of 40 questions",
            "40.0 KiB",
            "knee", "model.layers.1.mlp.down_proj", "0.999", "12.5 s and 100.0 MiB",
        ] { #expect(text.contains(part), "\(part)") }
    }

    @Test(arguments: [
        ([(0.0, 10.0), (0.5, 11.0), (0.7, 30.0)], 1), ([(0.0, 10.0), (0.5, 20.0)], nil),
        ([(0.0, 10.0), (0.2, 10.1), (0.4, 10.3), (0.6, 12.0), (0.8, 80.0)], 3),
        ([(0.0, 10.0), (0.5, 9.0), (0.7, 8.0)], nil),
        ([(0.0, 10.0), (0.4, 40.0), (0.8, 50.0)], nil),
    ])
    func knee_isWhereTheCurveBends(_ points: [(Double, Double)], _ knee: Int?) throws {
        let curve = points.dropFirst().map { point -> Node in
            .object([
                "sparsity": Node(point.0), "zeros": Node(Int(point.0 * 1000)),
                "perplexity": Node(point.1),
            ])
        }
        let report: Node = .object([
            "version": 1, "cost": .object(["weights": 1000, "zeros": 0]),
            "perplexity": .object(["dense": Node(points[0].1)]), "curve": Node(curve),
        ])
        let contents = try #require(ReportDocument(report))
        let tradeoff = try #require(Tradeoff.all(contents).first)
        #expect(tradeoff.knee == knee)
    }

    /// One line for each method, all from the dense model on, each with its own knee.
    @Test func tradeoff_hasALineForEachMethod() throws {
        let points = [
            ("wanda", 0.3, 40.0), ("wanda", 0.5, 70.0), ("wanda", 0.7, 90.0),
            ("a<b", 0.3, 10.1), ("a<b", 0.5, 10.4), ("a<b", 0.7, 50.0),
        ]
        let curve = points.map { point -> Node in
            .object([
                "method": Node(point.0), "sparsity": Node(point.1), "output": Node(point.0),
                "zeros": Node(Int(point.1 * 1000)), "perplexity": Node(point.2),
            ])
        }
        let report: Node = .object([
            "version": 1, "cost": .object(["weights": 1000, "zeros": 0]),
            "perplexity": .object(["dense": 10]), "curve": Node(curve),
        ])
        let contents = try #require(ReportDocument(report))
        let lines = Tradeoff.all(contents)
        #expect(lines.map(\.method) == ["wanda", "a<b"])
        #expect(lines.map(\.points.count) == [4, 4])
        #expect(lines.map(\.knee) == [nil, 2])
        let page = ReportPage(contents).html
        #expect(page.split(separator: "<polyline").count == 3)
        #expect(page.contains("The curve of a&lt;b bends at 50.0 % zeros"))
        #expect(page.contains("<span class=\"key h1\">a&lt;b</span>"))
        #expect(
            PlainReport(contents).text.contains(
                "50.0 %       10.40              -     -  knee  a<b"))
    }

    /// What is the same number for both models stays, rather than to fall from it to itself.
    @Test func verdict_whereAccuracyStays() throws {
        let choices = try #require(Self.node["choices"])
        let dense = try #require(choices["dense"])
        let same = choices.setting("pruned", to: dense).setting("change", to: .object(["acc": 0]))
        let page = ReportPage(
            try #require(ReportDocument(Self.node.setting("choices", to: same))))
        #expect(page.verdict.contains("questions stays at <data value=\"0.625\">62.5 %</data>."))
    }

    /// Layers that lose unequally are shown to; those that lose the same are not.
    @Test func page_showsHowSparsityIsSharedOut() throws {
        let layers = try #require(Self.node["layers"]?.array)
        let uneven = layers.enumerated().map { index, layer in
            layer.setting("sparsity", to: Node(0.4 + 0.05 * Double(index)))
        }
        let contents = try #require(
            ReportDocument(Self.node.setting("layers", to: Node(uneven))))
        let caption = "mlp.down_proj <span class=\"unit\">zeros</span>"
        #expect(ReportPage(contents).html.contains(caption))
        #expect(!ReportPage(try self.contents()).html.contains(caption))
    }
}
