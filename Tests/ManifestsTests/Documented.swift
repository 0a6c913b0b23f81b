/// The documents that the README shows, word for word.
enum Documented {
    // swift-format-ignore
    static let manifest = """
        version: 1
        name: smollm2-half                 # optional; default: the file's name
        model: models/SmolLM2-135M         # absolute, or relative to an allowed root
        output: out/SmolLM2-135M-stade50   # must not exist; `overwrite: true` replaces it atomically
        prune:
          method: auto                     # or a list [wanda, stade, auto]: one output each, compared in the report
          sparsity: 0.5                    # or a list [0.3, 0.5, 0.7]: one output per value and a trade-off curve
          pattern: unstructured            # or "2:4", "4:8", any N:M that divides the columns; or channels
          heads: false                     # true: pattern channels takes attention heads, too
          allocation: uniform              # uniform | owl | error: how the zeros are shared out among the layers
          compensation: auto               # auto (as the table says for the method) | none | mean | scale | affine
          scope: row                       # row | layer: what competes for the budget
          targets: [".*"]                  # regular expressions over layer names
          ignore: ["lm_head"]
          sequential: true                 # false: all statistics from one dense pass (half the time, one pass per sweep)
        calibration:
          text: data/calibration.txt       # .txt, .jsonl (field: text), .gz of either; or tokens: or statistics: file.safetensors
          samples: 128
          length: 2048
          seed: 0
        evaluation:                        # optional: dense and pruned model on the same text and questions
          text: data/wiki.test.raw
          length: 2048
          choices: data/questions.jsonl    # {"question": "...", "choices": ["...", "..."], "answer": 0} a line
        compute:
          precision: auto                  # auto | float32 | bfloat16
        limits:
          threads: 2
          memory: 4GiB
          time: 2h
        priority: 0                        # higher first
        statistics: false                  # true keeps stade-statistics.safetensors beside the output
        """

    // swift-format-ignore
    static let configuration = """
        version: 1
        spool: /var/spool/stade
        inbox: /var/spool/stade/inbox      # may be on another file system
        roots:                             # what manifests may name; relative paths are tried below each in order
          read: [/srv/stade/models, /srv/stade/data]
          write: [/srv/stade/out]
        limits: {threads: 8, memory: 32GiB, jobs: 2, jobs_per_user: 4}
        history: {jobs: 1000, age: 90d}
        log: info
        """
}
