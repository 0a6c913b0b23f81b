import Documents
import Reports
import Testing

@testable import Spool

/// What the spool's files say, in the bytes that earlier versions wrote.
@Suite struct RecordTests {
    private func node(_ text: String) throws -> Node {
        try JSON.parse(Array(text.utf8), file: "test")
    }

    private func text(_ node: Node) -> String {
        String(decoding: JSON.encode(node, indent: nil), as: UTF8.self)
    }

    private static let id = "20250314-092653-8n3k7q"

    private func record(_ text: String) throws -> JobRecord {
        try JobRecord(node(text), id: Self.id, state: .failed, path: "state.json")
    }

    @Test func record_isReadAndWrittenInTheSameKeys() throws {
        let full =
            #"{"version":1,"id":"20250314-092653-8n3k7q","name":"opt","file":"opt.yaml","#
            + #""state":"failed","uid":1000,"submitted":1741944413.25,"since":1741944420.5,"#
            + #""priority":-7,"executor":"slurm","slurm":{"submission":3,"#
            + #""job":17},"attempts":2,"deferrals":1,"retry_after":1741944500.5,"#
            + #""reason":"it is \"so\"","exit_code":65,"resumed":{"block":3,"blocks":12},"#
            + #""peak_memory_bytes":123456789012,"memory_needed_bytes":4096,"changes":["#
            + #"{"state":"queued","time":1741944413.5,"reason":null},"#
            + #"{"state":"failed","time":1741944420.5,"reason":"it is \"so\""}]}"#
        let record = try record(full)
        #expect(text(record.node) == text(try node(full)))
        #expect(record.submissionName == "stade-\(Self.id)-3" && !record.isAway)
        #expect(record.id == Self.id && record.state == .failed && record.uid == 1000)
        #expect(record.resumed == JobRecord.Place(block: 3, blocks: 12))
        #expect(record.changes.count == 2 && record.since == 1_741_944_420.5)
    }

    @Test("a record of the first version, which had fewer keys")
    func oldRecord() throws {
        let record = try record(#"{"name": "a", "file": "a.yaml", "uid": 0, "submitted": 5}"#)
        #expect(record.priority == 0 && record.attempts == 0 && record.changes.isEmpty)
        #expect(record.executor == .local && record.submission == nil)
        #expect(record.reason == nil && record.resumed == nil && record.since == 5)
    }

    @Test(arguments: [
        (#""priority": 5000, "attempts": -1, "deferrals": 99999999"#, 1000, 0, 1_000_000),
        (#""priority": "high", "attempts": 1.5, "deferrals": null"#, 0, 0, 0),
    ])
    func wrongNumbers_areBroughtWithinBounds(
        _ keys: String, _ priority: Int, _ attempts: Int, _ deferrals: Int
    ) throws {
        let record = try record(
            #"{"name": "a", "file": "a.yaml", "uid": 0, "submitted": 5, "retry_after": -1, "#
                + #""peak_memory_bytes": -1, "memory_needed_bytes": 0, "exit_code": 4294967296, "#
                + #""resumed": {"block": 5, "blocks": 4}, "#
                + #""changes": [{"state": "lost", "time": 1},"#
                + #"{"state": "held", "time": 1e300}, {"state": "held", "time": 2}], "# + keys + "}"
        )
        #expect(record.priority == priority && record.attempts == attempts)
        #expect(record.deferrals == deferrals && record.retryAfter == nil)
        #expect(record.peakMemory == nil && record.memoryNeeded == nil && record.exitCode == nil)
        #expect(record.resumed == nil && record.changes.map(\.state) == [.held])
    }

    @Test func changes_areTheLatest() throws {
        let changes = (0..<60).map { #"{"state": "held", "time": \#($0), "reason": null}"# }
        let record = try record(
            #"{"name": "a", "file": "a.yaml", "uid": 0, "submitted": 5, "changes": ["#
                + changes.joined(separator: ",") + "]}")
        #expect(record.changes.map(\.time) == (10..<60).map { Double($0) })
    }

    @Test(arguments: [
        #"{"file": "a.yaml", "uid": 0, "submitted": 5}"#,
        #"{"name": "a", "file": "a.yaml", "uid": -1, "submitted": 5}"#,
        #"{"name": "a", "file": "a.yaml", "uid": 0, "submitted": 1e12}"#,
        #"{"id": "other-job", "name": "a", "file": "a.yaml", "uid": 0, "submitted": 5}"#, "[]",
    ])
    func damagedRecord_isNone(_ text: String) throws {
        let isOther = text.contains("other-job")
        do throws(DocumentError) {
            let node = try JSON.parse(Array(text.utf8), file: "test")
            _ = try JobRecord(node, id: Self.id, state: .queued, path: "state.json")
            Issue.record("read")
        } catch {
            #expect(error.exitCode == .io)
            #expect(error.description.contains(isOther ? "of another job" : "not a job's state"))
        }
    }

    @Test func output_leavesOutTextsThatItHasNot() throws {
        let short =
            #"{"path":"/o","pattern":null,"perplexity_dense":40.5,"perplexity_pruned":null,"#
            + #""weights":10,"zeros":5,"seconds":1.5}"#
        let output = try #require(Output(coded: node(short)))
        #expect(text(output.node) == text(try node(short)))
        #expect(output.sparsity == 0.5)
        let long =
            short.dropLast() + #","perplexity_dense_text":"a","perplexity_pruned_text":"b"}"#
        #expect(
            text(try #require(Output(coded: node(String(long)))).node)
                == text(try node(String(long))))
        #expect(Output(coded: try node(#"{"pattern": "2:4"}"#)) == nil)
    }

    @Test func waiting_isReadAndWrittenInTheSameKeys() throws {
        let full =
            #"{"version":1,"shortage":"none","limit":5,"users":[{"uid":7,"reason":"user","#
            + #""count":3,"more":true,"oldest":["a.yaml"]}]}"#
        var waiting = Spool.Waiting()
        #expect(waiting.read(try node(full)).isWhole)
        #expect(text(waiting.node) == text(try node(full)))
    }

    @Test func answers_areReadAndWrittenInTheSameKeys() throws {
        let full =
            #"{"version":1,"answers":[{"request":".request-hold-x","uid":7,"time":1.5,"#
            + #""refusal":null},{"request":".request-drain-x","uid":8,"time":2.5,"#
            + #""refusal":"only root may"}]}"#
        var answers = Answers()
        #expect(answers.read(try node(full)).isWhole)
        #expect(text(answers.node) == text(try node(full)))
    }
}
