import Documents
import Testing

@testable import Reports

/// The report's page.
struct PageTests {
    private func numbers(_ node: Node) -> Set<Double> {
        if let number = node.double { return [number] }
        let children = node.array ?? node.members?.map(\.value) ?? []
        return children.reduce(into: []) { $0.formUnion(numbers($1)) }
    }

    private func values(_ page: String) -> [Double] {
        page.split(separator: "<data value=\"").dropFirst().compactMap { part in
            Double(part.prefix { $0 != "\"" })
        }
    }

    @Test func page_hasTheReportsNumbersAndNoOthers() throws {
        let page = ReportPage(try SampleReport.contents()).html
        let shown = Set(values(page))
        let stored = numbers(SampleReport.node)
        #expect(shown.isSubset(of: stored), "\(shown.subtracting(stored))")
        for key in [
            "cost", "speed", "resources", "perplexity", "fidelity", "choices", "blocks", "curve",
            "layers",
        ] {
            // Lengths and repeated zeros of the curve are said in other words.
            let part = try #require(SampleReport.node[key])
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

    @Test func page_takesNamesAsText() throws {
        let page = ReportPage(try SampleReport.contents()).html
        #expect(page.contains("&lt;b&gt;half &amp; half&lt;/b&gt;"))
        #expect(page.contains("/models/a&quot;b&lt;script&gt;"))
        #expect(!page.contains("<script") && !page.contains("<b>"))
        // Nothing is lost, and nothing acts: a control character is seen as what it is.
        #expect(markup("a\u{1B}[0m\u{85}\n\u{202E}") == "a\\u{1b}[0m\\u{85} \\u{202e}")
    }

    /// Every element is closed, and nothing is fetched.
    @Test func page_isWellFormedAndComplete() throws {
        let page = ReportPage(try SampleReport.contents()).html
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
        let perplexity = try #require(SampleReport.node["perplexity"])
        let bare = SampleReport.node.setting(
            "perplexity", to: perplexity.setting("ratio_standard_error", to: .null))
        let doubtful = ReportPage(try #require(ReportDocument(bare))).html
        #expect(doubtful.contains("+11.7\u{A0}%</span>):") && doubtful.contains("single window"))
        #expect(!ReportPage(try SampleReport.contents()).html.contains("single window"))
        let near = SampleReport.node.setting(
            "perplexity", to: perplexity.setting("pruned", to: 20.9))
        let verdict = ReportPage(try #require(ReportDocument(near))).verdict
        #expect(verdict.contains("%</span>, no more than chance would have it): "))
        #expect(
            !ReportPage(try SampleReport.contents()).verdict.contains("chance would have it): "))
    }

    /// Expected against measured, layer by layer, as two lines of a chart to one scale; and in
    /// words.
    @Test func page_hasMeasuredBesideExpectedErrors() throws {
        let page = ReportPage(try SampleReport.contents()).html
        for part in [
            "model.layers.1.mlp.down_proj: expected 0.04000",
            "model.layers.1.mlp.down_proj: measured 0.08000",
            "Measured over expected error: 1.33 in the median layer, 0.800 "
                + "(<code>model.layers.0.self_attn.q_proj</code>) to 2.00",
            "<span class=\"key h1\">measured</span>",
        ] { #expect(page.contains(part), "\(part)") }
        let layers = try #require(SampleReport.node["layers"]?.array)
        let blind = layers.map { $0.setting("measured_error", to: .null) }
        let other = ReportPage(
            try #require(ReportDocument(SampleReport.node.setting("layers", to: Node(blind))))
        ).html
        #expect(!other.contains("key h1\">measured") && !other.contains("Measured over expected"))
        #expect(other.contains("<span class=\"unit\">expected error</span>"))
    }

    @Test func page_ofQuestionsAlone() throws {
        let page = ReportPage(
            try #require(
                ReportDocument(
                    SampleReport.node.setting("perplexity", to: .null).setting(
                        "fidelity", to: .null)))
        ).html
        #expect(page.contains("Accuracy on <data value=\"40\">40</data> questions falls from"))
        #expect(!page.contains("evaluation.text"))
    }

    /// Layers that lose unequally are shown to; those that lose the same are not.
    @Test func page_showsHowSparsityIsSharedOut() throws {
        let layers = try #require(SampleReport.node["layers"]?.array)
        let uneven = layers.enumerated().map { index, layer in
            layer.setting("sparsity", to: Node(0.4 + 0.05 * Double(index)))
        }
        let contents = try #require(
            ReportDocument(SampleReport.node.setting("layers", to: Node(uneven))))
        let caption = "mlp.down_proj <span class=\"unit\">zeros</span>"
        #expect(ReportPage(contents).html.contains(caption))
        #expect(!ReportPage(try SampleReport.contents()).html.contains(caption))
    }
}
