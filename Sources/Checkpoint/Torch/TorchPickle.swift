import Posix
import Tensors

/// Reads the pickle of a `pytorch_model.bin`: a dictionary of names and tensors.
///
/// The machine knows data and a handful of globals. What it makes lies in tables and is named by
/// index: nothing is nested, so neither depth nor cycles cost anything, and every table is bounded.
struct TorchPickle {
    /// By name, in the pickle's order.
    private(set) var tensors: [(name: String, tensor: TorchTensor)] = []

    /// Bytes; a tensor takes some 150.
    static let maximumSize = 64 << 20
    /// What is made on the way, and what lies on the stack; a tensor takes some forty.
    static let maximumObjects = 2_000_000
    static let maximumStack = 1_000_000
    static let maximumDimensions = 64
    static let maximumLine = 256

    /// What is wrong with it, and where.
    struct Problem: Error {
        let text: String
        var tensor: String?
    }

    enum Value {
        case none
        case boolean
        case integer(Int)
        case text(Int)
        case tuple(Int)
        case dictionary(Int)
        case global(TorchGlobal)
        case storage(Int)
        case tensor(Int)

        var kind: String {
            switch self {
            case .none: "None"
            case .boolean: "a truth value"
            case .integer: "a number"
            case .text: "a text"
            case .tuple: "a tuple"
            case .dictionary: "a dictionary"
            case .global: "the name of a class or function"
            case .storage: "a storage"
            case .tensor: "a tensor"
            }
        }
    }

    var reader: ByteReader
    var stack: [Value] = []
    /// Where the stack was at each MARK.
    var marks: [Int] = []
    /// What is kept, by its number: picklers count from 0. nil: nothing.
    var memo: [Value?] = []
    var objects = 0
    var texts: [String] = []
    var tuples: [[Value]] = []
    var dictionaries: [[(key: Value, value: Value)]] = []
    var storages: [TorchStorage] = []
    var made: [TorchTensor] = []
    /// The opcode that is at work, and where it stands.
    var code: UInt8 = 0
    var place = 0

    init(_ bytes: UnsafeRawBufferPointer) throws(Problem) {
        if bytes.count > Self.maximumSize {
            throw Problem(
                text: "data.pkl has \(bytes.count) bytes; at most \(Self.maximumSize) are read")
        }
        reader = ByteReader(bytes)
        repeat {
            place = reader.position
            guard let code = reader.integer(UInt8.self) else {
                throw Problem(
                    text: "data.pkl ends at byte \(place) without the opcode STOP; it is cut short "
                        + "or damaged: copy or download it again")
            }
            self.code = code
            guard let opcode = PickleOpcode(rawValue: code) else {
                throw problem(
                    "is not understood; only the opcodes that tensors need are, and nothing of a "
                        + "pickle is executed")
            }
            try run(opcode)
            if stack.count > Self.maximumStack { throw problem("puts too much on the stack") }
        } while code != PickleOpcode.stop.rawValue
        try finish()
    }

    mutating func finish() throws(Problem) {
        let result = try pop()
        guard case .dictionary(let index) = result else {
            throw problem("ends with \(result.kind); expected a dictionary of names and tensors")
        }
        var names: Set<String> = []
        for (key, value) in dictionaries[index] {
            guard case .text(let text) = key else {
                throw problem("a name of a tensor is \(key.kind), expected a text")
            }
            let name = texts[text]
            guard case .tensor(let tensor) = value else {
                throw Problem(
                    text: "\(value.kind) in place of a tensor; expected the dictionary of a "
                        + "model's weights alone (state_dict)", tensor: name)
            }
            if !names.insert(name).inserted { throw Problem(text: "is named twice", tensor: name) }
            tensors.append((name, made[tensor]))
        }
        if tensors.count > SafetensorsHeader.maximumTensors {
            throw Problem(
                text: "\(tensors.count) tensors in one file; at most "
                    + "\(SafetensorsHeader.maximumTensors) are read")
        }
    }

    /// - Parameter text: to be read behind the opcode.
    func problem(_ text: String) -> Problem {
        let hex = String(code, radix: 16, uppercase: true)
        return Problem(
            text: "data.pkl, byte \(place): opcode \(PickleOpcode.name(code)) "
                + "(0x\(hex.count < 2 ? "0" : "")\(hex)) \(text)")
    }

    var isCut: Problem { problem("is cut short; copy or download the file again") }

