import Daemon
import Documents
import Glibc
import Posix

extension Run {
    /// The settings' job by `stade`, by plain PyTorch and by the published code, as whole
    /// processes.
    func measurePeers() throws {
        guard let python = settings.python else {
            return show("  left out: PYTHON=FILE would name a Python with torch and transformers")
        }
        if settings.published == nil {
            show("  without the published code: PUBLISHED=DIR would name a checkout of it")
        }
        for precision in settings.precisions {
            var job = PruneJob(settings)
            job.precision = precision
            let mine = job.contender("stade", in: scratch)
            var others = [
                contender("PyTorch", python, ["Benchmarks/pytorch_wanda.py"], job)
            ]
            if let code = settings.published {
                others.append(
                    contender(
                        "published code", python, ["Benchmarks/published_stade.py", code], job))
            }
            try Contender.takeTurns([mine] + others, rounds: settings.runs)
            record(mine, job, against: mine)
            for other in others { record(other, job, against: mine) }
        }
    }

    /// - Parameter script: and what comes before the arguments that all scripts take.
    private func contender(
        _ name: String, _ python: String, _ script: [String], _ job: PruneJob
    ) -> Contender {
        let output = "\(scratch)/peer"
        let arguments =
            script + [
                job.model, settings.text, output, "--method", job.method, "--precision",
                job.precision, "--samples", "\(job.samples)", "--length", "\(job.length)",
                "--threads", "\(job.threads)",
            ]
        let log = "\(scratch)/peer.log"
        return Contender(name) {
            let end = try ChildProgram(executable: python, arguments: arguments, log: log).run()
            try removeTree(output)
            return .init(end: end, resources: nil)
        }
    }

    private func record(_ contender: Contender, _ job: PruneJob, against mine: Contender) {
        let (name, conditions, threads) = (contender.name, job.conditions, job.threads)
        record(
            name, conditions, threads: threads, contender.timing.best, .seconds,
            spread: contender.timing.spread)
        record(
            "\(name), peak memory", conditions, threads: threads, Double(contender.peakMemory),
            .bytes)
        if contender === mine { return }
        record(
            "\(name) over stade", conditions, threads: threads,
            contender.timing.best / mine.timing.best, .ratio)
    }
}
