import Posix
import Spool

extension Daemon {
    /// Looks into the inbox and files what came.
    /// - Parameter next: lowered to when to look again, in seconds.
    func scan(_ next: inout Double) throws(SystemError) {
        let intake = try inbox.scan(
            configuration.limits, room: { jobs.queue.room(for: $0) }, &next, on: turns.queue
        ) { [weak self] in self?.turns.request() }
        guard let intake else { return }
        var failure = intake.failure
        for record in intake.accepted {
            do throws(SystemError) {
                if try !jobs.accept(record) { inbox.noteRejection(record.uid) }
            } catch {
                failure = failure ?? error
            }
        }
        for request in intake.requests {
            do throws(SystemError) { try grant(request) } catch { failure = failure ?? error }
        }
        inbox.writeAnswers()
        if intake.hasMore { turns.request() }
        if let failure { throw failure }
    }

    /// Does what was asked for, or says why not.
    private func grant(_ request: Request) throws(SystemError) {
        let refusal: String?
        do throws(SystemError) {
            if let objection = request.objection {
                refusal = objection
            } else if request.verb.isAboutDaemon {
                refusal = try command(request)
            } else {
                refusal = try jobs.grant(request, isPending: slurm.isPending(request.id)) {
                    let reason: Worker.Ending =
                        request.verb == .hold
                        ? .held(uid: request.uid) : .cancelled(uid: request.uid)
                    workers.end(request.id, reason)
                    slurm.end(request.id, reason)
                }
            }
        } catch {
            inbox.answer(request, error.description)
            throw error
        }
        inbox.answer(request, refusal)
        if let refusal { note(request, refusedFor: refusal) }
    }

    /// About the daemon itself.
    /// - Returns: why it is refused; nil where it was done.
    private func command(_ request: Request) throws(SystemError) -> String? {
        guard JobLifecycle.isAdministrator(request.uid) else { return "only root may" }
        switch request.verb {
        case .drain, .undrain:
            let isDrained = request.verb == .drain
            if try jobs.setDrained(isDrained) {
                journal.write(
                    JournalEntry(
                        .notice,
                        isDrained
                            ? "drained by \(userName(request.uid)): no job is started until "
                                + "'stadectl drain --off'"
                            : "jobs are started again, at the request of "
                                + userName(request.uid),
                        .drained))
            }
            turns.request()
        case .reload: return readConfiguration()
        case .cancel, .hold, .release, .retry: break
        }
        return nil
    }

    private func note(_ request: Request, refusedFor why: String) {
        let job = request.verb.isAboutDaemon ? nil : request.id
        let what = request.verb.rawValue + (job.map { " \($0)" } ?? "")
        journal.write(
            JournalEntry(
                .warning, "the request of \(userName(request.uid)) to \(what) is refused: \(why)",
                .requestRefused
            )
            .with("STADE_JOB_ID", job), of: request.uid)
    }
}