    mutating func pop() throws(Problem) -> Value {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw problem("finds nothing on the stack")
        }
        return value
    }

    /// What lies above the last MARK.
    mutating func popMarked() throws(Problem) -> [Value] {
        guard let mark = marks.popLast() else { throw problem("finds no MARK") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    mutating func count(_ more: Int = 1) throws(Problem) {
        objects += more
        if objects > Self.maximumObjects { throw problem("makes too many objects") }
    }

    mutating func push(tuple values: [Value]) throws(Problem) {
        try count(1 + values.count)
        tuples.append(values)
        stack.append(.tuple(tuples.count - 1))
    }

    mutating func pushDictionary() throws(Problem) {
        try count()
        dictionaries.append([])
        stack.append(.dictionary(dictionaries.count - 1))
    }

    mutating func integer<Integer: FixedWidthInteger>(
        _ type: Integer.Type
    ) throws(Problem) -> Int {
        guard let value = reader.integer(type) else { throw isCut }
        guard let result = Int(exactly: value) else { throw problem("has a number too large") }
        return result
    }

    mutating func pushText(_ length: Int) throws(Problem) {
        guard let bytes = reader.bytes(length) else { throw isCut }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw problem("has a text that is not UTF-8")
        }
        try count()
        texts.append(text)
        stack.append(.text(texts.count - 1))
    }

    mutating func remember(_ index: Int) throws(Problem) {
        guard let value = stack.last else { throw problem("finds nothing on the stack") }
        try count()
        if index >= Self.maximumObjects {
            throw problem("keeps an object under a number too large")
        }
        if index >= memo.count {
            memo.append(contentsOf: repeatElement(nil, count: index + 1 - memo.count))
        }
        memo[index] = value
    }

    mutating func recall(_ index: Int) throws(Problem) {
        guard memo.indices.contains(index), let value = memo[index] else {
            throw problem("recalls what was never kept")
        }
        stack.append(value)
    }

    mutating func run(_ opcode: PickleOpcode) throws(Problem) {
        switch opcode {
        case .proto:
            let version = try integer(UInt8.self)
            if version > 5 { throw problem("is of version \(version), which is not known") }
        case .frame: _ = try integer(UInt64.self)
        case .stop: break
        case .mark:
            try count()
            marks.append(stack.count)
        case .none: stack.append(.none)
        case .newTrue, .newFalse: stack.append(.boolean)
        case .binInt: stack.append(.integer(try integer(Int32.self)))
        case .binInt1: stack.append(.integer(try integer(UInt8.self)))
        case .binInt2: stack.append(.integer(try integer(UInt16.self)))
        case .long1: stack.append(.integer(try long(integer(UInt8.self))))
        case .binUnicode: try pushText(integer(UInt32.self))
        case .shortBinUnicode: try pushText(integer(UInt8.self))
        case .emptyTuple: try push(tuple: [])
        case .tuple1: try push(tuple: [pop()])
        case .tuple2:
            let second = try pop()
            try push(tuple: [pop(), second])
        case .tuple3:
            let (third, second) = try (pop(), pop())
            try push(tuple: [pop(), second, third])
        case .tuple: try push(tuple: popMarked())
        case .emptyDict: try pushDictionary()
        case .setItem:
            let value = try pop()
            try set([pop(), value])
        case .setItems: try set(popMarked())
        case .binPut: try remember(integer(UInt8.self))
        case .longBinPut: try remember(integer(UInt32.self))
        case .memoize: try remember(memo.count)
        case .binGet: try recall(integer(UInt8.self))
        case .longBinGet: try recall(integer(UInt32.self))
        case .global: try global()
        case .stackGlobal: try stackGlobal()
        case .reduce: try reduce()
        case .build: try build()
        case .binPersID: try storage()
        }
    }

    /// Two's complement of so many bytes.
    mutating func long(_ length: Int) throws(Problem) -> Int {
        guard let bytes = reader.bytes(length) else { throw isCut }
        if length > 8 { throw problem("has a number too large") }
        var value = (bytes.last ?? 0) & 0x80 != 0 ? -1 : 0
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        return value
    }

    /// Keys and values, by turns, for the dictionary that is on top.
    mutating func set(_ values: [Value]) throws(Problem) {
        guard values.count % 2 == 0, stack.count > (marks.last ?? 0),
            case .dictionary(let index) = stack.last
        else { throw problem("finds no dictionary, or a key without a value") }
        try count(values.count)
        for place in stride(from: 0, to: values.count, by: 2) {
            dictionaries[index].append((values[place], values[place + 1]))
        }
    }
}
