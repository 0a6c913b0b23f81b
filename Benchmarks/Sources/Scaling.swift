import Checkpoint
import Daemon
import Documents
import Transformer

extension Run {
    /// How time grows with threads, tokens, sequence length and the model.
    func measureScaling() throws {
        try measureThreadsAndTokens()
        try measureLengths()
        try measureWidths()
    }

    /// The settings' job on one thread and all, and with half of its tokens.
    private func measureThreadsAndTokens() throws {
        let job = PruneJob(settings)
        let whole = job.contender("all", in: scratch)
        var single = job
        single.threads = 1
        let one = single.contender("one thread", in: scratch)
        var part = job
        part.samples = max(1, job.samples / 2)
        let half = part.contender("half of the tokens", in: scratch)
        try Contender.takeTurns(
            [whole, half] + (job.threads > 1 ? [one] : []), rounds: settings.runs)
        if job.threads > 1 {
            recordRatio("1 to \(job.threads) threads, faster", job, one, whole)
        }
        if part.samples * 2 == job.samples {
            recordRatio("twice the tokens, slower", job, whole, half)
        }
    }

    /// How many times as long `first` takes as `second`.
    private func recordRatio(
        _ name: String, _ job: PruneJob, _ first: Contender, _ second: Contender
    ) {
        record(
            name, job.conditions, threads: job.threads, first.timing.best / second.timing.best,
            .ratio, spread: [first, second].compactMap(\.timing.spread).max(),
            note: [first, second].map { "\(decimal($0.timing.best, 2)) s" }
                .joined(separator: " and "))
    }

    /// The same tokens in longer and longer sequences, up to 4096 or what the model takes: only the
    /// arithmetic of attention should grow.
    private func measureLengths() throws {
        let model = try Model(Checkpoint(directory: settings.model))
        let longest = min(4096, model.configuration.maxPositionEmbeddings)
        let tokens = max(settings.samples * settings.length / longest, 1) * longest
        let jobs = [8, 4, 2, 1].map { longest / $0 }.map { length in
            var job = PruneJob(settings)
            job.length = length
            job.samples = tokens / length
            return (job, job.contender("length", in: scratch))
        }
        try measure("length", jobs)
    }

    /// Models of growing width.
    private func measureWidths() throws {
        let jobs = try [256, 512, 1024].map { width in
            let model = SyntheticModel.wide(width)
            let directory = "\(scratch)/width-\(width)"
            let tokens = "\(scratch)/tokens-\(width).safetensors"
            try model.write(to: directory)
            try model.writeTokens(tokens, samples: 8, length: 512)
            let job = PruneJob(
                model: directory, calibration: .tokens(tokens), samples: 8, length: 512,
                threads: settings.threads)
            return (job, job.contender("width", in: scratch))
        }
        try measure("model", jobs)
    }

    private func measure(_ name: String, _ jobs: [(PruneJob, Contender)]) throws {
        try Contender.takeTurns(jobs.map { $1 }, rounds: settings.runs)
        let least = jobs.compactMap { $1.resources?.modelFlops }.min()
        for (job, contender) in jobs {
            let flops = contender.resources?.modelFlops
            record(
                name, job.conditions, threads: job.threads, contender.timing.best, .seconds,
                spread: contender.timing.spread,
                note: zip(flops, least).map { "\(decimal($0 / $1, 2)) x the least arithmetic" })
            recordRate("\(name), arithmetic", job, contender)
        }
    }
}

private func zip(_ first: Double?, _ second: Double?) -> (Double, Double)? {
    if let first, let second { (first, second) } else { nil }
}
