import Documents
import Glibc
import Posix

extension Box {
    /// Families whose `config.json` is spoiled, of the fixtures.
    static let families = ["llama", "opt", "gpt-neox", "gemma2", "phi3", "qwen2", "mistral-window"]

    /// Models, texts, manifests; then what the programs make of them.
    func prepare() throws {
        let fixtures = joined(settings.project, "Tests/PipelineTests/Fixtures")
        let tokenizers = joined(settings.project, "Tests/TokenizerTests/Fixtures")
        let demo = joined(settings.project, "etc/demo")
        try shell(
            """
            mkdir out tmp manifests
            cp -r '\(demo)/models/tiny-llama' demo
            cp '\(demo)'/text/* .
            head -c 20000 evaluation.txt >text.txt
            awk 'NF {gsub(/[\\\\"]/, ""); print "{\\"text\\": \\"" $0 "\\"}"}' text.txt >text.jsonl
            gzip -nk text.jsonl
            gzip -nk text.txt
            for f in \(Self.families.joined(separator: " ")); do
                mkdir $f; cp '\(fixtures)'/$f/config.json '\(fixtures)'/$f/model.safetensors $f
                cp '\(fixtures)'/$f/tokens.safetensors $f.tokens.safetensors
            done
            mkdir torch fp8
            cp llama/config.json torch
            cp llama/config.json fp8
            sed -i '0,/{/s//{"quantization_config": {"quant_method": "fp8", "weight_block_size": \
            [128, 128]},/' fp8/config.json
            for f in pieces stored vocabulary; do mkdir $f; cp demo/config.json demo/*.safetensors \
            $f; done
            gzip -dc '\(tokenizers)'/llama.tokenizer.model.gz >pieces/tokenizer.model
            gzip -dc '\(tokenizers)'/unigram-bytes.tokenizer.model.gz >stored/tokenizer.model
            sed -i 's/"llama"/"mistral"/' stored/config.json
            printf '{"tokenizer_class": "GPT2Tokenizer"}' >vocabulary/tokenizer_config.json
            for f in vocab.json merges.txt; do
                gzip -dc '\(tokenizers)'/vocabulary.$f.gz >vocabulary/$f
            done
            mkdir sharded
            cp llama/config.json sharded
            cp llama/model.safetensors sharded/model-00001-of-00001.safetensors
            """)
        try writeFile(
            self["sharded/model.safetensors.index.json"], index("llama/model.safetensors"))
        try prepareForms()
        for family in Self.families {
            try manifest(family, family, tokens(family))
        }
        try manifest("sharded", "sharded", tokens("llama"))
        let small = "samples: 4, length: 32"
        let evaluation = "evaluation: {text: text.txt, length: 64, windows: 2"
        for text in ["text.txt", "text.jsonl", "text.txt.gz", "text.jsonl.gz"] {
            try manifest(
                text, "demo", ["calibration: {text: \(text), \(small)}", evaluation + "}"])
        }
        for model in ["torch", "fp8", "unindexed"] { try manifest(model, model, tokens("llama")) }
        for (name, model) in [
            ("pieces", "pieces"), ("vocabulary", "vocabulary"), ("hub", "hub/models--org--name"),
        ] {
            try manifest(
                name, model, ["calibration: {text: text.txt, \(small)}", evaluation + "}"])
        }
        try manifest(
            "choices", "demo",
            [
                "calibration: {text: text.txt, \(small)}",
                evaluation + ", choices: questions.jsonl}",
            ])
        try manifest(
            "gather", "llama",
            tokens("llama") + ["statistics: true"], prune: "{method: stade, sequential: false}")
        try need([stadectl, "prune", "manifests/gather.yaml"])
        try shell("cp out/*/stade-statistics.safetensors known.safetensors; mv out/gather report")
        try manifest(
            "statistics", "llama", ["calibration: {statistics: known.safetensors}"],
            prune: "{method: stade}")
        try writeFile(
            self["fuzz.yaml"],
            Array(
                """
                version: 1
                spool: \(path)/spool
                roots: {read: [\(path)], write: [\(path)/out]}
                limits: {jobs: 1, threads: 1, memory: 1GiB}
                checkpoint: {interval: 0s}
                log: error

                """.utf8))
        try makeSpool()
        try makeSnapshot()
        try shell("rm -rf out/* out/.[!.]*; rm -rf tmp/*")
    }

