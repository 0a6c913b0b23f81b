import Spool
import Testing

@testable import Daemon

/// What is done about a request, by the state of the job alone.
@Suite struct RequestTests {
    static func record(_ state: JobState) -> JobRecord {
        var record = JobRecord(
            id: "20250101-000000-abcdef", state: state, name: "job", file: "job.yaml", uid: 1000,
            submitted: 0)
        record.attempts = 2
        record.deferrals = 3
        record.reason = "before"
        record.exitCode = 75
        record.retryAfter = 5
        return record
    }

    static let granted: [(Request.Verb, JobState, JobState?)] = [
        (.cancel, .active, nil), (.cancel, .queued, .failed), (.cancel, .deferred, .failed),
        (.cancel, .held, .failed), (.hold, .queued, .held), (.hold, .deferred, .held),
        (.release, .held, .queued), (.retry, .failed, .queued), (.retry, .deferred, .queued),
    ]

    @Test(arguments: [Request.Verb.cancel, .hold, .release, .retry], JobState.allCases)
    func verdict(_ verb: Request.Verb, _ state: JobState) throws {
        let record = Self.record(state)
        let request = Request(verb, record.id, uid: record.uid)
        let verdict = JobLifecycle.verdict(on: request, record, false)
        guard let row = Self.granted.first(where: { $0.0 == verb && $0.1 == state }) else {
            #expect(verdict == .refused(because: "it is \(state.rawValue)"))
            return
        }
        if let target = row.2 {
            guard case .step(let step) = verdict else {
                Issue.record("\(verdict)")
                return
            }
            #expect(step.state == target && step.record.state == state)
            #expect(step.work == (target == .failed ? .discarded : .kept))
            #expect(step.record.exitCode == (target == .failed ? 75 : nil))
            #expect(step.record.retryAfter == nil && step.record.reason != "before")
            #expect(step.lines.count == 1)
            if target != .failed {
                #expect(step.record.attempts == 0 && step.record.deferrals == 0)
            }
        } else {
            #expect(verdict == .endWorker)
        }
    }

    @Test func others_areRefusedAndAdministratorsAreNot() {
        let record = Self.record(.queued)
        let request = Request(.cancel, record.id, uid: 2000)
        guard case .refused(let why) = JobLifecycle.verdict(on: request, record, false) else {
            Issue.record("granted to somebody else")
            return
        }
        #expect(why.hasPrefix("it belongs to "))
        guard case .step = JobLifecycle.verdict(on: request, record, true) else {
            Issue.record("refused to an administrator")
            return
        }
    }
}
