/// What can be measured by itself.
enum Part: String, Sendable, CaseIterable {
    /// Matrix products and memory: what the machine can do. Always measured, for the others are
    /// compared with it.
    case ceiling
    /// Each step of a job by itself.
    case stages
    /// Whole jobs.
    case job
    /// Threads, tokens, sequence length, model size.
    case scaling
    /// The same work in PyTorch and by the published code.
    case peers

    /// For the heading.
    var title: String {
        switch self {
        case .ceiling: "The ceiling"
        case .stages: "Stages"
        case .job: "The whole job"
        case .scaling: "Scaling"
        case .peers: "Against PyTorch and the published code"
        }
    }

    /// Measures it and adds the figures to the run in `scratch`.
    func measure(_ settings: Settings, scratch: String) throws {
        let run = try Run(of: self, settings, scratch: scratch)
        show("\n\(title)")
        switch self {
        case .ceiling: try run.measureCeiling()
        case .stages: try run.measureStages()
        case .job: try run.measureJobs()
        case .scaling: try run.measureScaling()
        case .peers: try run.measurePeers()
        }
        try run.save()
    }
}
