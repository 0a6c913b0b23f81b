import Testing

@testable import Posix

@Suite struct LayoutTests {
    /// Spools, snapshots and outputs of earlier versions have these names, and administrators know
    /// them: none may change.
    @Test func names_stay() {
        typealias L = Layout
        #expect(
            [
                L.Spool.temporary, L.Spool.lock, L.Spool.drained, L.Spool.waiting, L.Spool.answers,
                L.Spool.configuration, L.Spool.metrics,
            ] == [
                "tmp", "lock", "drained", "waiting.json", "answers.json", "configuration.yaml",
                "metrics.prom",
            ])
        #expect(
            [
                L.Inbox.manifestEnding, L.Inbox.requestPrefix, L.Inbox.claims,
                L.Inbox.olderClaim("x"), L.Inbox.notClaims("x"),
            ] == [".yaml", ".request-", ".claims", ".claim-x", ".not-claims-x"])
        #expect(
            [
                L.Job.record, L.Job.reason, L.Job.manifest, L.Job.progress, L.Job.result,
                L.Job.log, L.Job.snapshot, L.Job.events, L.Job.script, L.Job.workerLock,
                L.Job.submitLock,
            ] == [
                "state.json", "reason.txt", "manifest.yaml", "progress.json", "result.json", "log",
                "checkpoint", "events", "slurm.sh", "worker.lock", "submit.lock",
            ])
        #expect(
            [
                L.Snapshot.progress, L.Snapshot.outputs, L.Snapshot.job, L.Snapshot.states(1),
                L.Snapshot.directory(beside: "out"),
            ] == ["progress.json", "outputs.json", "id", "states-1", ".out.stade-checkpoint"])
        #expect(
            [
                L.Output.report, L.Output.page, L.Output.statistics, L.Output.card,
                L.Output.denseCard,
            ] == [
                "stade-report.json", "stade-report.html", "stade-statistics.safetensors",
                "README.md", "README.dense.md",
            ])
        #expect(
            [L.Partial.mark, L.Partial.scratch, L.Partial.pattern]
                == [".stade-job", ".stade-scratch", ".stade-*.partial"])
        #expect(L.Partial.names("x").prefix(2) == [".stade-x.partial", ".stade-x-2.partial"])
        #expect(L.Partial.names("x").count == 9 && L.Partial.names("x").allSatisfy(L.Partial.isOne))
        #expect(![".stade-job", "stade-x.partial", ".stade-x"].contains(where: L.Partial.isOne))
    }

    @Test(
        arguments: [
            ("/srv/out/m", "/srv/out", "m"), ("/srv/out/m/", "/srv/out", "m"), ("/m", "/", "m"),
            ("m", "", "m"), ("a/m", "a", "m"), ("./m", "", "m"), ("a/./m/.", "a", "m"),
            ("//a//m", "/a", "m"), ("/", "/", nil), ("", "", nil), (".", "", nil),
            ("a/..", "a", ".."), ("a/\u{301}b", "a", "\u{301}b"), ("/x/é", "/x", "é"),
        ] as [(String, String, String?)])
    func parentAndName(_ path: String, _ parent: String, _ name: String?) {
        #expect(parentPath(path) == parent)
        #expect(lastName(path) == name)
    }
}
