import Documents
import Testing

@testable import Reports

/// Several outputs beside each other, and what they decide.
struct CurveTests {
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

    /// Beside perplexity a comparison has whatever else was measured, and nothing where nothing
    /// was.
    @Test func comparison_hasWhatElseWasMeasured() throws {
        let page = ReportPage(try SampleReport.contents()).html
        #expect(page.contains("How like the dense model they are: the share of tokens"))
        #expect(page.contains("<small>acc\u{A0}<data value=\"-0.08\">-8.0</data>"))
        let text = PlainReport(try SampleReport.contents()).text
        for part in [
            "agreement", "95.1 ± 0.4 %", "0.03750 ± 0.00150", "change of acc", "-8.0 ± 2.5",
            "of acc_norm", "-7.5 ± 4.5", "measured error",
        ] { #expect(text.contains(part), "\(part)") }
        let keys: Set = [
            "next_token_agreement", "agreement_standard_error", "kl_divergence",
            "kl_standard_error",
            "choices_change",
        ]
        let curve = try #require(SampleReport.node["curve"]?.array).map { point in
            keys.reduce(point) { $0.removing($1) }
        }
        let bare = try #require(ReportDocument(SampleReport.node.setting("curve", to: Node(curve))))
        #expect(!ReportPage(bare).html.contains("How like the dense model"))
        #expect(!PlainReport(bare).text.contains("of acc_norm"))
    }

    /// What is the same number for both models stays, rather than to fall from it to itself.
    @Test func verdict_whereAccuracyStays() throws {
        let choices = try #require(SampleReport.node["choices"])
        let dense = try #require(choices["dense"])
        let same = choices.setting("pruned", to: dense).setting("change", to: .object(["acc": 0]))
        let page = ReportPage(
            try #require(ReportDocument(SampleReport.node.setting("choices", to: same))))
        #expect(page.verdict.contains("questions stays at <data value=\"0.625\">62.5 %</data>."))
    }
}
