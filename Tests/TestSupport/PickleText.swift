/// Pickles put together opcode by opcode.
package enum PickleText {
    package static func text(_ text: String) -> [UInt8] {
        [0x58] + bytes(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    package static func global(_ module: String, _ name: String) -> [UInt8] {
        Array("c\(module)\n\(name)\n".utf8)
    }

    package static func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + bytes(Int64(value)) }

    package static func tuple(_ values: [[UInt8]]) -> [UInt8] { [0x28] + values.joined() + [0x74] }

    package static func integers(_ values: [Int]) -> [UInt8] { tuple(values.map { integer($0) }) }

    package static func storage(
        _ count: Int, key: String = "0", type: String = "FloatStorage", module: String = "torch"
    ) -> [UInt8] {
        tuple([
            text("storage"), global(module, type), text(key), text("cpu"), integer(count),
        ]) + [0x51]
    }

    package static let hooks: [UInt8] = global("collections", "OrderedDict") + [0x29, 0x52]

    package static func tensor(
        _ shape: [Int] = [2], _ strides: [Int] = [1], offset: Int = 0, storage: [UInt8]? = nil,
        also: [[UInt8]] = []
    ) -> [UInt8] {
        global("torch._utils", "_rebuild_tensor_v2")
            + tuple(
                [
                    storage ?? Self.storage(2), integer(offset), integers(shape),
                    integers(strides), [0x89], hooks,
                ] + also) + [0x52]
    }

    /// A whole pickle of one dictionary.
    package static func dictionary(_ members: [(String, [UInt8])]) -> [UInt8] {
        [0x80, 2, 0x7D, 0x28] + members.flatMap { text($0.0) + $0.1 } + [0x75, 0x2E]
    }

    package static func of(_ tensor: [UInt8]) -> [UInt8] { dictionary([("w", tensor)]) }
}
