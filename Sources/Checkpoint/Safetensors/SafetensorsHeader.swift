import Documents
import Posix
import Tensors

/// The checked header of a safetensors file.
///
/// Source: the format's documentation, and `SafeTensors::read_metadata` and `Metadata::validate` of
/// its reference implementation in Rust.
struct SafetensorsHeader {
    struct Entry {
        let info: TensorInfo
        /// Bytes from the start of the file.
        let range: Range<Int>
    }

    /// Bytes; the reference implementation's limit.
    static let maximumSize = 100_000_000

    /// Each takes some hundred bytes of memory, however short it is written.
    static let maximumTensors = 250_000

    /// `__metadata__`, in the file's order.
    let metadata: [(key: String, value: String)]
    /// In the order of their data.
    let tensors: [Entry]

    /// Checks that header, tensors and file fit together without gap or overlap.
    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(CheckpointError) {
        let failure = { CheckpointError(file: file, reason: $0) }
        guard bytes.count >= 8 else {
            throw failure(Self.mistaken(bytes) ?? .tooShort(bytes: bytes.count))
        }
        let size = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard size <= Self.maximumSize else {
            throw failure(Self.mistaken(bytes) ?? .headerTooLarge(bytes: size))
        }
        let start = 8 + Int(size)
        guard start <= bytes.count else {
            // What goes on as a header does is one, whatever its length looks like.
            let isHeader = bytes.count == 8 || bytes[8] == UInt8(ascii: "{")
            throw failure(
                (isHeader ? nil : Self.mistaken(bytes))
                    ?? .headerBeyondFile(bytes: size, file: bytes.count))
        }
        guard size > 0, bytes[8] == UInt8(ascii: "{") else {
            throw failure(
                Self.mistaken(bytes) ?? .header("expected a JSON object from byte 8 on"))
        }
        let members = try Self.members(
            UnsafeRawBufferPointer(rebasing: bytes[8..<start]), file: file)
        if members.count > Self.maximumTensors {
            throw failure(.tooManyTensors(members.count))
        }
        var metadata: [(key: String, value: String)] = []
        var entries: [Entry] = []
        var names: Set<String> = []
        entries.reserveCapacity(members.count)
        for member in members {
            if member.key == "__metadata__" {
                metadata = try Self.metadata(member.value, file: file)
                continue
            }
            let entry = try Self.entry(member, start: start, file: file)
            // Names that differ only in how their accents are composed count as the same here.
            if !names.insert(entry.info.name).inserted {
                throw CheckpointError(file: file, tensor: entry.info.name, reason: .namedTwice)
            }
            entries.append(entry)
        }
        self.metadata = metadata
        tensors = try Self.contiguous(entries, from: start, to: bytes.count, file: file)
    }

    /// What is no safetensors at all is told by what it is: read as a length, text and other
    /// formats' first bytes are far too large, or no header follows them.
    private static func mistaken(_ bytes: UnsafeRawBufferPointer) -> CheckpointError.Reason? {
        let head = bytes.prefix(MistakenContents.headSize)
        let text = MistakenContents.text(of: head) ?? MistakenContents.otherWeights(head)
        return text.map { .mistaken($0) }
    }

    private static func members(
        _ bytes: UnsafeRawBufferPointer, file: String
    ) throws(CheckpointError) -> [Node.Member] {
        let node: Node
        do {
            node = try JSON.parse(bytes, file: file)
        } catch {
            let place = error.position.map { "\($0.line):\($0.column): " } ?? ""
            throw CheckpointError(file: file, reason: .header(place + error.reason))
        }
        // It starts with a brace, so it is an object.
        return node.members ?? []
    }

    private static func metadata(
        _ node: Node, file: String
    ) throws(CheckpointError) -> [(key: String, value: String)] {
        guard let members = node.members else {
            throw CheckpointError(file: file, reason: .header("__metadata__ is not an object"))
        }
        var result: [(key: String, value: String)] = []
        for member in members {
            guard let text = member.value.string else {
                let reason = "__metadata__: the value of '\(escaped(member.key))' is not a string"
                throw CheckpointError(file: file, reason: .header(reason))
            }
            result.append((member.key, text))
        }
        return result
    }

    private static func entry(
        _ member: Node.Member, start: Int, file: String
    ) throws(CheckpointError) -> Entry {
        let failure = { CheckpointError(file: file, tensor: member.key, reason: $0) }
        guard let dtype = member.value["dtype"]?.string else {
            throw failure(.header("expected an object with the string 'dtype'"))
        }
        guard let type = ElementType(rawValue: dtype) else { throw failure(.unknownType(dtype)) }
        guard let shape = sizes(member.value["shape"]) else {
            throw failure(.header("expected 'shape', an array of integers from 0 on"))
        }
        guard let offsets = sizes(member.value["data_offsets"]), offsets.count == 2,
            offsets[0] <= offsets[1]
        else {
            throw failure(.header("expected 'data_offsets', [begin, end] with 0 <= begin <= end"))
        }
        let info = TensorInfo(name: member.key, type: type, shape: shape)
        guard let count = info.byteCount else { throw failure(.overflow(shape: shape)) }
        let span = offsets[1] - offsets[0]
        guard span == count else { throw failure(.byteCount(found: span, expected: count)) }
        let (end, overflow) = offsets[1].addingReportingOverflow(start)
        if overflow { throw failure(.header("data_offsets \(offsets) are too large")) }
        return Entry(info: info, range: end - count..<end)
    }

    private static func sizes(_ node: Node?) -> [Int]? {
        guard let elements = node?.array else { return nil }
        var result: [Int] = []
        for element in elements {
            guard let size = element.integer, size >= 0 else { return nil }
            result.append(size)
        }
        return result
    }

    /// Sorted by place; every byte of the data belongs to exactly one tensor.
    private static func contiguous(
        _ entries: [Entry], from start: Int, to end: Int, file: String
    ) throws(CheckpointError) -> [Entry] {
        let sorted = entries.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        // First of all: a download that was cut short is the commonest fault.
        if let entry = sorted.first(where: { $0.range.upperBound > end }) {
            throw CheckpointError(
                file: file, tensor: entry.info.name,
                reason: .truncated(missing: entry.range.upperBound - end))
        }
        var position = start
        var previous = ""
        for entry in sorted {
            let begin = entry.range.lowerBound
            if begin != position {
                throw CheckpointError(
                    file: file, tensor: entry.info.name,
                    reason: begin < position
                        ? .overlap(with: previous) : .hole(bytes: begin - position))
            }
            position = entry.range.upperBound
            previous = entry.info.name
        }
        if position != end {
            throw CheckpointError(file: file, reason: .trailing(bytes: end - position))
        }
        return sorted
    }
}
