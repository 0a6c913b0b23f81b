import Documents
import Testing

@testable import Reports

/// What a report says, in every form that it has.
struct ReportTests {
    @Test func tuning_isShownWhereItWas() throws {
        let note =
            "in 10 passes at most over the calibration. The blocks' mean loss on the 2 windows "
            + "that were held out went from 0.09375 to 0.04688."
        let contents = try SampleReport.contents()
        #expect(ReportPage(contents).html.contains(markup(note)))
        #expect(ReportPage(contents).html.contains("<code>prune.tune.passes</code>"))
        let text = PlainReport(contents).text
        #expect(text.contains(note) && text.contains("loss before  loss tuned  passes  seconds"))
        #expect(ModelCard(contents, methodSummary: "").text.contains("| tuned | "))
        let plain = SampleReport.node.setting("prune", to: .object(["method": "auto"]))
            .removing("blocks")
        let without = try #require(ReportDocument(plain))
        for shown in [
            ReportPage(without).html, PlainReport(without).text,
            ModelCard(without, methodSummary: "").text,
        ] { #expect(!shown.contains("tuned")) }
    }

    /// A report of another revision is read, and what it says is written again as it was.
    @Test func document_keepsWhatItReads() throws {
        let document = try SampleReport.contents()
        let again = try #require(ReportDocument(document.node))
        #expect(again == document)
        #expect(ReportDocument.keys.count == Set(ReportDocument.keys).count)
        for part in ["job", "model", "calibration", "choices", "cost", "speed", "layers"] {
            let wanted = try #require(SampleReport.node[part]),
                found = try #require(document.node[part])
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
            ReportDocument(
                SampleReport.node.setting("warnings", to: Node(warnings.map { Node($0) }))))
        let page = ReportPage(report).html
        #expect(page.contains("<li>config.json: &quot;a&lt;b&quot; stands twice</li>"))
        #expect(page.contains("<li>second | `x` \\u{1b}[2J</li>"))
        let plain = PlainReport(report).text
        #expect(plain.contains("warning") && plain.contains("config.json: \"a<b\" stands twice"))
        let card = ModelCard(report, methodSummary: "a summary").text
        #expect(card.contains("- `config.json: \"a<b\" stands twice`\n"))
        #expect(card.contains("- `` second \\u{7c} `x` \\u{1b}[2J ``\n"))
        for text in [page, plain, card] { #expect(!text.contains("\u{1B}")) }
        #expect(!ReportPage(try SampleReport.contents()).html.contains("<li>"))
        #expect(
            !ModelCard(try SampleReport.contents(), methodSummary: "").text.contains("Warnings"))
    }

    /// The card has the numbers of the report.
    @Test func card_hasTheReportsNumbers() throws {
        let card = ModelCard(try SampleReport.contents(), methodSummary: "the default").text
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

    /// Channels that were taken out are no zeros: another file, and another speed.
    @Test func channels_areSmallerNotZero() throws {
        let widths = [1536, 1120].map { Node.object(["intermediate_size": Node($0)]) }
        let channels: Node = .object([
            "dense": widths[0], "pruned": widths[1], "heads_kept": "opt <has> none",
        ])
        let contents = try #require(
            ReportDocument(SampleReport.node.setting("channels", to: channels)))
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

    /// Which experts went is in all forms, with what is known of them.
    @Test func experts_areListed() throws {
        let block: Node = .object([
            "index": 3, "score": "reap", "gone": [1, 4], "tokens": [30, 10, 20, 36, 4, 0],
            "shares": [0.6, 0.2, 0.4, 0.72, 0.08, 0.0], "scores": [4.0, 0.5, 3.0, 2.0, 0.5, 0.0],
        ])
        let experts: Node = .object([
            "dense": 6, "pruned": 4, "per_token": 2, "blocks": Node([block]),
        ])
        let contents = try #require(
            ReportDocument(SampleReport.node.setting("experts", to: experts)))
        let found = try #require(contents.experts?.blocks.first)
        #expect(found.gone == [1, 4] && found.tokens == [30, 10, 20, 36, 4, 0])
        #expect(found.scoreGone == 0.1)
        let page = ReportPage(contents).html
        for part in [
            "<h2>Experts</h2>", "All 6 experts", "<data value=\"0.72\">72.0 %</data>",
            "<data value=\"0.1\">10.0 %</data>", "judged by reap",
        ] { #expect(page.contains(part), "\(part)") }
        let text = PlainReport(contents).text
        for part in ["6 dense, 4 pruned", "experts that went", "1 4", "72.0 %"] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(
            ModelCard(contents, methodSummary: "x").text.contains("| experts | 4 of 6 of each"))
    }

    /// What is infinite or no number is words, the report's own, and never `inf` or `nan`.
    @Test func notFiniteNumbers_areWordsEverywhere() throws {
        let over = "over 1.8e308 (loss 812.4 nats)"
        let perplexity = try #require(SampleReport.node["perplexity"])
            .setting("pruned", to: .null).setting("pruned_text", to: Node(over))
            .setting("pruned_standard_error", to: .null).setting("ratio_standard_error", to: .null)
            .setting("dense_loss", to: 3.0357).setting("pruned_loss", to: 812.4)
        let none: Node = .object([
            "acc": .null, "acc_standard_error": .null, "acc_norm": .null,
            "acc_norm_standard_error": .null,
        ])
        let points = try #require(SampleReport.node["curve"]?.array)
        let last = try #require(points.last).setting("perplexity", to: .null)
            .setting("perplexity_text", to: Node(over)).setting("kl_divergence", to: .null)
            .setting("ratio_standard_error", to: .null)
        let node = SampleReport.node.setting("perplexity", to: perplexity)
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

    @Test func plainReport_hasTheSame() throws {
        let text = PlainReport(try SampleReport.contents()).text
        for part in [
            "50.0 % of 8,192 weights", "20.82 ± 0.75 dense, 23.25 ± 0.88 pruned (+11.7 ± 1.3 %)",
            "next token for 81.3 ± 0.3 %", "0.06250 ± 0.00100 nats a token",
            "62.5 ± 7.8 % dense, 57.5 ± 7.9 % pruned, change -5.0 ± 3.5 points, of 40 questions",
            "40.0 KiB",
            "knee", "model.layers.1.mlp.down_proj", "0.999", "12.5 s and 100.0 MiB",
        ] { #expect(text.contains(part), "\(part)") }
    }
}
