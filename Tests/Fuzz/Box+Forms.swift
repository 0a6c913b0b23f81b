import Documents
import Glibc
import Posix
import TestSupport

/// Forms of checkpoints and tokenizers that the fixtures have none of.
extension Box {
    /// Shards without an index, a hub's cache, FP8, and a directory for each kind of tokenizer.
    func prepareForms() throws {
        try shell(
            """
            mkdir unindexed
            cp llama/config.json unindexed
            cp llama/model.safetensors unindexed/model-00001-of-00002.safetensors
            cp llama.tokens.safetensors unindexed/model-00002-of-00002.safetensors
            cache=hub/models--org--name
            mkdir -p $cache/blobs $cache/refs $cache/snapshots/abc
            for f in config.json tokenizer.json tokenizer_config.json model.safetensors; do
                cp demo/$f $cache/blobs/$f.blob
                ln -s ../../blobs/$f.blob $cache/snapshots/abc/$f
            done
            printf abc >$cache/refs/main
            """)
        try writeFile(
            self["fp8/model.safetensors"], try float8(readFile(self["llama/model.safetensors"])))
        for (name, tokenizer) in try tokenizersOfKinds() {
            try shell("mkdir 'tokens-\(name)'; cp llama/config.json 'tokens-\(name)'")
            try writeFile(self["tokens-\(name)/tokenizer.json"], tokenizer)
        }
        try writeFile(self["odd.txt"], Array(Self.odd.utf8))
    }

    /// Characters that normalizers and steps look at.
    static let odd = """
        It's 12345 a\u{300}\u{323}é ﬁ Å A\u{30A} \u{200D}\u{FEFF}▁▁Ġ <s>x</s> \
        [UNK]\t\r\n\u{85}\u{3000}
        日本語カナｶﾞ 각\u{1100}\u{1161} हिन्दी \
        👩‍👩‍👧🇩🇪 İſß ``x'' \u{1D15E}\u{10FFFF} <|extra|> \
        a<|strip|> 1.2.3
        """

    /// Tokenizers of every kind by their names. They stand in one file without SentencePiece's
    /// map.
    func tokenizersOfKinds() throws -> [(name: String, tokenizer: [UInt8])] {
        let root = try JSON.parse(unpacked("unicode.json.gz").first ?? [], file: "unicode.json")
        let map =
            root["normalizers"]?["Precompiled"]?["step"]?["precompiled_charsmap"]?.string ?? ""
        let kinds = try JSON.parse(unpacked("kinds.json.gz").first ?? [], file: "kinds.json")
        return (kinds.array ?? []).compactMap { kind in
            guard let name = kind["name"]?.string, let tokenizer = kind["tokenizer"] else {
                return nil
            }
            let parts = String(decoding: JSON.encode(tokenizer), as: UTF8.self)
                .split(separator: "\"@\"", omittingEmptySubsequences: false)
            return (name, Array(parts.joined(separator: "\"\(map)\"").utf8))
        }
    }

    func unpacked(_ ending: String) throws -> [[UInt8]] {
        let directory = joined(settings.project, "Tests/TokenizerTests/Fixtures")
        return try names(directory).filter { $0.hasSuffix(ending) }.map { name in
            try shell("gzip -dc '\(directory)/\(name)' >unpacked")
            return try readFile(self["unpacked"])
        }
    }

    /// The same tensors with those of layers in FP8, in blocks of 128 by 128 with scales.
    private func float8(_ bytes: [UInt8]) throws -> [UInt8] {
        let count = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        let header = try JSON.parse(Array(bytes[8..<(8 + count)]), file: "model.safetensors")
        let data = Array(bytes[(8 + count)...])
        var entries: [String] = []
        var result: [UInt8] = []
        func add(_ name: String, _ type: String, _ shape: [Int], _ part: some Sequence<UInt8>) {
            let start = result.count
            result += part
            entries.append(
                "\"\(name)\": {\"dtype\": \"\(type)\", \"shape\": "
                    + "[\(shape.map(String.init).joined(separator: ", "))], \"data_offsets\": "
                    + "[\(start), \(result.count)]}")
        }
        for member in header.members ?? [] where member.key != "__metadata__" {
            let shape = (member.value["shape"]?.array ?? []).compactMap(\.integer)
            let place = (member.value["data_offsets"]?.array ?? []).compactMap(\.integer)
            let type = member.value["dtype"]?.string ?? ""
            guard place.count == 2 else { continue }
            let part = data[place[0]..<place[1]]
            guard member.key.contains("_proj.weight"), shape.count == 2 else {
                add(member.key, type, shape, part)
                continue
            }
            add(member.key, "F8_E4M3", shape, part.prefix(shape[0] * shape[1]).map { $0 & 0xB7 })
            let blocks = shape.map { ($0 + 127) / 128 }
            let scales = [[UInt8]](
                repeating: TestSupport.bytes(Float(0.01).bitPattern), count: blocks[0] * blocks[1])
            add("\(member.key)_scale_inv", "F32", blocks, scales.joined())
        }
        return safetensors("{\(entries.joined(separator: ",\n"))}", result)
    }
}
