import Pipeline
import Spool
import Testing

@testable import Daemon

/// What is shown of the daemon, from values alone.
@Suite struct DaemonStatusTests {
    static let busy: DaemonStatus = {
        var progress = Progress(phase: .pruning, blocks: 30, fraction: 0.125)
        progress.block = 2
        var status = DaemonStatus()
        status.running = [
            .init(id: "id-b", name: "first", progress: progress),
            .init(id: "id-a", name: "second\u{1B}", progress: nil),
        ]
        status.queued = 7
        status.deferred = 1
        status.waiting = [
            WaitingManifests(uid: 1, reason: .user, count: 3, hasMore: true, oldest: []),
            WaitingManifests(uid: 2, reason: .user, count: 2, hasMore: false, oldest: []),
            WaitingManifests(uid: 3, reason: .disk, count: 4, hasMore: false, oldest: []),
        ]
        status.shortage = "little room"
        status.trouble = "a full disk"
        status.isDrained = true
        status.events = [.jobQueued: 12]
        return status
    }()

    @Test func text_isOneLine() {
        #expect(DaemonStatus().text == "idle; 0 queued")
        #expect(
            Self.busy.text
                == "first: block 3 of 30, 12 %; second\\u{1b}; drained; 7 queued; 1 put off; "
                + "more than 9 wait in the inbox; little room; a full disk")
        var status = DaemonStatus()
        status.isStopping = true
        #expect(status.text == "stopping; 0 queued")
    }

    @Test(
        arguments: [
            ("stade_start_time_seconds", "1000", "1000"),
            ("stade_jobs{state=\"queued\"}", "0", "7"), ("stade_jobs{state=\"active\"}", "0", "2"),
            ("stade_jobs{state=\"deferred\"}", "0", "1"),
            ("stade_inbox_waiting{reason=\"user\"}", "0", "5"),
            ("stade_inbox_waiting{reason=\"disk\"}", "0", "4"),
            ("stade_inbox_waiting{reason=\"rejections\"}", "0", "0"),
            ("stade_disk_low", "0", "1"), ("stade_events_total{event=\"job_queued\"}", "0", "12"),
            ("stade_events_total{event=\"job_failed\"}", "0", "0"), ("stade_healthy", "1", "0"),
            ("stade_drained", "0", "1"), ("stade_job_progress_ratio{job=\"id-b\"}", nil, "0.125"),
            ("stade_job_progress_ratio{job=\"id-a\"}", nil, nil),
        ] as [(String, String?, String?)])
    func metrics(_ name: String, _ idle: String?, _ busy: String?) {
        for (status, expected) in [(DaemonStatus(), idle), (Self.busy, busy)] {
            let lines = Metrics.text(status, started: 1000).split(separator: "\n")
            let values = lines.filter { $0.hasPrefix(name + " ") }
                .map { String($0.dropFirst(name.utf8.count + 1)) }
            #expect(values == [expected].compactMap { $0 })
        }
    }
}