    private func tokens(_ family: String) -> [String] {
        [
            "calibration: {tokens: \(family).tokens.safetensors}",
            "evaluation: {tokens: \(family).tokens.safetensors, length: 64}",
        ]
    }

    private func manifest(
        _ name: String, _ model: String, _ lines: [String], prune: String = "{method: wanda}"
    ) throws {
        let head = ["version: 1", "model: \(model)", "output: out/\(name)", "prune: \(prune)"]
        let text = (head + lines + ["limits: {threads: 1, memory: 512MiB}"]).joined(separator: "\n")
        try writeFile(self["manifests/\(name).yaml"], Array((text + "\n").utf8))
    }

    /// An index of one shard.
    private func index(_ file: String) throws -> [UInt8] {
        let bytes = try readFile(self[file])
        let count = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        let header = try JSON.parse(Array(bytes[8..<(8 + count)]), file: file)
        guard case .object(let members) = header.value else { return [] }
        let names = members.map(\.key).filter { $0 != "__metadata__" }
        let map = names.map { "\"\($0)\": \"model-00001-of-00001.safetensors\"" }
        return Array(
            """
            {"metadata": {"total_size": \(bytes.count - 8 - count)},
             "weight_map": {\(map.joined(separator: ",\n  "))}}

            """.utf8)
    }

    /// A spool with a job in every state, as a daemon that is drained left it.
    private func makeSpool() throws {
        try shell(
            """
            '\(staded)' --config fuzz.yaml & p=$!
            for i in $(seq 100); do [ -d spool/inbox ] && break; sleep 0.1; done
            sleep 0.3
            sed 's/^output.*/output: good/' manifests/llama.yaml >spool/inbox/.good
            printf 'x' >spool/inbox/.bad
            mv spool/inbox/.good spool/inbox/good.yaml; mv spool/inbox/.bad spool/inbox/bad.yaml
            for i in $(seq 300); do [ "$(ls spool/done spool/failed | grep -c ^2)" = 2 ] && break; \
            sleep 0.1; done
            kill -TERM $p; wait $p
            id=$(ls spool/done | head -1); number=0
            [ -n "$id" ]
            for state in queued active deferred held; do
                number=$((number + 1)); new=20250101-00000$number-aaaaaa
                cp -r spool/done/$id spool/$state/$new
                sed -i "s/$id/$new/g" spool/$state/$new/*.json
                rm -f spool/$state/$new/result.json
            done
            printf '{"phase": "pruning", "block": 1, "blocks": 4}' \
            >spool/active/$new/progress.json 2>/dev/null || :
            : >spool/drained
            mv spool pristine-spool
            """)
    }

    /// What an interrupted 'prune --resume' left, with its unfinished output.
    private func makeSnapshot() throws {
        try manifest(
            "snapshot", "demo", ["calibration: {text: calibration.txt, samples: 48, length: 128}"])
        try shell(
            """
            rm -rf out/*
            # Below the configuration's root, not here.
            sed -i 's/^output:.*/output: snapshot/' manifests/snapshot.yaml
            '\(stadectl)' prune --config fuzz.yaml --resume manifests/snapshot.yaml & p=$!
            until find out -name progress.json | grep -q .; do
                kill -0 $p
                sleep 0.01
            done
            kill -TERM $p; wait $p || :
            find out -name progress.json | grep -q .
            cp -a out pristine-out
            """)
    }
}
