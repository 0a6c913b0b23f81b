import Posix
import Tensors

/// What a pickle names and calls.
extension TorchPickle {
    mutating func global() throws(Problem) {
        guard let module = reader.line(atMost: Self.maximumLine),
            let name = reader.line(atMost: Self.maximumLine)
        else { throw isCut }
        try push(
            global: String(decoding: module, as: UTF8.self),
            String(decoding: name, as: UTF8.self))
    }

    mutating func stackGlobal() throws(Problem) {
        guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
            throw problem("finds no name")
        }
        try push(global: texts[module], texts[name])
    }

    mutating func push(global module: String, _ name: String) throws(Problem) {
        guard let global = TorchGlobal("\(module) \(name)") else {
            throw problem(
                "names '\(escaped("\(module).\(name)", limit: 120))', which no file of weights "
                    + "needs; nothing of it was executed")
        }
        stack.append(.global(global))
    }

    /// State of a dictionary, as a model's `_metadata`, is of no use here.
    mutating func build() throws(Problem) {
        _ = try pop()
        guard stack.count > (marks.last ?? 0), case .dictionary = stack.last else {
            throw problem("gives a state to what is no dictionary")
        }
    }

    /// `('storage', type, key, location, count)`.
    mutating func storage() throws(Problem) {
        guard case .tuple(let index) = try pop(), tuples[index].count == 5,
            case .text(let kind) = tuples[index][0], texts[kind] == "storage",
            case .global(let global) = tuples[index][1], case .text(let key) = tuples[index][2],
            case .integer(let count) = tuples[index][4], count >= 0
        else { throw problem("names no storage of a tensor") }
        let type: ElementType?
        switch global {
        case .storage(let known): type = known
        case .untypedStorage: type = nil
        default: throw problem("names no storage of a tensor")
        }
        try self.count()
        storages.append(TorchStorage(key: texts[key], type: type, count: count))
        stack.append(.storage(storages.count - 1))
    }

    mutating func reduce() throws(Problem) {
        guard case .tuple(let index) = try pop(), case .global(let global) = try pop() else {
            throw problem("calls what is no function")
        }
        let arguments = tuples[index]
        switch global {
        case .orderedDictionary where arguments.isEmpty: try pushDictionary()
        case .tensor: try push(tensor: arguments, type: nil)
        case .typedTensor:
            guard arguments.count > 6, case .global(.type(let type)) = arguments[6] else {
                throw problem("makes a tensor without a type")
            }
            var rest = arguments
            rest.remove(at: 6)
            try push(tensor: rest, type: type)
        case .parameter:
            guard let first = arguments.first, case .tensor = first else {
                throw problem("makes a parameter of what is no tensor")
            }
            stack.append(first)
        default: throw problem("calls what is no function of tensors")
        }
    }

    /// `(storage, offset, size, strides, requires_grad, hooks[, metadata])`.
    mutating func push(tensor arguments: [Value], type: ElementType?) throws(Problem) {
        guard arguments.count == 6 || arguments.count == 7,
            case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
            let shape = integers(arguments[2]), let strides = integers(arguments[3])
        else { throw problem("makes a tensor of what describes none") }
        if arguments.count == 7 {
            switch arguments[6] {
            case .none: break
            case .dictionary(let index) where dictionaries[index].isEmpty: break
            // A conjugated or negated view: its bytes are not its values.
            default: throw problem("makes a tensor with properties that are not known here")
            }
        }
        guard let type = type ?? storages[storage].type,
            offset >= 0, shape.count == strides.count, shape.count <= Self.maximumDimensions,
            (shape + strides).allSatisfy({ $0 >= 0 })
        else { throw problem("makes a tensor of a wrong shape, or without a type") }
        try count(shape.count)
        made.append(
            TorchTensor(
                storage: storages[storage], type: type, shape: shape, strides: strides,
                offset: offset))
        stack.append(.tensor(made.count - 1))
    }

    private func integers(_ value: Value) -> [Int]? {
        guard case .tuple(let index) = value else { return nil }
        var result: [Int] = []
        for value in tuples[index] {
            guard case .integer(let number) = value else { return nil }
            result.append(number)
        }
        return result
    }
}
