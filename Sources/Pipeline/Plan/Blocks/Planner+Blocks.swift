import Checkpoint
import Manifests
import Pruning
import Reports
import Transformer

extension Planner {
    /// What taking out whole blocks by a method comes to in the model. Where the manifest names no
    /// blocks, a survey chooses among the runs that `config.json` can do without.
    static func blockTreatment(
        _ model: Model, _ manifest: Manifest, _ method: Method, sparsity: Double
    ) throws -> Treatment {
        let blocks = model.configuration.numHiddenLayers
        func failure(_ text: String) -> PlanError {
            PlanError(place: manifest.name, reason: .blocks(text))
        }
        let named = manifest.prune.blocks
        guard named.isEmpty else {
            if let last = named.last, last >= blocks {
                throw failure(
                    "the model has no block \(last); its blocks are 0 to \(blocks - 1)")
            }
            if named.count == blocks { throw failure("one block at least has to stay") }
            let cut = BlockCut(named, of: blocks)
            if let obstacle = model.obstacle(to: cut) {
                throw failure("this model cannot do without these blocks: \(obstacle)")
            }
            return try blockTreatment(model, manifest, method, cut)
        }
        guard blocks > 1 else { throw failure("the model has one block, which has to stay") }
        let count = min(blocks - 1, max(1, Int((sparsity * Double(blocks)).rounded())))
        let runs = (0...(blocks - count)).map { BlockCut.Run(first: $0, count: count) }
        var obstacle: String?
        let candidates = runs.filter { run in
            let found = model.obstacle(to: BlockCut(run.blocks, of: blocks))
            obstacle = obstacle ?? found
            return found == nil
        }
        guard
            let first = candidates.first(where: { model.mapObstacle($0) == nil })
                ?? candidates.first
        else {
            throw failure(
                "this model cannot do without \(count) of its \(blocks) blocks, whichever follow "
                    + "each other: \(obstacle ?? "")")
        }
        return try blockTreatment(
            model, manifest, method, BlockCut(first.blocks, of: blocks), candidates: candidates)
    }

    /// The same with these blocks taken out.
    /// - Parameter candidates: among which a survey is yet to choose.
    static func blockTreatment(
        _ model: Model, _ manifest: Manifest, _ method: Method, _ cut: BlockCut,
        candidates: [BlockCut.Run] = []
    ) throws -> Treatment {
        let prune = manifest.prune
        let isMapped = method.mapsBlocks(compensation: prune.compensation)
        let seams = Set(
            cut.runs.filter { isMapped && model.mapObstacle($0) == nil }.compactMap(\.seam))
        let down = LayerKey(.down)
        let biases = BiasPlan(
            model, wanted: seams.isEmpty ? [] : [down.role], allowsNative: prune.bias != .none,
            allowsRelabel: prune.bias == .auto)
        let carriesBias = biases.policy(down) != .none
        func choice(_ key: LayerKey, _ block: Int) -> Method.Choice? {
            guard seams.contains(block) else { return nil }
            if key == down {
                return Method.map(carriesBias: carriesBias, because: biases.obstacle)
            }
            return prune.tuning == nil ? nil : Method.tunedBesideMap
        }
        let layers = model.blocks.map { block in
            model.layers(block: block).map { key in
                LayerPlan(
                    name: model.layerName(key, block: block), block: block, key: key,
                    choice: choice(key, block), policy: biases.policy(key))
            }
        }
        let used: Set<Role> = carriesBias && !seams.isEmpty ? [down.role] : []
        let sizes = model.tensorsByBlock.blocks.map { $0.reduce(0) { $0 + $1.byteCount } }
        func bytes(_ blocks: some Sequence<Int>) -> Int { blocks.reduce(0) { $0 + sizes[$1] } }
        let least = candidates.map { bytes($0.blocks) }.min() ?? bytes(cut.removed)
        return Treatment(
            method: method, layers: layers, biases: biases, usedRoles: used,
            shapes: model.blockShapes, widths: model.widths, headsKept: nil,
            layout: try layout(model, biases, used: used, shapes: model.blockShapes, cut: cut),
            blocks: BlockPlan(
                cut: cut, candidates: candidates, isMapped: isMapped,
                moreBytes: bytes(cut.removed) - least,
                share: prune.blocks.isEmpty
                    ? nil : Double(cut.removed.count) / Double(model.blocks.count)))
    }
}

extension Plan {
    /// Whether some output's blocks are yet to be chosen.
    var choosesBlocks: Bool {
        outputs.contains { $0.treatment.blocks?.candidates.isEmpty == false }
    }

    /// The same with the best blocks taken out of each output.
    ///
    /// - Parameter choices: of each output, with a candidate at least.
    func choosing(_ choices: [ReportDocument.Choice]) throws -> Plan {
        var plan = self
        plan.choices = choices
        plan.outputs = try zip(outputs, choices).map { output, choice in
            guard let best = choice.best else { return output }
            let cut = BlockCut(best.first..<(best.first + best.count), of: blocks)
            return Output(
                path: output.path, name: output.name, number: output.number,
                treatment: try Planner.blockTreatment(
                    model, manifest, output.treatment.method, cut),
                sparsity: output.sparsity, overwrite: output.overwrite)
        }
        return plan
    }
}
