import Tensors

/// Writes a block's forward pass down as a tape, operation by operation, as `TileForward` runs it.
///
/// Without parameters it only finds out what the tape would take.
struct TapeBuilder {
    let model: Model
    let block: Int
    let shape: BlockShape
    /// Tokens of a window.
    let length: Int
    let parameters: TuningParameters?
    private var variables: [Variable] = []
    private var uses: [Use] = []
    private var phases: [Tape.Phase] = []
    /// What fused layers have made, and their parts.
    private var split: [LayerKey: [Role: Variable]] = [:]
    /// Bytes of what operations have beside variables, for each thread.
    private(set) var threadBytes = 0
    var constants = TuningConstants()

    var configuration: ModelConfiguration { model.configuration }

    init(
        _ model: Model, block: Int, shape: BlockShape, length: Int, parameters: TuningParameters?
    ) {
        self.model = model
        self.block = block
        self.shape = shape
        self.length = length
        self.parameters = parameters
    }

    /// The windows that go through the tape together.
    var group: TuningGroup {
        TuningGroup(windows: TuningGroup.size(length: length), length: length)
    }

    mutating func variable(
        _ width: Int, rowsPerToken: Int = 1, needsGradient: Bool = true, hasValue: Bool = true
    ) -> Variable {
        let variable = Variable(
            width: width, rowsPerToken: rowsPerToken, needsGradient: needsGradient,
            hasValue: hasValue)
        variables.append(variable)
        return variable
    }

    mutating func use(_ variable: Variable) -> Use {
        let use = Use(variable)
        uses.append(use)
        return use
    }

    /// - Parameter make: nil where the block's parameters are not there.
    mutating func add(_ make: (TuningParameters) -> (any RowOperation)?) {
        guard let parameters, let operation = make(parameters) else { return }
        if case .rows(let operations) = phases.last {
            phases[phases.count - 1] = .rows(operations + [operation])
        } else {
            phases.append(.rows([operation]))
        }
    }

    mutating func add(group make: (TuningParameters) -> any GroupOperation, threadBytes: Int) {
        self.threadBytes = max(self.threadBytes, threadBytes)
        guard let parameters else { return }
        phases.append(.group(make(parameters)))
    }

    /// What a role's layer makes of x, in the order of its rows; nil where the block has none.
    mutating func project(_ role: Role, _ x: Variable) -> Variable? {
        guard
            let key = model.commonLayers(block: block).first(where: {
                $0.expert == nil && $0.role.parts.contains(role)
            })
        else { return nil }
        if let made = split[key]?[role] { return made }
        let whole = linear(key, x)
        let ranges = model.parts(key, block: block, in: shape)
        if ranges.isEmpty { return whole }
        let parts = ranges.map { variable($0.reduce(0) { $0 + $1.count }) }
        let use = use(whole)
        add { _ in SplitOperation(input: use, parts: ranges, outputs: parts) }
        split[key] = Dictionary(uniqueKeysWithValues: zip(key.role.parts, parts))
        return split[key]?[role]
    }

    private mutating func linear(_ key: LayerKey, _ x: Variable) -> Variable {
        let output = variable(model.shape(key, block: block, in: shape).rows)
        let use = use(x)
        add { parameters in
            parameters.layers[key].map {
                LinearOperation(parameter: $0, input: use, output: output)
            }
        }
        return output
    }

    /// What a norm makes of x; x itself where the block has none there.
    mutating func norm(_ place: NormPlace, _ x: Variable) -> Variable {
        guard model.has(place, block: block) else { return x }
        let output = variable(
            x.width, needsGradient: x.needsGradient || model.hasWeights(place))
        let (use, chunks, dimension) = (use(x), group.chunks, headDimension(place))
        add { parameters in
            parameters.norms[place].map {
                NormOperation($0, use, output, dimension: dimension, chunks: chunks)
            }
        }
        return output
    }

    /// Features of each head that such a norm is over by itself; nil: it is over all.
    private func headDimension(_ place: NormPlace) -> Int? {
        if place == .delta { return configuration.recurrence?.heads?.valueDimension }
        let isPerHead = place.isOverHeads && configuration.headNorms?.extent != .whole
        return isPerHead ? configuration.heads[block].dimension : nil
    }

    /// x + factor y.
    mutating func sum(_ x: Variable, _ y: Variable, times factor: Float = 1) -> Variable {
        let output = variable(x.width, needsGradient: x.needsGradient || y.needsGradient)
        if factor == 1, y.needsGradient { y.shareGradient(of: output) }
        let (sum, addend) = (use(x), use(y))
        add { _ in AddOperation(sum: sum, addend: addend, factor: factor, output: output) }
        return output
    }

    /// Bytes of all variables of the tape.
    private var bytes: Int {
        4 * group.rows * variables.reduce(0) { $0 + $1.elements }
    }

    private var widest: Int { variables.reduce(0) { max($0, $1.width) } }

    /// The tape, with its memory.
    func tape(from input: Variable, to output: Variable, pool: WorkerPool) -> Tape {
        var seen: Set<ObjectIdentifier> = []
        for use in uses.reversed() {
            use.accumulates = !seen.insert(ObjectIdentifier(use.variable)).inserted
        }
        // What shares a gradient with another stands before it.
        for variable in variables.reversed() { variable.allocate(tokens: group.rows) }
        return Tape(
            phases, input: input, constants: constants, output: output, widest: widest, pool: pool)
    }

    /// What such a tape takes, in bytes.
    func bytes(threads: Int) -> Int {
        bytes + threads * (TuningBuffers.bytes(widest: widest) + threadBytes)
    }
}
